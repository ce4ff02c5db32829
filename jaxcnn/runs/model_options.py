"""Reads ``--model-options``: names and values that a model's function takes."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxcnn.errors import UserError, brief
from jaxcnn.names import unknown

_WORDS = {"true": True, "false": False, "none": None}


def parse_model_options(texts: Sequence[str]) -> dict[str, Any]:
    """The options that texts ``NAME=VALUE`` stand for.

    Args:
        texts: a value is a whole number, a number, true, false, none, text, or several of these
            with commas between them.

    Returns:
        The values by their names.

    Raises:
        UserError: if a text is not ``NAME=VALUE``, or a name comes twice.

    >>> parse_model_options(["width=0.5", "stem=small", "stages=3,4"])
    {'width': 0.5, 'stem': 'small', 'stages': (3, 4)}
    """
    options: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name.isidentifier() and value):
            raise UserError(
                f"--model-options takes NAME=VALUE, such as width=0.5, got {brief(text)}"
            )
        if name in options:
            raise UserError(f"--model-options names {name} twice")
        parts = tuple(map(_value, value.split(",")))
        options[name] = parts if len(parts) > 1 else parts[0]
    return options


def check_model_options(name: str, factory: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Refuse options that a model of jaxcnn does not take.

    Args:
        name: the model's name, for the sentence.
        factory: the function that makes it.
        options: the options by their names.

    Raises:
        UserError: with the nearest name.
    """
    takes = [
        parameter.name
        for parameter in inspect.signature(factory).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    for option in options:
        if not takes:
            raise UserError(f"--model-options: {name} takes no options, got {brief(option)}")
        if option not in takes:
            raise UserError(f"--model-options: {unknown(f'option of {name}', option, takes)}")


def _value(text: str) -> Any:
    for convert in (int, float):
        try:
            number = convert(text)
        except ValueError:
            continue
        if math.isfinite(number):
            return number
    return _WORDS.get(text.lower(), text)
