"""Rules for `summary`: the receptive field and the multiplications of each kind of layer.

There is one table for each, by the layer's constructor. For a kind that is in neither table, both
are unknown; so is the receptive field of the layers after it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from jaxcnn.layers import (
    arrangement,
    convolution,
    dense,
    global_pooling,
    input_normalization,
    noise,
    normalization,
    pointwise,
    pooling,
    separable,
    transposed,
)
from jaxcnn.layers.layer import Layer, Params
from jaxcnn.layers.receptive_fields import SAME, AxisField, from_spans, from_windows, whole
from jaxcnn.layers.receptive_fields import transposed as transposed_field
from jaxcnn.ops.arguments import per_axis
from jaxcnn.ops.moments import batch_layout
from jaxcnn.ops.transposed import parse_crops
from jaxcnn.ops.window_arguments import dilated, parse_padding


class LayerUse(NamedTuple):
    """The input of a rule: a layer's options and the shapes around it.

    Attributes:
        options: its options.
        params: the shapes of its parameters.
        shape: of its input, the batch axis included.
        output: the shape of its output.
        sizes: of the spatial axes that its input has, or had before it was flattened.
    """

    options: Mapping[str, Any]
    params: Params
    shape: tuple[int, ...]
    output: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def after(self) -> tuple[int, ...]:
        """The sizes of the output's spatial axes."""
        layout = batch_layout("summary", self.options.get("layout"), len(self.output))
        return layout.sizes(self.output)


Rule = Callable[[LayerUse], Sequence[AxisField] | None]
"""Gives the receptive field on each spatial axis; ``None`` where it is not known."""


def _pointwise(use: LayerUse) -> Sequence[AxisField]:
    return [SAME] * len(use.sizes)


def _everything(use: LayerUse) -> Sequence[AxisField]:
    return [whole(size) for size in use.sizes]


def _windows(use: LayerUse) -> Sequence[AxisField]:
    rank, given = len(use.sizes), use.options
    size = per_axis("summary", "window", given["window"], rank, minimum=1)
    gap = per_axis("summary", "dilation", given.get("dilation", 1), rank, minimum=1)
    stride = given["stride"]
    step = size if stride is None else per_axis("summary", "stride", stride, rank, minimum=1)
    span = dilated(size, gap)
    pairs = parse_padding("summary", given.get("padding", 0), use.sizes, span, step, crops=True)
    lows = [low for low, _ in pairs]
    return [from_windows(*axis) for axis in zip(span, step, lows, strict=True)]


def _transposed(use: LayerUse) -> Sequence[AxisField]:
    rank, given = len(use.sizes), use.options
    size = per_axis("summary", "window", given["window"], rank, minimum=1)
    gap = per_axis("summary", "dilation", given["dilation"], rank, minimum=1)
    step = per_axis("summary", "stride", given["stride"], rank, minimum=1)
    crops = parse_crops(
        "summary",
        given["padding"],
        given["output_padding"],
        use.sizes,
        dilated(size, gap),
        step,
        gap,
    )
    lows = [low for low, _ in crops]
    return [transposed_field(*axis) for axis in zip(size, step, gap, lows, strict=True)]


def _bins(use: LayerUse) -> Sequence[AxisField]:
    return [_bin(before, after) for before, after in zip(use.sizes, use.after, strict=True)]


def _bin(before: int, after: int) -> AxisField:
    def reads(i: int) -> tuple[int, int]:
        return i * before // after, -(-(i + 1) * before // after) - 1

    return whole(before) if after == 1 else from_spans(reads, after, before)


def _border(use: LayerUse) -> Sequence[AxisField]:
    rank = len(use.sizes)
    padding = use.options["padding"]
    if isinstance(padding, Sequence) and any(isinstance(item, Sequence) for item in padding):
        lows = [low for low, _ in padding]
    else:
        lows = [padding] * rank if isinstance(padding, int) else list(padding)
    return [from_windows(1, 1, low) for low in lows]


def _resized(use: LayerUse) -> Sequence[AxisField] | None:
    method, scale = use.options["method"], use.options["scale"]
    if scale is not None and not all(
        after == before * factor
        for before, after, factor in zip(
            use.sizes,
            use.after,
            scale if isinstance(scale, Sequence) else [scale] * len(use.sizes),
            strict=True,
        )
    ):
        return None
    if method == "area":
        return _bins(use)
    reach = {"nearest": 0, "nearest_exact": 0, "bilinear": 1, "bicubic": 2}[method]
    return [
        _interpolated(before, after, reach, use.options)
        for before, after in zip(use.sizes, use.after, strict=True)
    ]


def _interpolated(before: int, after: int, reach: int, options: Mapping[str, Any]) -> AxisField:
    """The receptive field of an interpolation on one axis."""
    aligned = options["align_corners"] and after > 1
    ratio = Fraction(before - 1, after - 1) if aligned else Fraction(before, after)
    half = Fraction(0) if options["align_corners"] else Fraction(1, 2)
    widened = reach * max(ratio, Fraction(1)) if options["antialias"] else Fraction(reach)

    def reads(i: int) -> tuple[int, int]:
        if reach == 0:
            place = math.floor(i * ratio + (ratio / 2 if "exact" in options["method"] else 0))
            return place, place
        centre = (i + half) * ratio - half
        # A pixel exactly at this distance has the weight zero.
        return math.floor(centre - widened) + 1, math.ceil(centre + widened) - 1

    return from_spans(reads, ratio.denominator, ratio.numerator)


