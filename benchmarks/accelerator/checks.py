"""Runs `jaxcnn check` for one op, with as many cases as there is time for."""

import itertools
import math
import time
from collections.abc import Iterator, Sequence

from benchmarks.comparison import Row
from jaxcnn.check import check_ops
from jaxcnn.reference.cases import Case

DTYPES = ("float32", "bfloat16")
"""The dtypes that are checked; `jaxcnn check` itself checks float16 too."""


def in_time(cases: Sequence[Case], seconds: float, most: int) -> Iterator[Case]:
    """Yield the first case, and further ones until the time is over, at most ``most``."""
    end = time.monotonic() + seconds
    yield from cases[:1]
    yield from itertools.takewhile(lambda _: time.monotonic() < end, cases[1:most])


def checked(op: str, most: int, seconds: float) -> Row:
    """Compare an op with the NumPy reference: results, and in float32 gradients."""
    known = 0

    def watch(cases: Sequence[Case]) -> Iterator[Case]:
        nonlocal known
        known = len(cases)
        return in_time(cases, seconds, most)

    found = check_ops([op], DTYPES, watch=watch)
    dtypes = {
        row.dtype: {
            "error": _finite(row.error),
            "gradient_error": _finite(row.gradient_error),
            "tolerance": row.tolerance,
            "ok": row.ok,
        }
        for row in found
    }
    ok = all(row.ok for row in found)
    return {"op": op, "ok": ok, "cases": found[0].cases, "known": known, "dtypes": dtypes}


def _finite(error: float | None) -> float | None:
    """The error as JSON can store it: ``None`` if it is infinite or NaN."""
    return error if error is not None and math.isfinite(error) else None
