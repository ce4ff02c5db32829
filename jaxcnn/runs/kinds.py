"""Values of the types that a config declares."""

import dataclasses
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from jaxcnn.data.schema import brief
from jaxcnn.errors import UserError

_LONGEST = 4096
"""The most characters of a setting: no path is longer."""

_NOUNS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
}


def check_kinds(config: Any) -> None:
    """Refuse a config with a field of another type than it declares, which Python lets pass.

    Args:
        config: a dataclass; its fields that are dataclasses are looked at, too.

    Raises:
        UserError: with one sentence that names the flag, what it may be and what it is.
    """
    for name, hint in get_type_hints(type(config)).items():
        value, where = getattr(config, name), f"--{name.replace('_', '-')}"
        # A file has text for a path, and one value where several may come.
        if isinstance(value, str) and not isinstance(converted(value, hint, where), str):
            raise UserError(f"{where} must be {_described(_kinds(hint))}, got {value!r}")
        converted(value, hint, where)
        if dataclasses.is_dataclass(hint):
            check_kinds(value)


def converted(value: Any, hint: Any, where: str) -> Any:
    """``value`` as a field of type ``hint`` holds it.

    Args:
        value: from a file, or from Python.
        hint: the type of the field.
        where: begins the sentence of an error.

    Raises:
        UserError: if it is of another type.

    >>> converted(1, float | None, "lr")
    1.0
    """
    kinds = _kinds(hint)
    if isinstance(value, str) and len(value) > _LONGEST:
        raise UserError(f"{where} must have at most {_LONGEST:,} characters, got {brief(value)}")
    if value is None and type(None) in kinds:
        return None
    for kind in kinds:
        if get_origin(kind) is tuple:
            several = value if isinstance(value, list | tuple) else [value]
            return tuple(converted(part, get_args(kind)[0], where) for part in several)
        if get_origin(kind) is Literal and value in get_args(kind):
            return value
        if isinstance(kind, type) and isinstance(value, kind) and _is_bool(value, kind):
            return value
    if float in kinds and type(value) is int:
        return float(value)
    if Path in kinds and isinstance(value, str) and value and "\0" not in value:
        return Path(value)
    raise UserError(f"{where} must be {_described(kinds)}, got {brief(value)}")


def _kinds(hint: Any) -> tuple[Any, ...]:
    """The types of a union; a single type alone."""
    union = get_origin(hint) in (Union, types.UnionType)
    return get_args(hint) if union else (hint,)


def _is_bool(value: Any, kind: type) -> bool:
    """Whether a bool stands where one may stand; to Python it is an int, too."""
    return isinstance(value, bool) == (kind is bool)


def _described(kinds: tuple[Any, ...]) -> str:
    words = []
    for kind in kinds:
        if dataclasses.is_dataclass(kind):
            fields = ", ".join(field.name for field in dataclasses.fields(kind))
            words.append(f"a table of {fields}")
        elif get_origin(kind) is tuple:
            words.append(f"a tuple, each {_described(get_args(kind)[:1])}")
        elif get_origin(kind) is Literal:
            words.append(f"one of {', '.join(map(str, get_args(kind)))}")
        elif kind is not type(None):
            words.append(_NOUNS.get(kind, str(kind)))
    return " or ".join(words)