def _enlarged(use: LayerUse) -> Sequence[AxisField]:
    factor = use.options["factor"]
    return [AxisField(((0, 0),) * factor, 1)] * len(use.sizes)


def _dense(use: LayerUse) -> Sequence[AxisField]:
    """All inputs of a vector; of an image, each pixel alone."""
    return _everything(use) if len(use.shape) == 2 else _pointwise(use)


def _over_axes(use: LayerUse) -> Sequence[AxisField]:
    if len(use.shape) != len(use.sizes) + 2:
        return _everything(use)  # flattened before
    axes = use.options["axes"]
    listed = {axis % len(use.shape) for axis in ([axes] if isinstance(axes, int) else axes)}
    return [whole(size) if axis in listed else SAME for axis, size in enumerate(use.sizes, start=1)]


def _function(use: LayerUse) -> Sequence[AxisField] | None:
    return _pointwise(use) if use.options["elementwise"] else None


FIELDS: Mapping[Callable[..., Layer], Rule] = {
    **dict.fromkeys(
        (
            *(convolution.Conv1d, convolution.Conv2d, convolution.Conv3d),
            *(separable.DepthwiseConv2d, separable.SeparableConv2d),
            *(pooling.MaxPool1d, pooling.MaxPool2d, pooling.MaxPool3d),
            *(pooling.AvgPool1d, pooling.AvgPool2d, pooling.AvgPool3d, pooling.LpPool2d),
        ),
        _windows,
    ),
    **dict.fromkeys(
        (transposed.ConvTranspose1d, transposed.ConvTranspose2d, transposed.ConvTranspose3d),
        _transposed,
    ),
    **dict.fromkeys((global_pooling.AdaptiveAvgPool2d, global_pooling.AdaptiveMaxPool2d), _bins),
    **dict.fromkeys((global_pooling.GlobalAvgPool, global_pooling.GlobalMaxPool), _everything),
    **dict.fromkeys((normalization.GroupNorm, normalization.InstanceNorm), _everything),
    **dict.fromkeys((normalization.LayerNorm, normalization.RMSNorm), _over_axes),
    **dict.fromkeys(
        (
            *(normalization.BatchNorm, normalization.LocalResponseNorm, dense.Scale),
            input_normalization.Normalize,
            *(pointwise.Activation, pointwise.Identity),
            *(arrangement.ChannelShuffle, arrangement.Flatten),
            *(noise.Dropout, noise.ChannelDropout, noise.StochasticDepth),
        ),
        _pointwise,
    ),
    pointwise.Function: _function,
    dense.Dense: _dense,
    arrangement.Pad: _border,
    arrangement.Resize: _resized,
    arrangement.PixelShuffle: _enlarged,
}
"""The rule for the receptive field of each kind of layer, at evaluation."""


def _outputs_times_kernel(use: LayerUse) -> int:
    return math.prod(use.output) * math.prod(use.params["kernel"].shape[:-1])


def _inputs_times_kernel(use: LayerUse) -> int:
    *window, _, out = use.params["kernel"].shape
    return math.prod(use.shape) * math.prod((*window, out))


def _separable(use: LayerUse) -> int:
    pixels = math.prod(use.output) // use.params["pointwise_kernel"].shape[-1]
    kernels = use.params["depthwise_kernel"], use.params["pointwise_kernel"]
    return pixels * sum(math.prod(kernel.shape) for kernel in kernels)


MULTIPLICATIONS: Mapping[Callable[..., Layer], Callable[[LayerUse], int]] = {
    **dict.fromkeys(
        (
            *(convolution.Conv1d, convolution.Conv2d, convolution.Conv3d),
            *(separable.DepthwiseConv2d, dense.Dense),
        ),
        _outputs_times_kernel,
    ),
    **dict.fromkeys(
        (transposed.ConvTranspose1d, transposed.ConvTranspose2d, transposed.ConvTranspose3d),
        _inputs_times_kernel,
    ),
    separable.SeparableConv2d: _separable,
}
"""The rule for the number of multiply-adds of each kind of layer, padding counted as pixels."""


def axis_fields_of(layer: Layer, use: LayerUse) -> Sequence[AxisField] | None:
    """The receptive field of a layer, one field per axis; ``None`` where it is not known."""
    kind = layer.description.kind if layer.description else None
    return FIELDS[kind](use) if kind is not None and kind in FIELDS else None


def flops_of(layer: Layer, use: LayerUse) -> int | None:
    """The FLOPs of a layer: two for each multiply-add of a kernel; ``None`` where not known."""
    kind = layer.description.kind if layer.description else None
    if kind is not None and kind in MULTIPLICATIONS:
        return 2 * MULTIPLICATIONS[kind](use)
    known = kind is arrangement.Resize or axis_fields_of(layer, use) is not None
    return 0 if known else None
