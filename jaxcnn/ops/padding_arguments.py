"""The option ``padding``: as pairs of ints, and whether it fits the images and the window."""

import math
from collections.abc import Sequence
from typing import Any

from jaxcnn.ops import habits
from jaxcnn.ops.arguments import Pairs, as_int, per_axis

CROPS_FIRST = ("zeros", "circular")
"""The padding modes that crop before they pad, as in torch; others copy from the whole axis."""


def dilated(window: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """The span of a window whose elements lie ``dilation`` apart."""
    return tuple((size - 1) * step + 1 for size, step in zip(window, dilation, strict=True))


def parse_padding(
    op: str,
    padding: Any,
    sizes: Sequence[int],
    span: Sequence[int],
    stride: Sequence[int],
    *,
    crops: bool = False,
) -> Pairs:
    """``padding`` as one ``(low, high)`` pair per spatial axis.

    Args:
        op: the name of the op, for messages.
        padding: an int, one int per axis, one pair per axis, ``"valid"``, ``"same"``, ``"full"``.
        sizes: the spatial sizes of the input.
        span: the (dilated) extent of the window on each axis.
        stride: the stride on each axis, which ``"same"`` depends on.
        crops: whether the numbers of a pair may be negative, as in `jax.lax`. An int may not:
            PyTorch refuses it.
    """
    rank = len(sizes)
    if isinstance(padding, str):
        return _named_padding(op, padding, sizes, span, stride)
    if isinstance(padding, Sequence) and any(isinstance(item, Sequence) for item in padding):
        return pairs_of(op, padding, rank, minimum=None if crops else 0)
    return tuple((p, p) for p in per_axis(op, "padding", padding, rank, minimum=0))


def _named_padding(
    op: str, padding: str, sizes: Sequence[int], span: Sequence[int], stride: Sequence[int]
) -> Pairs:
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


def check_window_fits(
    op: str, sizes: Sequence[int], span: Sequence[int], padding: Sequence[tuple[int, int]]
) -> None:
    """Refuse an input without pixels, and a window that is larger than the padded input."""
    check_pixels(op, sizes)
    padded = tuple(size + low + high for size, (low, high) in zip(sizes, padding, strict=True))
    if any(extent > size for extent, size in zip(span, padded, strict=True)):
        raise ValueError(
            f"{op}: the window spans {tuple(span)}, but the padded input is only {padded}"
        )


def check_pixels(op: str, sizes: Sequence[int]) -> None:
    """Refuse an input whose spatial axes are empty."""
    if 0 in sizes:
        raise ValueError(f"{op}: `x` has no elements on a spatial axis: {tuple(sizes)}")


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
