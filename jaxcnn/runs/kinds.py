"""The types of settings: how each is named, and how a word or a value becomes one."""

import dataclasses
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, NewType, Union, get_args, get_origin, get_type_hints

from jaxcnn.errors import UserError, brief
from jaxcnn.names import did_you_mean

_LONGEST = 4096
"""The most characters of a setting: no path is longer."""


class Kind(NamedTuple):
    """A type of settings.

    Attributes:
        metavar: stands for a word of this type in the help.
        noun: names the type in an error.
        from_word: makes a setting of a word of the command line; raises `ValueError`.
        from_value: makes a setting of a value of TOML, JSON or Python; raises `ValueError`.
        choices: the words that there are, where they are few.
    """

    metavar: str
    noun: str
    from_word: Callable[[str], Any]
    from_value: Callable[[Any], Any]
    choices: tuple[str, ...] = ()


def _only(kind: type) -> Callable[[Any], Any]:
    """Takes a value of one type; a bool, which Python counts as a number, is not one."""

    def take(value: Any) -> Any:
        if isinstance(value, kind) and isinstance(value, bool) == (kind is bool):
            return value
        raise ValueError

    return take


def _number(value: Any) -> float:
    if type(value) is int and abs(value) < 2**1000:  # a larger one is no float
        return float(value)
    number: float = _only(float)(value)
    return number


def _path(value: str | Path) -> Path:
    if isinstance(value, Path):
        return value
    # An empty path would be the folder one is in.
    if isinstance(value, str) and value and "\0" not in value:
        return Path(value)
    raise ValueError


DeviceCount = NewType("DeviceCount", str)
"""How many devices: ``"all"``, or a positive whole number as text."""


def _device_count(value: Any) -> str:
    word = str(value) if type(value) is int else value
    if isinstance(word, str):
        number = word.isascii() and word.isdecimal() and 0 < int(word) < 2**31
        if number or word == "all":
            return word
    raise ValueError


KINDS: dict[Any, Kind] = {
    bool: Kind("", "true or false", _only(bool), _only(bool)),
    int: Kind("INT", "a whole number", int, _only(int)),
    float: Kind("FLOAT", "a number", float, _number),
    str: Kind("STR", "text", str, _only(str)),
    Path: Kind("PATH", "a path", _path, _path),
    DeviceCount: Kind("INT|all", "a positive whole number or all", _device_count, _device_count),
}
"""The one table of types. `kind_of` makes the rows of choices and of classes.

A bool has no words: its flag is given as ``--flag`` or ``--no-flag``.
"""


def kind_of(hint: Any) -> Kind:
    """The row of the table for a single setting of type ``hint``.

    >>> kind_of(int).noun
    'a whole number'
    """
    if get_origin(hint) is Literal:
        return _choice(get_args(hint))
    return KINDS[hint] if hint in KINDS else _class(hint)


def _class(kind: Any) -> Kind:
    """The row of a class, such as a dataclass that is a part of the settings."""
    noun = f"of the type {getattr(kind, '__name__', kind)}"
    if dataclasses.is_dataclass(kind):
        noun = f"a table of {', '.join(field.name for field in dataclasses.fields(kind))}"
    return Kind("", noun, _only(kind), _only(kind))


def _choice(options: tuple[Any, ...]) -> Kind:
    """The row of a `Literal`."""
    words = tuple(map(str, options))

    def from_word(word: str) -> Any:
        return options[words.index(word)]

    def from_value(value: Any) -> Any:
        return options[[(type(option), option) for option in options].index((type(value), value))]

    return Kind(
        "{" + ",".join(words) + "}", f"one of {', '.join(words)}", from_word, from_value, words
    )


class Shape(NamedTuple):
    """What a field takes.

    Attributes:
        hint: the type of a single setting.
        several: whether it takes any number of them.
        optional: whether it may be ``None``.
    """

    hint: Any
    several: bool
    optional: bool


def shape_of(hint: Any) -> Shape:
    """What a field of type ``hint`` takes.

    >>> shape_of(tuple[int, ...] | None)
    Shape(hint=<class 'int'>, several=True, optional=True)
    """
    union = get_origin(hint) in (Union, types.UnionType)
    kinds = set(get_args(hint)) if union else {hint}
    optional = type(None) in kinds
    if len(kinds) != 1 + optional:
        raise TypeError(f"a setting has one type, or may be None, got {hint}")
    (kind,) = kinds - {type(None)}
    several = get_origin(kind) is tuple
    return Shape(get_args(kind)[0] if several else kind, several, optional)


def from_words(words: Sequence[str], hint: Any, where: str) -> Any:
    """The setting that words of the command line stand for.

    Args:
        words: what follows the flag; ``None`` alone is none.
        hint: the type of the field.
        where: begins the sentence of an error: the flag.

    Returns:
        A value of type ``hint``.

    Raises:
        UserError: if the words do not stand for one.

    >>> from_words(["0.1", "1"], tuple[float, ...], "--lr")
    (0.1, 1.0)
    """
    shape = shape_of(hint)
    if list(words) == ["None"] and (shape.optional or shape.several):
        return None if shape.optional else ()
    kind = kind_of(shape.hint)
    made = tuple(_made(word, kind, kind.from_word, where) for word in words)
    return made if shape.several else made[0]


def converted(value: Any, hint: Any, where: str) -> Any:
    """The setting that a value of a file, or of Python, stands for.

    Args:
        value: from TOML, JSON or Python; one value may stand for a tuple of it.
        hint: the type of the field.
        where: begins the sentence of an error.

    Returns:
        A value of type ``hint``.

    Raises:
        UserError: if it is of another type.

    >>> converted(1, float | None, "lr")
    1.0
    """
    shape = shape_of(hint)
    if value is None and shape.optional:
        return None
    kind = kind_of(shape.hint)
    if not shape.several:
        return _made(value, kind, kind.from_value, where)
    parts = value if isinstance(value, list | tuple) else [value]
    return tuple(_made(part, kind, kind.from_value, where) for part in parts)


def _made(given: Any, kind: Kind, convert: Callable[[Any], Any], where: str) -> Any:
    if isinstance(given, str) and len(given) > _LONGEST:
        raise UserError(f"{where} must have at most {_LONGEST:,} characters, got {brief(given)}")
    try:
        return convert(given)
    except ValueError:
        near = did_you_mean(given, kind.choices) if isinstance(given, str) else ""
        raise UserError(f"{where} must be {kind.noun}, got {brief(given)}{near}") from None


def check_kinds(config: Any) -> None:
    """Refuse a config with a field of another type than it declares, which Python lets pass.

    Args:
        config: a dataclass; its fields that are dataclasses are looked at, too.

    Raises:
        UserError: with one sentence that names the flag, what it may be and what it is.
    """
    for name, hint in get_type_hints(type(config)).items():
        value, where = getattr(config, name), f"--{name.replace('_', '-')}"
        part = dataclasses.is_dataclass(hint)
        if part and isinstance(value, hint):
            check_kinds(value)
            continue
        made = converted(value, hint, where)
        # A file has text for a path, and one value where several may come.
        if isinstance(value, str) and not isinstance(made, str):
            raise _text(value, hint, where)


def _text(value: str, hint: Any, where: str) -> UserError:
    """The error for text in the place of another kind of setting."""
    shape = shape_of(hint)
    noun = kind_of(shape.hint).noun
    wanted = f"a tuple, each {noun}" if shape.several else noun
    return UserError(f"{where} must be {wanted}, got {brief(value)}")
