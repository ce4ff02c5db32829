"""Parses splits such as ``train[:80%]``, with the meaning that they have in TFDS.

Reference: TensorFlow Datasets, "Splits and slicing", https://www.tensorflow.org/datasets/splits
"""

import re
from collections.abc import Mapping
from functools import reduce
from operator import add

from jaxcnn.data.errors import DataError
from jaxcnn.data.selection import Selection
from jaxcnn.names import did_you_mean

_PIECE = re.compile(r"(?P<name>[\w-]+)(\[(?P<start>[^:\[\]]*):(?P<stop>[^:\[\]]*)\])?")
_BOUND = re.compile(r"(?P<number>-?\d[\d_]*(\.\d+)?)(?P<percent>%?)")


def select(spec: str, parts: Mapping[str, Selection], flag: str) -> Selection:
    """The examples that a text such as ``train[:80%]`` selects.

    Args:
        spec: names of splits joined by ``+``, each whole or sliced: ``train``, ``train[:80%]``,
            ``train[-1000:]``, ``train[:10%]+train[90%:]``, ``train+validation``. A percentage is
            rounded to the nearest example, negative bounds count from the end, and if one bound
            is a percentage, the other is one, too.
        parts: the splits by name; ``all`` is all of them behind one another.
        flag: the option for error messages, such as ``--split``.

    Raises:
        DataError: if it is not written like this, names a split that is not there, reaches
            beyond one, or holds no example.
    """
    parts = {"all": reduce(add, parts.values(), Selection(())), **parts}
    found = reduce(add, (_piece(text.strip(), spec, parts, flag) for text in spec.split("+")))
    if len(found) == 0:
        raise DataError(f"{flag} {spec!r}: 0 examples, expected at least 1")
    return found


def _piece(text: str, spec: str, parts: Mapping[str, Selection], flag: str) -> Selection:
    match = _PIECE.fullmatch(text)
    bounds = [_BOUND.fullmatch(match[name] or "0") for name in ("start", "stop")] if match else []
    if not match or None in bounds or (match[2] and not (match["start"] or match["stop"])):
        raise DataError(
            f"{flag} {spec!r}: expected splits as TFDS writes them, such as train, train[:80%], "
            "train[100:-100] or train+test[:50%]"
        )
    part = parts.get(match["name"])
    if part is None:
        raise DataError(f"{flag} {spec!r}: {_unknown(match['name'], parts)}")
    percent = "%" in text
    start = _position(match["start"], 0, len(part), percent)
    stop = _position(match["stop"], len(part), len(part), percent)
    if start is None or stop is None:
        size = "100%" if percent else f"the {len(part):,} examples of {match['name']}"
        raise DataError(f"{flag} {spec!r}: {text} reaches beyond {size}")
    return part.between(start, stop)


def _position(bound: str | None, otherwise: int, count: int, percent: bool) -> int | None:
    """Where a bound lies among ``count`` examples; ``None`` beyond them."""
    if not bound:
        return otherwise
    number = float(bound.removesuffix("%").replace("_", ""))
    if abs(number) > (100 if percent else count) or not (percent or number.is_integer()):
        return None
    position = round(number * count / 100.0) if percent else int(number)
    return position + count if position < 0 else position


def _unknown(name: str, parts: Mapping[str, Selection]) -> str:
    known = ", ".join(f"{part} ({len(rows):,})" for part, rows in parts.items())
    return f"unknown split {name!r}{did_you_mean(name, parts)} (known: {known})"
