"""The options of a command, derived from the fields of its dataclass."""

import dataclasses
import inspect
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from jaxcnn.names import did_you_mean
from jaxcnn.runs import UserError
from jaxcnn.runs.kinds import shape_of


class Operand(NamedTuple):
    """Marks a field as a positional argument, which has no ``--name``.

    Attributes:
        metavar: its name in the help.
    """

    metavar: str


class Named(NamedTuple):
    """Marks a field whose option has another name than the field.

    Attributes:
        name: the name of the option, without its dashes.
    """

    name: str


class _Required:
    """The type of `REQUIRED`."""

    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()
"""Stands for the default of an option that the user must pass."""


class Flag(NamedTuple):
    """An option or positional argument of a command.

    Attributes:
        path: the names of the fields from the command's dataclass to its own field.
        name: its name, without dashes.
        hint: the type of its field.
        default: the value if the user does not pass it; `REQUIRED` if the user must.
        text: its description, from the docstring of the dataclass.
        operand: whether it is positional.
    """

    path: tuple[str, ...]
    name: str
    hint: Any
    default: Any
    text: str
    operand: bool

    @property
    def typed(self) -> str:
        """The option as a user types it; for a positional argument, its name in the help."""
        return self.name if self.operand else f"--{self.name}"


def flags_of(kind: type, default: Any = None, path: tuple[str, ...] = ()) -> list[Flag]:
    """The options of a dataclass, including those of fields that are dataclasses themselves.

    Args:
        kind: the dataclass.
        default: an instance with the default values; if ``None``, the defaults of the fields.
        path: the names of the fields that lead to the dataclass.

    Returns:
        One for each field, in their order.
    """
    hints, texts, found = get_type_hints(kind, include_extras=True), described(kind), []
    for field in dataclasses.fields(kind):
        hint, marks = _plain(hints[field.name])
        value = _default(field) if default is None else getattr(default, field.name)
        here = (*path, field.name)
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            found += flags_of(hint, None if value is REQUIRED else value, here)
            continue
        named = [mark.name for mark in marks if isinstance(mark, Named)]
        places = [mark.metavar for mark in marks if isinstance(mark, Operand)]
        name = (places or named or [field.name.replace("_", "-")])[0]
        found.append(Flag(here, name, hint, value, texts.get(field.name, ""), bool(places)))
    return found


def _plain(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without its annotations, and the annotations."""
    if get_origin(hint) is Annotated:
        return get_args(hint)[0], get_args(hint)[1:]
    return hint, ()


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return REQUIRED if field.default is dataclasses.MISSING else field.default


def described(kind: type) -> dict[str, str]:
    """The description of each field, from the docstrings of a dataclass and its bases.

    >>> from jaxcnn.runs import TrainConfig
    >>> described(TrainConfig)["keep"]
    'How many of the last checkpoints stay; the best stays, too.'
    """
    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        part = inspect.cleandoc(base.__doc__ or "").partition("\nAttributes:\n")[2]
        found = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", part, re.MULTILINE)
        texts |= {name: " ".join(text.split()) for name, text in found}
    return texts


def built(kind: type, values: Mapping[tuple[str, ...], Any], path: tuple[str, ...] = ()) -> Any:
    """Make an instance of a dataclass from the values of its options, by their paths."""
    hints = get_type_hints(kind)
    fields = {}
    for field in dataclasses.fields(kind):
        hint, here = hints[field.name], (*path, field.name)
        part = dataclasses.is_dataclass(hint) and isinstance(hint, type)
        fields[field.name] = built(hint, values, here) if part else values[here]
    return kind(**fields)


class UnknownFlagError(UserError):
    """The command has no such option.

    Attributes:
        name: without its dashes.
    """

    def __init__(self, typed: str, known: Iterable[str]) -> None:
        """Describe the unknown option, and suggest a similar known one."""
        self.name = typed.lstrip("-").replace("_", "-")
        near = did_you_mean(self.name, known, dashes="--")
        super().__init__(f"unknown option {typed}{near} (--help lists them)")


def is_flag(word: str) -> bool:
    """Whether a word of the command line is an option; ``-1`` and ``-inf`` are values.

    >>> [is_flag(word) for word in ("--lr", "-h", "-1e3", "-inf", "run")]
    [True, True, False, False, False]
    """
    try:
        float(word)
    except ValueError:
        return word.startswith("-") and word.lstrip("-")[:1].isalpha()
    return False


def check_words(flags: Sequence[Flag], words: Sequence[str]) -> None:
    """Refuse unknown options, and options whose value is missing.

    Args:
        flags: the options of the command.
        words: the command line after the name of the command.

    Raises:
        UserError: if there is one.
    """
    known = {flag.name: flag for flag in flags if not flag.operand}
    switches = {f"{no}{name}" for name in known if known[name].hint is bool for no in ("", "no-")}
    own = words[: words.index("--")] if "--" in words else words
    for word, after in itertools.pairwise([*own, "--end"]):
        if not is_flag(word):
            continue
        typed, joined, value = word.partition("=")
        name = typed.lstrip("-").replace("_", "-")
        if not typed.startswith("--") or name not in known.keys() | switches:
            raise UnknownFlagError(typed, known.keys() | switches)
        if name in switches and joined:
            raise UserError(f"{typed} takes no value, got {value!r}")
        if name not in switches and not joined and is_flag(after):
            several = shape_of(known[name].hint).several and known[name].default in (None, ())
            none = " (None stands for no value)" if several else ""
            raise UserError(f"--{name}: a value is missing{none}")
