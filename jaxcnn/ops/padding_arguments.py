"""The option ``padding`` by its names and as pairs of ints, and whether there is enough to copy."""

import math
from collections.abc import Sequence
from typing import Any

from jaxcnn.ops import habits
from jaxcnn.ops.argument_types import Pairs
from jaxcnn.ops.arguments import as_int

CROPS_FIRST = ("zeros", "circular")
"""The padding modes that crop before they pad, as in torch; others copy from the whole axis."""


def named_padding(
    op: str, padding: str, sizes: Sequence[int], span: Sequence[int], stride: Sequence[int]
) -> Pairs:
    """The padding that ``"valid"``, ``"same"`` or ``"full"`` means, as pairs."""
    if padding == "valid":
        return ((0, 0),) * len(sizes)
    if padding == "full":
        return tuple((extent - 1, extent - 1) for extent in span)
    if padding == "same":
        totals = [
            max((math.ceil(size / step) - 1) * step + extent - size, 0)
            for size, extent, step in zip(sizes, span, stride, strict=True)
        ]
        return tuple((total // 2, total - total // 2) for total in totals)
    names = ("valid", "same", "full")
    spelled = habits.spelling(padding, names)
    raise ValueError(
        f"{op}: `padding` must be ints, pairs or one of {names}, got {padding!r}{spelled}"
    )


def pairs_of(op: str, padding: Sequence[Any], rank: int, *, minimum: int | None) -> Pairs:
    """``padding``, which must be one pair of ints per spatial axis."""
    if len(padding) != rank or not all(
        isinstance(item, Sequence) and len(item) == 2 for item in padding
    ):
        raise ValueError(
            f"{op}: `padding` must be one (low, high) pair for each of {rank} axes, got {padding!r}"
        )
    return tuple(
        (as_int(op, "padding", low, minimum=minimum), as_int(op, "padding", high, minimum=minimum))
        for low, high in padding
    )


def check_padding_fits(op: str, sizes: Sequence[int], pairs: Pairs, mode: str) -> None:
    """Refuse a border for which the input has too few elements to copy, and to crop too many."""
    spare = {"reflect": -1, "circular": 0}.get(mode)
    for whole, pair in zip(sizes, pairs, strict=True):
        left = whole + sum(min(p, 0) if mode in CROPS_FIRST else p for p in pair)
        if left < 0:
            raise ValueError(
                f"{op}: `padding` {pair} crops more than there is of an axis of {whole}"
            )
        size = left if mode == "circular" else whole
        if spare is not None and max(pair) > size + spare:
            raise ValueError(
                f"{op}: {mode} padding can be at most {size + spare} for an axis of {size}, "
                f"got {pair}"
            )
        if mode == "replicate" and size == 0 and max(pair) > 0:
            raise ValueError(f"{op}: replicate padding needs an axis that is not empty")
