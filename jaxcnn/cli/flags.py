"""The options of a command, derived from the fields of its dataclass."""

import dataclasses
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from jaxcnn.names import did_you_mean
from jaxcnn.runs import UserError

FieldPath = tuple[str, ...]
"""The names of the fields that lead from a command's dataclass to one of its options."""


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
        kind: the dataclass that has its field, and describes it.
        operand: whether it is positional.
    """

    path: FieldPath
    name: str
    hint: Any
    default: Any
    kind: type
    operand: bool

    @property
    def typed(self) -> str:
        """The option as a user types it; for a positional argument, its name in the help."""
        return self.name if self.operand else f"--{self.name}"

    @property
    def text(self) -> str:
        """Its description, from the docstring of its dataclass."""
        return described(self.kind).get(self.path[-1], "")

    @property
    def first_sentence(self) -> str:
        """The first sentence of the description as the end of another one, without its stop."""
        first = self.text.partition(". ")[0].rstrip(".")
        return f"{first[:1].lower()}{first[1:]}"


def flags_of(kind: type, path: FieldPath = ()) -> list[Flag]:
    """The options of a dataclass, including those of fields that are dataclasses themselves.

    Args:
        kind: the dataclass.
        path: the names of the fields that lead to the dataclass.

    Returns:
        One for each field, in their order.
    """
    found = []
    for field, hint, marks in _fields(kind):
        here = (*path, field.name)
        part = dataclasses.is_dataclass(hint)
        if part:
            found += flags_of(hint, here)
            continue
        named = [mark.name for mark in marks if isinstance(mark, Named)]
        places = [mark.metavar for mark in marks if isinstance(mark, Operand)]
        name = (places or named or [field.name.replace("_", "-")])[0]
        found.append(Flag(here, name, hint, _default(field), kind, bool(places)))
    return found


def built(kind: type, values: Mapping[FieldPath, Any], path: FieldPath = ()) -> Any:
    """Make an instance of a dataclass from the values of its options, by their paths."""
    fields = {}
    for field, hint, _ in _fields(kind):
        here = (*path, field.name)
        part = dataclasses.is_dataclass(hint)
        fields[field.name] = built(hint, values, here) if part else values[here]
    return kind(**fields)


def _fields(kind: type) -> Iterator[tuple[dataclasses.Field[Any], Any, Sequence[Any]]]:
    """Each field of a dataclass, with its type without annotations, and the annotations."""
    hints = get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        whole = hints[field.name]
        hint, *marks = get_args(whole) if get_origin(whole) is Annotated else (whole,)
        yield field, hint, marks


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
