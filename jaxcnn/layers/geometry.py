"""What each kind of layer reads of its input, and how often it multiplies and adds.

Two tables by constructor. A kind that is in neither is unknown, and so is what comes after it.
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
    noise,
    normalization,
    pointwise,
    pooling,
    separable,
    transposed,
)
from jaxcnn.layers.layer import Layer, Params
from jaxcnn.layers.views import SAME, View, from_spans, from_windows, whole
from jaxcnn.layers.views import transposed as transposed_view
from jaxcnn.ops.arguments import per_axis
from jaxcnn.ops.moments import batch_layout
from jaxcnn.ops.transposed import parse_crops
from jaxcnn.ops.window_arguments import dilated, parse_padding


class Seen(NamedTuple):
    """A layer as the rules below see it.

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


Rule = Callable[[Seen], Sequence[View] | None]
"""A view for each spatial axis; ``None`` where it is not known."""


def _pointwise(seen: Seen) -> Sequence[View]:
    return [SAME] * len(seen.sizes)


def _everything(seen: Seen) -> Sequence[View]:
    return [whole(size) for size in seen.sizes]


def _windows(seen: Seen) -> Sequence[View]:
    rank, given = len(seen.sizes), seen.options
    size = per_axis("summary", "window", given["window"], rank, minimum=1)
    gap = per_axis("summary", "dilation", given.get("dilation", 1), rank, minimum=1)
    stride = given["stride"]
    step = size if stride is None else per_axis("summary", "stride", stride, rank, minimum=1)
    span = dilated(size, gap)
    pairs = parse_padding("summary", given.get("padding", 0), seen.sizes, span, step, crops=True)
    lows = [low for low, _ in pairs]
    return [from_windows(*axis) for axis in zip(span, step, lows, strict=True)]


def _transposed(seen: Seen) -> Sequence[View]:
    rank, given = len(seen.sizes), seen.options
    size = per_axis("summary", "window", given["window"], rank, minimum=1)
    gap = per_axis("summary", "dilation", given["dilation"], rank, minimum=1)
    step = per_axis("summary", "stride", given["stride"], rank, minimum=1)
    crops = parse_crops(
        "summary",
        given["padding"],
        given["output_padding"],
        seen.sizes,
        dilated(size, gap),
        step,
        gap,
    )
    lows = [low for low, _ in crops]
    return [transposed_view(*axis) for axis in zip(size, step, gap, lows, strict=True)]


def _bins(seen: Seen) -> Sequence[View]:
    return [_bin(before, after) for before, after in zip(seen.sizes, seen.after, strict=True)]


def _bin(before: int, after: int) -> View:
    def reads(i: int) -> tuple[int, int]:
        return i * before // after, -(-(i + 1) * before // after) - 1

    return whole(before) if after == 1 else from_spans(reads, after, before)


def _border(seen: Seen) -> Sequence[View]:
    rank = len(seen.sizes)
    padding = seen.options["padding"]
    if isinstance(padding, Sequence) and any(isinstance(item, Sequence) for item in padding):
        lows = [low for low, _ in padding]
    else:
        lows = [padding] * rank if isinstance(padding, int) else list(padding)
    return [from_windows(1, 1, low) for low in lows]


def _resized(seen: Seen) -> Sequence[View] | None:
    method, scale = seen.options["method"], seen.options["scale"]
    if scale is not None and not all(
        after == before * factor
        for before, after, factor in zip(
            seen.sizes,
            seen.after,
            scale if isinstance(scale, Sequence) else [scale] * len(seen.sizes),
            strict=True,
        )
    ):
        return None
    if method == "area":
        return _bins(seen)
    reach = {"nearest": 0, "nearest_exact": 0, "bilinear": 1, "bicubic": 2}[method]
    return [
        _interpolated(before, after, reach, seen.options)
        for before, after in zip(seen.sizes, seen.after, strict=True)
    ]


def _interpolated(before: int, after: int, reach: int, options: Mapping[str, Any]) -> View:
    """Which positions an output of an interpolation weighs."""
    aligned = options["align_corners"] and after > 1
    ratio = Fraction(before - 1, after - 1) if aligned else Fraction(before, after)
    half = Fraction(0) if options["align_corners"] else Fraction(1, 2)
    widened = reach * max(ratio, Fraction(1)) if options["antialias"] else Fraction(reach)

    def reads(i: int) -> tuple[int, int]:
        if reach == 0:
            place = math.floor(i * ratio + (ratio / 2 if "exact" in options["method"] else 0))
            return place, place
        centre = (i + half) * ratio - half
        # What lies exactly at the reach has the weight zero.
        return math.floor(centre - widened) + 1, math.ceil(centre + widened) - 1

    return from_spans(reads, ratio.denominator, ratio.numerator)


def _enlarged(seen: Seen) -> Sequence[View]:
    factor = seen.options["factor"]
    return [View(((0, 0),) * factor, 1)] * len(seen.sizes)


def _dense(seen: Seen) -> Sequence[View]:
    """Over vectors, everything; over images, each pixel by itself."""
    return _everything(seen) if len(seen.shape) == 2 else _pointwise(seen)


def _over_axes(seen: Seen) -> Sequence[View]:
    if len(seen.shape) != len(seen.sizes) + 2:
        return _everything(seen)  # flattened before
    axes = seen.options["axes"]
    listed = {axis % len(seen.shape) for axis in ([axes] if isinstance(axes, int) else axes)}
    return [
        whole(size) if axis in listed else SAME for axis, size in enumerate(seen.sizes, start=1)
    ]


def _function(seen: Seen) -> Sequence[View] | None:
    return _pointwise(seen) if seen.options["elementwise"] else None


VIEWS: Mapping[Callable[..., Layer], Rule] = {
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
"""What each output of a layer reads, at evaluation."""


def _outputs_times_kernel(seen: Seen) -> int:
    return math.prod(seen.output) * math.prod(seen.params["kernel"].shape[:-1])


def _inputs_times_kernel(seen: Seen) -> int:
    *window, _, out = seen.params["kernel"].shape
    return math.prod(seen.shape) * math.prod((*window, out))


def _separable(seen: Seen) -> int:
    pixels = math.prod(seen.output) // seen.params["pointwise_kernel"].shape[-1]
    kernels = seen.params["depthwise_kernel"], seen.params["pointwise_kernel"]
    return pixels * sum(math.prod(kernel.shape) for kernel in kernels)


MULTIPLICATIONS: Mapping[Callable[..., Layer], Callable[[Seen], int]] = {
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
"""How many multiply-adds the kernels of a layer take, padding counted as pixels."""


def views_of(layer: Layer, seen: Seen) -> Sequence[View] | None:
    """What each output of a layer reads, one view per axis; ``None`` where it is not known."""
    kind = layer.description.kind if layer.description else None
    return VIEWS[kind](seen) if kind is not None and kind in VIEWS else None


def flops_of(layer: Layer, seen: Seen) -> int | None:
    """Two for each multiply-add of a kernel, nothing for the rest; ``None`` where not known."""
    kind = layer.description.kind if layer.description else None
    if kind is not None and kind in MULTIPLICATIONS:
        return 2 * MULTIPLICATIONS[kind](seen)
    known = kind is arrangement.Resize or views_of(layer, seen) is not None
    return 0 if known else None
