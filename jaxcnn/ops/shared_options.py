"""Gives the 1-D and 3-D functions of a family the options of their 2-D function.

The options of a family are written and documented once, in its 2-D function. The other functions
take them as ``**options``, typed by a `TypedDict`, and show them as their own: to `help`, to
`inspect.signature` and to all that reads annotations.
"""

import functools
import inspect
import re
import typing
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def options_of(model: Callable[..., Any], **defaults: Any) -> Callable[[F], F]:
    """Decorate a function that takes the options of another one as ``**options``.

    Args:
        model: the function that has the options, keyword-only, with their defaults and with their
            documentation in its section ``Args``.
        **defaults: the defaults that differ from the model's.

    Returns:
        A decorator. The function gets every option that its `TypedDict` names; what a call leaves
        out has its default. Its signature and annotations list the options in the model's order.
        Its docstring gets the model's text about each option, and the model's section ``Raises``
        if it has none.
    """

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        *own, rest = signature.parameters.values()
        (typed_dict,) = typing.get_args(rest.annotation)
        options = [
            p.replace(default=defaults.get(p.name, p.default))
            for p in inspect.signature(model).parameters.values()
            if p.name in typed_dict.__annotations__
        ]
        usual = {p.name: p.default for p in options}

        @functools.wraps(function)
        def call(*args: Any, **given: Any) -> Any:
            return function(*args, **{**usual, **given})

        # Those who follow this attribute would find `**options` again.
        del call.__wrapped__
        whole = signature.replace(parameters=[*own, *options])
        call.__signature__ = whole  # type: ignore[attr-defined]
        types = {p.name: p.annotation for p in whole.parameters.values()}
        call.__annotations__ = {**types, "return": signature.return_annotation}
        call.__doc__ = _documented(function, model, [p.name for p in options])
        return typing.cast(F, call)

    return decorate


def _documented(
    function: Callable[..., Any], model: Callable[..., Any], options: Sequence[str]
) -> str | None:
    """The docstring of a function, with the model's text about the options."""
    text, source = inspect.getdoc(function), inspect.getdoc(model)
    if text is None or source is None:  # as under `python -OO`
        return None
    known = dict(re.findall(r"^    (\w+): (.*\n(?:      .*\n)*)", source, re.MULTILINE))
    added = "".join(f"    {name}: {known[name]}" for name in options)
    before, after = text.split("\n\nReturns:\n")
    if "\n\nRaises:\n" not in after:
        raises = source.split("\n\nRaises:\n")[1].split("\n\n")[0]
        result, _, rest = after.partition("\n\n")
        after = f"{result}\n\nRaises:\n{raises}\n\n{rest}"
    return f"{before}\n{added}\nReturns:\n{after}"
