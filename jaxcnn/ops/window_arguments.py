"""The span of a window, the padding around the images, and whether the window fits into both."""

from collections.abc import Sequence
from typing import Any

from jaxcnn.ops.argument_types import Pairs
from jaxcnn.ops.arguments import per_axis
from jaxcnn.ops.padding_arguments import named_padding, pairs_of


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

    The numbers of a pair may be negative where it ``crops``, as in `jax.lax`. An int may not:
    PyTorch refuses it.
    """
    rank = len(sizes)
    if isinstance(padding, str):
        return named_padding(op, padding, sizes, span, stride)
    if isinstance(padding, Sequence) and any(isinstance(item, Sequence) for item in padding):
        return pairs_of(op, padding, rank, minimum=None if crops else 0)
    return tuple((p, p) for p in per_axis(op, "padding", padding, rank, minimum=0))


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
