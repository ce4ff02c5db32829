"""The input positions in each window of a pool, and the largest of their values."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxcnn.reference.axes import spread
from jaxcnn.reference.padding import pad, pairs

Position = tuple[int, ...]


def windows(
    sizes: tuple[int, ...],
    window: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> tuple[list[list[list[int]]], list[tuple[int, int]]]:
    """The positions in each window along each axis, and the padding of each axis."""
    rank = len(sizes)
    size, gap = spread(window, rank), spread(dilation, rank)
    step = size if stride is None else spread(stride, rank)
    span = [(k - 1) * d + 1 for k, d in zip(size, gap, strict=True)]
    sides = pairs(padding, sizes, span, step)
    held = []
    for i in range(rank):
        low, high = sides[i]
        start, end, axis = -low, sizes[i] + high, []
        while start + span[i] <= end or (
            ceil_mode and start + span[i] - step[i] < end and start < sizes[i]
        ):
            axis.append([start + a * gap[i] for a in range(size[i])])
            start += step[i]
        held.append(axis)
    return held, sides


def sources(
    sizes: tuple[int, ...], held: list[list[list[int]]], sides: list[tuple[int, int]], mode: str
) -> Iterator[tuple[Position, list[int]]]:
    """The index of each window in the result, and the flat input positions in it.

    Zero padding is left out. A copied border counts as the position that it was copied from.
    """
    plane = np.arange(np.prod(sizes)).reshape(1, *sizes, 1)
    padded = pad(plane, sides, mode=mode, value=-1)[0, ..., 0].astype(int)
    lows = [low for low, _ in sides]
    for place in np.ndindex(*map(len, held)):
        taps = itertools.product(*(axis[i] for axis, i in zip(held, place, strict=True)))
        where = [tuple(t + low for t, low in zip(tap, lows, strict=True)) for tap in taps]
        inside = [w for w in where if all(0 <= p < n for p, n in zip(w, padded.shape, strict=True))]
        yield place, [int(padded[w]) for w in inside if padded[w] >= 0]


def winner(values: np.ndarray) -> int:
    """The index of the largest value: the first of equal ones, or the last NaN."""
    nans = np.flatnonzero(np.isnan(values))
    return int(nans[-1]) if nans.size else int(np.argmax(values))
