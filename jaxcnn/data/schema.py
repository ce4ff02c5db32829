"""What a value from a stranger's file must look like: types, ranges and sizes, as a table.

A reader declares one `Kind` for its file and checks the whole value before it uses a part of it:

>>> from jaxcnn.data.schema import ListOf, Table, Text, Whole
>>> facts = Table({"image_shape": ListOf(Whole(1, 32767), 3, 3), "class_names": ListOf(Text())})
>>> facts.check({"image_shape": [28, 28, "1"], "class_names": ["cat"]}, "data")
Traceback (most recent call last):
ValueError: data.image_shape[2] must be a whole number from 1 to 32,767, got '1'
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from jaxcnn.errors import brief


class Kind(Protocol):
    """What a value may be."""

    def check(self, value: Any, where: str) -> None:
        """Refuse what is not of this kind, with a `ValueError` in one clause.

        Args:
            value: from a file.
            where: the place of the value in the file; "" for the file as a whole.
        """


def refuse(where: str, wanted: str, value: Any) -> NoReturn:
    """Raise the `ValueError` for a value of another kind.

    >>> from jaxcnn.data.schema import refuse
    >>> refuse("epoch", "a whole number", "x")
    Traceback (most recent call last):
    ValueError: epoch must be a whole number, got 'x'
    """
    raise ValueError(f"{where or 'it'} must be {wanted}, got {brief(value)}")


@dataclass(frozen=True)
class Anything:
    """A value that is only shown, or checked elsewhere."""

    def check(self, value: Any, where: str) -> None:
        """Accept it."""


@dataclass(frozen=True)
class Whole:
    """A whole number in a range; ``true`` and ``1.0`` are none."""

    least: int = 0
    most: int = 2**53

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else."""
        if type(value) is not int or not self.least <= value <= self.most:
            refuse(where, f"a whole number from {self.least:,} to {self.most:,}", value)


@dataclass(frozen=True)
class Number:
    """A number; ``None`` where ``null`` may stand for one that is not finite."""

    nonfinite: bool = False
    null: bool = False

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else."""
        if value is None and self.null:
            return
        number = type(value) is float or (type(value) is int and abs(value) < 10**300)
        if not number or not (self.nonfinite or math.isfinite(value)):
            refuse(where, "a number", value)


@dataclass(frozen=True)
class Text:
    """Text of a limited length."""

    longest: int = 10_000

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else."""
        if not isinstance(value, str) or len(value) > self.longest:
            refuse(where, f"text of at most {self.longest:,} characters", value)


@dataclass(frozen=True)
class Name:
    """Text that can be a part of a file's name, but lead to no other folder."""

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else."""
        text = isinstance(value, str) and 0 < len(value) <= 255
        if not text or value in (".", "..") or any(char in value for char in "/\\\0"):
            refuse(where, "a short name without slashes", value)


@dataclass(frozen=True)
class Digits:
    """A whole number in a range, or the text of one, as protocol buffers write large numbers."""

    least: int = 0
    most: int = 2**53

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else."""
        text = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value)
        Whole(self.least, self.most).check(int(value) if text else value, where)


@dataclass(frozen=True)
class OneOf:
    """One of several values."""

    values: tuple[Any, ...]

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else."""
        if not any(type(value) is type(other) and value == other for other in self.values):
            refuse(where, f"one of {', '.join(map(str, self.values))}", value)


@dataclass(frozen=True)
class Nullable:
    """A value of a kind, or ``null``."""

    kind: Kind

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else."""
        if value is not None:
            self.kind.check(value, where)


@dataclass(frozen=True)
class ListOf:
    """A list of values of one kind, of a limited length."""

    kind: Kind
    least: int = 0
    most: int = 2**20

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else, and lists that are too short or too long."""
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            length = (
                f"{self.least}" if self.least == self.most else f"{self.least:,} to {self.most:,}"
            )
            refuse(where, f"a list of {length} values", value)
        for index, item in enumerate(value):
            self.kind.check(item, f"{where}[{index}]")


@dataclass(frozen=True)
class TableOf:
    """A table with values of one kind under any names."""

    kind: Kind
    most: int = 10_000

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else, and tables of too many values."""
        if not isinstance(value, dict) or len(value) > self.most:
            refuse(where, f"a table of at most {self.most:,} values", value)
        for name, item in value.items():
            self.kind.check(item, _inside(where, name))


@dataclass(frozen=True)
class Table:
    """A table with values of a kind for each name.

    Attributes:
        fields: the kind of the value under each name.
        optional: the same, of names that may be missing.
        others: the kind of the values under all other names; ``None`` refuses them.
    """

    fields: Mapping[str, Kind]
    optional: Mapping[str, Kind] = field(default_factory=dict)
    others: Kind | None = None

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else, tables without a needed name and unknown names."""
        if not isinstance(value, dict):
            refuse(where, "a table", value)
        for name in self.fields.keys() - value.keys():
            raise ValueError(f"{_inside(where, name)} is missing")
        kinds = {**self.optional, **self.fields}
        for name, item in value.items():
            kind = kinds.get(name, self.others)
            if kind is None:
                raise ValueError(f"{_inside(where, name)} is unknown")
            kind.check(item, _inside(where, name))


def _inside(where: str, name: str) -> str:
    name = name if len(name) <= 60 else f"{name[:57]}..."
    return f"{where}.{name}" if where else name
