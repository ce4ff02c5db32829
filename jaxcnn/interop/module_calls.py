"""What a module of another library takes when it is called, found by the names of its arguments."""

import contextlib
import inspect
from collections.abc import Callable, Collection, Iterator
from typing import Any

import jax

SWITCHES = {
    "train": True,
    "training": True,
    "is_training": True,
    "deterministic": False,
    "use_running_average": False,
    "inference": False,
}
"""Arguments that switch between training and evaluation, with the value that means training."""


def arguments_of(op: str, call: Callable[..., Any], known: Collection[str]) -> tuple[str, ...]:
    """Find which arguments a module's call takes besides its one input.

    Args:
        op: the function that asks, for messages.
        call: the module's ``__call__``.
        known: the names that can be given.

    Returns:
        Those of ``known`` that the call takes.

    Raises:
        TypeError: if the call takes no input, or needs an argument that is not known.

    >>> arguments_of("from_linen", lambda x, train, mask=None: x, SWITCHES)
    ('train',)
    """
    parameters = list(inspect.signature(call).parameters.values())
    if not parameters or parameters[0].kind in (
        parameters[0].KEYWORD_ONLY,
        parameters[0].VAR_KEYWORD,
    ):
        raise TypeError(f"{op}: the module's __call__ must take one input, got none")
    rest = parameters[1:]
    needed = [p.name for p in rest if p.default is p.empty and p.kind not in (2, 4)]
    others = [name for name in needed if name not in known]
    if others:
        raise TypeError(
            f"{op}: the module must take one input, but its __call__ also needs {', '.join(others)}"
        )
    return tuple(p.name for p in rest if p.name in known)


def switched(names: Collection[str], train: bool) -> dict[str, Any]:
    """The switches among ``names``, set for training or evaluation.

    >>> switched(["train", "deterministic"], True)
    {'train': True, 'deterministic': False}
    """
    return {name: SWITCHES[name] == train for name in names if name in SWITCHES}


def check_factory(op: str, factory: object, kind: type, call: str) -> None:
    """Refuse a module where a function that makes modules is expected.

    Args:
        op: the function that asks.
        factory: what it was given.
        kind: the library's class of modules.
        call: how a factory is written, for the message.

    Raises:
        TypeError: if ``factory`` is a module, or cannot be called.
    """
    if isinstance(factory, kind) or not callable(factory):
        came = "a module" if isinstance(factory, kind) else repr(factory)
        raise TypeError(
            f"{op}: `factory` must be a function that makes the module, so that every seed draws "
            f"its own, as in `{op}({call})`, got {came}"
        )


def check_module(op: str, module: object, kind: type) -> None:
    """Refuse what a factory made if it is no module.

    Raises:
        TypeError: naming the expected class.
    """
    if not isinstance(module, kind):
        name = f"{kind.__module__.partition('.')[0]}'s {kind.__name__}"
        raise TypeError(f"{op}: `factory` must return {name}, got {type(module).__name__}")


def one_array(op: str, y: object) -> jax.Array:
    """The output of a module, which must be one array.

    Raises:
        TypeError: if it is something else.
    """
    if not isinstance(y, jax.Array):
        raise TypeError(f"{op}: the module must return one array, got {type(y).__name__}")
    return y


@contextlib.contextmanager
def promoting() -> Iterator[None]:
    """The promotion rules that other libraries count on, whatever the user's settings are."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield
