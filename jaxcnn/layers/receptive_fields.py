"""Receptive fields along one axis: the input positions that each output position depends on."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from jaxcnn.ops.geometry import ReceptiveField

Span = tuple[int, int] | None
"""The first and the last input position that is read; ``None`` where none is."""


class AxisField(NamedTuple):
    """The input positions that each output position depends on, along one axis.

    The spans repeat: output position ``i + len(spans)`` reads the span of position i, shifted by
    ``advance``. A stride of 2 is one span and an advance of 2. An image enlarged 2 times is two
    spans and an advance of 1. An output that reads the whole axis has an advance of 0. The input
    is treated as endless: a window that reaches into the padding reads negative positions.

    Attributes:
        spans: the input positions that the output positions 0, 1, … read.
        advance: the shift in the input after which the spans repeat.
    """

    spans: tuple[Span, ...]
    advance: int

    def at(self, position: int) -> Span:
        """The input positions that an output position reads."""
        turns, index = divmod(position, len(self.spans))
        span, shift = self.spans[index], turns * self.advance
        return None if span is None else (span[0] + shift, span[1] + shift)

    def after(self, first: "AxisField") -> "AxisField":
        """The field of this layer applied after another one."""
        turns = len(first.spans) // math.gcd(self.advance, len(first.spans))
        count = turns * len(self.spans)
        spans = tuple(_hull(self._through(first, i)) for i in range(count))
        return AxisField(spans, self.advance * turns // len(first.spans) * first.advance)

    def _through(self, first: "AxisField", position: int) -> list[Span]:
        span = self.at(position)
        return [] if span is None else [first.at(i) for i in range(span[0], span[1] + 1)]


SAME = AxisField(((0, 0),), 1)
"""Each output position reads the input position of the same number."""


def whole(size: int) -> AxisField:
    """Every output position reads the whole axis."""
    return AxisField(((0, size - 1),), 0)


def from_windows(span: int, stride: int, low: int) -> AxisField:
    """The field of a convolution or a pool whose first window starts ``low`` before the input."""
    return AxisField(((-low, span - 1 - low),), stride)


def transposed(window: int, stride: int, dilation: int, low: int) -> AxisField:
    """The field of a transposed convolution whose output is cropped by ``low`` at the start."""

    def reads(position: int) -> Span:
        steps = [position + low - tap * dilation for tap in range(window)]
        return _hull([(step // stride,) * 2 for step in steps if step % stride == 0])

    return AxisField(tuple(reads(i) for i in range(stride)), 1)


def from_spans(spans: Callable[[int], tuple[int, int]], period: int, advance: int) -> AxisField:
    """A field that repeats after ``period`` output positions."""
    divisor = math.gcd(period, advance)
    return AxisField(tuple(spans(i) for i in range(period // divisor)), advance // divisor)


def union(fields: Sequence[AxisField], size: int) -> AxisField | None:
    """The field of several branches together: the hull of their spans.

    Args:
        fields: one per branch.
        size: the size of the input axis.

    Returns:
        Their hull; ``None`` where the branches have different strides.
    """
    everything = whole(size)
    if any(_clipped(field, size) == everything for field in fields):
        return everything
    count = math.lcm(*(len(field.spans) for field in fields))
    advances = {field.advance * count // len(field.spans) for field in fields}
    if len(advances) > 1:
        return None
    spans = tuple(_hull([field.at(i) for field in fields]) for i in range(count))
    return AxisField(spans, advances.pop())


def receptive_field_of(fields: Sequence[AxisField], sizes: Sequence[int]) -> ReceptiveField:
    """The receptive field along all axes.

    Args:
        fields: one per axis.
        sizes: the input's sizes along these axes.
    """
    clipped = [_clipped(field, size) for field, size in zip(fields, sizes, strict=True)]
    axes = [_axis(field) for field in clipped]
    extents, strides, offsets = zip(*axes, strict=True) if axes else ((), (), ())
    return ReceptiveField(tuple(extents), tuple(strides), tuple(offsets))


def _axis(field: AxisField) -> tuple[int, float, int]:
    spans = [span for span in field.spans if span is not None]
    stride = field.advance / len(field.spans)
    extent = max((high - low + 1 for low, high in spans), default=0)
    # The first output's field, as long as the longest: where phases differ, it begins earlier.
    offset = min((low for low, _ in spans[:1]), default=0)
    return extent, int(stride) if stride.is_integer() else stride, offset


def _clipped(field: AxisField, size: int) -> AxisField:
    """A field that reads a whole axis, without the padding."""
    if field.advance or field.spans[0] is None:
        return field
    span = _hull(list(field.spans))
    assert span is not None
    return AxisField(((max(span[0], 0), min(span[1], size - 1)),), 0)


def _hull(spans: Sequence[Span]) -> Span:
    given = [span for span in spans if span is not None]
    if not given:
        return None
    return min(low for low, _ in given), max(high for _, high in given)
