"""Reads untrusted JSON and TOML: size and nesting are limited before parsing."""

import collections
import json
import os
import re
import tomllib
from typing import Any, NoReturn

import numpy as np

from jaxcnn.data.schema import Schema
from jaxcnn.errors import UserError, brief
from jaxcnn.reading import read_text, reason

LARGEST_JSON = 2**24
LARGEST_TOML = 1_000_000
"""The most bytes that a document may have."""

DEEPEST_JSON = 40
DEEPEST_TOML = 12
"""The most brackets that may be open at once, and parts that a dotted key may have."""

LONGEST_NUMBER = 1000
"""The most digits of a number: Python takes a time that grows with their square."""

# Possessive quantifiers (+) never go back, so both are linear, whatever the text is.
_JSON_TEXT = re.compile(r'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_TOML_TEXT = re.compile(
    # The quotes at the end of a text over several lines may follow one or two of its own.
    r'"""(?:[^"\\]++|\\.?|"(?!""))*+(?:"{3,5})?|' + r"'''(?:[^']++|'(?!''))*+(?:'{3,5})?|"
    r'"(?:[^"\\\n]++|\\.?)*+"?|' + r"'[^'\n]*+'?|#[^\n]*+",
    re.DOTALL,
)
_DIGITS = re.compile(r"[0-9A-Fa-f_]++")
_LINE = re.compile(r"[,=\[\]{}\n]")


def parse_json(text: str, *, nonfinite: bool = False) -> Any:
    """The value that JSON stands for.

    Args:
        text: the JSON.
        nonfinite: whether ``NaN`` and ``Infinity`` may be in it, which strict JSON has not.

    Returns:
        The value; of a key that is given twice, there is none.

    Raises:
        ValueError: in one clause, if it is no JSON, is nested too deeply, or has a number of too
            many digits, a number beyond the range of floats or the same key twice.

    >>> from jaxcnn.data.documents import parse_json
    >>> parse_json('{"epoch": 3, "loss": 0.5}')
    {'epoch': 3, 'loss': 0.5}
    """
    _check_depth(_JSON_TEXT.sub("s", text), DEEPEST_JSON)
    try:
        return json.loads(
            text,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=float if nonfinite else _refuse_constant,
            object_pairs_hook=_without_doubles,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parse_toml(text: str) -> dict[str, Any]:
    """The values that TOML stands for.

    Args:
        text: the TOML.

    Returns:
        The values by key.

    Raises:
        ValueError: in one clause, if it is no TOML, is nested too deeply, or has a number of too
            many digits.

    >>> from jaxcnn.data.documents import parse_toml
    >>> parse_toml('lr = 0.1 # a comment')
    {'lr': 0.1}
    """
    bare = _TOML_TEXT.sub("s", text)
    _check_depth(bare, DEEPEST_TOML)
    if any(part.count(".") >= DEEPEST_TOML for part in _LINE.split(bare)):
        raise ValueError(f"a key of it has more than {DEEPEST_TOML} parts")
    if max(map(len, _DIGITS.findall(bare)), default=0) > LONGEST_NUMBER:
        raise ValueError(f"a number of it has more than {LONGEST_NUMBER:,} digits")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_json(
    path: str | os.PathLike[str],
    schema: Schema,
    *,
    most: int = LARGEST_JSON,
    nonfinite: bool = False,
) -> Any:
    """The value in a JSON file, checked.

    Args:
        path: the file.
        schema: what the value must look like.
        most: the largest number of bytes that the file may have.
        nonfinite: whether ``NaN`` and ``Infinity`` may be in it.

    Returns:
        The value.

    Raises:
        UserError: if the file cannot be read, is no JSON, or does not fit the schema.

    >>> import tempfile
    >>> from jaxcnn.data.documents import read_json
    >>> from jaxcnn.data.schema import Table, Whole
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b'{"epochs": 3}'), file.flush()
    ...     read_json(file.name, Table({"epochs": Whole(1, 10)}))
    {'epochs': 3}
    """
    try:
        value = parse_json(read_text(path, most), nonfinite=nonfinite)
        schema.check(value, "")
    except OSError as error:
        raise UserError(f"{os.fspath(path)} cannot be read: {reason(error)}") from None
    except ValueError as error:
        raise UserError(f"{os.fspath(path)} is damaged: {error}") from None
    return value


def _check_depth(bare: str, most: int) -> None:
    """Refuse text without its strings that opens too many brackets."""
    signs = np.frombuffer(bare.encode("utf-8", "surrogatepass"), np.uint8)
    opened = (signs == ord("[")) | (signs == ord("{"))
    closed = (signs == ord("]")) | (signs == ord("}"))
    depth = np.cumsum(opened.astype(np.int64) - closed)
    if depth.max(initial=0) > most:
        raise ValueError(f"it is nested more than {most} deep")


def _whole(digits: str) -> int:
    _check_digits(digits)
    return int(digits)


def _finite(digits: str) -> float:
    _check_digits(digits)
    if abs(value := float(digits)) == float("inf"):
        raise ValueError(f"the number {brief(digits)} is beyond the range of floats")
    return value


def _check_digits(digits: str) -> None:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"a number of it has {len(digits):,} digits, expected fewer")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice, _ = collections.Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {brief(twice)} is given twice")
    return value
