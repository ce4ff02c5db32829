"""Schemas for values from untrusted files: they check types, ranges and sizes.

A reader declares one `Schema` for its file, and checks the whole value before it uses any of it:

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


class Schema(Protocol):
    """A description of the values that are accepted."""

    def check(self, value: Any, where: str) -> None:
        """Refuse a value that does not fit, with a `ValueError` in one clause.

        Args:
            value: from a file.
            where: the path of the value in the file; "" for the whole file.
        """


def refuse(where: str, wanted: str, value: Any) -> NoReturn:
    """Raise the `ValueError` for a value that does not fit.

    >>> from jaxcnn.data.schema import refuse
    >>> refuse("epoch", "a whole number", "x")
    Traceback (most recent call last):
    ValueError: epoch must be a whole number, got 'x'
    """
    raise ValueError(f"{where or 'it'} must be {wanted}, got {brief(value)}")


@dataclass(frozen=True)
class Anything:
    """Any value: one that is only printed, or is checked elsewhere."""

    def check(self, value: Any, where: str) -> None:
        """Accept it."""


@dataclass(frozen=True)
class Whole:
    """A whole number in a range; ``true`` and ``1.0`` are refused."""

    least: int = 0
    most: int = 2**53

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else."""
        if type(value) is not int or not self.least <= value <= self.most:
            refuse(where, f"a whole number from {self.least:,} to {self.most:,}", value)


@dataclass(frozen=True)
class Number:
    """A number, which may be NaN or infinite, or ``null``, only if so declared."""

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
class FileName:
    """A file name without folders, so that it cannot lead to another folder."""

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else."""
        text = isinstance(value, str) and 0 < len(value) <= 255
        if not text or value in (".", "..") or any(char in value for char in "/\\\0"):
            refuse(where, "a short name without slashes", value)


@dataclass(frozen=True)
class WholeOrText:
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
    """A value that fits another schema, or ``null``."""

    schema: Schema

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else."""
        if value is not None:
            self.schema.check(value, where)


@dataclass(frozen=True)
class ListOf:
    """A list of limited length whose values all fit one schema."""

    schema: Schema
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
            self.schema.check(item, f"{where}[{index}]")


@dataclass(frozen=True)
class TableOf:
    """A table with any names, whose values all fit one schema."""

    schema: Schema
    most: int = 10_000

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else, and tables of too many values."""
        if not isinstance(value, dict) or len(value) > self.most:
            refuse(where, f"a table of at most {self.most:,} values", value)
        for name, item in value.items():
            self.schema.check(item, _inside(where, name))


@dataclass(frozen=True)
class Table:
    """A table with known names, each with a schema of its own.

    Attributes:
        fields: the schema of the value under each name.
        optional: the same, for names that may be missing.
        others: the schema of the values under all other names; ``None`` refuses them.
    """

    fields: Mapping[str, Schema]
    optional: Mapping[str, Schema] = field(default_factory=dict)
    others: Schema | None = None

    def check(self, value: Any, where: str) -> None:
        """Refuse everything else, tables without a needed name and unknown names."""
        if not isinstance(value, dict):
            refuse(where, "a table", value)
        for name in self.fields.keys() - value.keys():
            raise ValueError(f"{_inside(where, name)} is missing")
        schemas = {**self.optional, **self.fields}
        for name, item in value.items():
            schema = schemas.get(name, self.others)
            if schema is None:
                raise ValueError(f"{_inside(where, name)} is unknown")
            schema.check(item, _inside(where, name))


def _inside(where: str, name: str) -> str:
    name = name if len(name) <= 60 else f"{name[:57]}..."
    return f"{where}.{name}" if where else name
