"""What each kind of layer becomes in a channels-first graph: its steps and its weights."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxcnn import layers
from jaxcnn.interop.graph import Graph, Place, Rules, Value, order_of, reordered, trace
from jaxcnn.layers import Layer, Params, State
from jaxcnn.ops.arguments import Pairs, per_axis
from jaxcnn.ops.transposed import beyond, parse_crops, reach
from jaxcnn.ops.window_arguments import dilated, parse_padding

Arrays = dict[str, np.ndarray]


def graph_of(layer: Layer, params: Params, state: State, input_shape: tuple[int, ...]) -> Graph:
    """The graph of a model of this package's layers; see `trace`."""
    return trace(layer, params, state, input_shape, RULES)


def _conv(place: Place) -> Value:
    x, its = place.images(), place.options
    kernel, bias = place.site.params["kernel"], place.site.params.get("bias")
    return _convolved(place, x, kernel, bias, its.get("groups", x.exported[1]), place.after, its)


def _separable(place: Place) -> Value:
    x, its, params = place.images(), place.options, place.site.params
    depthwise, pointwise = params["depthwise_kernel"], params["pointwise_kernel"]
    channel = 1 if x.channels_first else -1
    between = list(place.after)
    between[channel] = pointwise.shape[-2]
    groups = x.exported[1]
    y = _convolved(place, x, depthwise, None, groups, tuple(between), its, "depthwise")
    plain = {"stride": 1, "padding": 0, "dilation": 1, "padding_mode": "zeros"}
    return _convolved(place, y, pointwise, params.get("bias"), 1, place.after, plain, "pointwise")


def _convolved(
    place: Place,
    x: Value,
    kernel: np.ndarray,
    bias: np.ndarray | None,
    groups: int,
    after: tuple[int, ...],
    its: Mapping[str, Any],
    part: str = "",
) -> Value:
    sizes = x.exported[2:]
    stride, dilation = (_each(its[name], sizes) for name in ("stride", "dilation"))
    window = kernel.shape[:-2]
    span = dilated(window, dilation)
    pairs = parse_padding("export", its["padding"], sizes, span, stride, crops=True)
    return place.add(
        "convolution",
        x,
        after=after,
        part=part,
        weights=_with_bias(np.moveaxis(kernel, (-1, -2), (0, 1)), bias),
        window=window,
        stride=stride,
        pairs=pairs,
        mode=its["padding_mode"],
        dilation=dilation,
        groups=groups,
    )


def _conv_transpose(place: Place) -> Value:
    x, its, kernel = place.images(), place.options, place.site.params["kernel"]
    sizes, window = x.exported[2:], kernel.shape[:-2]
    stride, dilation = (_each(its[name], sizes) for name in ("stride", "dilation"))
    span = dilated(window, dilation)
    crops = parse_crops(
        "export", its["padding"], its["output_padding"], sizes, span, stride, dilation
    )
    mode = its["padding_mode"]
    # More is added to the output than others can add: it comes of zeros around the input.
    pairs = reach(crops, span, stride) if mode != "zeros" else _zeros(crops, stride, dilation)
    if any(map(any, pairs)):
        x, crops = _padded(place, x, pairs, mode), beyond(crops, pairs, stride)
    return place.add(
        "transposed",
        x,
        weights=_with_bias(np.moveaxis(kernel, (-2, -1), (0, 1)), place.site.params.get("bias")),
        window=window,
        stride=stride,
        crops=crops,
        dilation=dilation,
        groups=its["groups"],
    )


def _dense(place: Place) -> Value:
    last = tuple(range(len(place.x.shape)))
    x, kernel = place.arranged(last), place.site.params["kernel"]
    weights = _with_bias(reordered(kernel, x.order).T, place.site.params.get("bias"))
    return place.add("dense", x, axes=last, weights=weights)


def _scale(place: Place) -> Value:
    x = place.images()
    scale = reordered(place.site.params["scale"], x.order)
    weights = {"": scale.reshape(-1, *[1] * (len(x.shape) - 2))}
    return place.add("scale", x, order=x.order, weights=weights)


def _batch_norm(place: Place) -> Value:
    x, its = place.images(), place.options
    weights, constants = _affine(place, x, its["scale"], its["bias"])
    for name, ours in (("running_mean", "mean"), ("running_var", "var")):
        weights[name] = reordered(place.site.state[ours], x.order)
    constants["num_batches_tracked"] = np.zeros((), np.int64)
    numbers = {"epsilon": its["epsilon"], "momentum": its["momentum"]}
    return place.add(
        "batch_norm", x, order=x.order, weights=weights, constants=constants, **numbers
    )


def _group_norm(place: Place) -> Value:
    x, its = place.images(), place.options
    if len(x.shape) == 2:
        x = place.in_order()
    weights, constants = _affine(place, x, its["scale"], its["bias"])
    numbers = {"groups": its["groups"], "epsilon": its["epsilon"]}
    return place.add("group_norm", x, weights=weights, constants=constants, **numbers)


def _instance_norm(place: Place) -> Value:
    x, its = place.images(), place.options
    weights, constants = _affine(place, x, its["scale"], its["bias"])
    epsilon = its["epsilon"]
    return place.add("instance_norm", x, weights=weights, constants=constants, epsilon=epsilon)


def _over_axes(kind: str) -> Callable[[Place], Value]:
    """A normalization over some axes, which come last in the export."""

    def rule(place: Place) -> Value:
        its, ndim = place.options, len(place.x.shape)
        listed = (its["axes"],) if isinstance(its["axes"], int) else its["axes"]
        over = sorted(axis % ndim for axis in listed)
        if 0 in over:
            return place.unknown()
        axes = (*(axis for axis in range(ndim) if axis not in over), *over)
        x = place.arranged(axes)
        weights, constants = _affine(place, x, its["scale"], its.get("bias", False), both=False)
        return place.add(
            kind,
            x,
            axes=axes,
            order=x.order,
            weights=weights,
            constants=constants,
            over=len(over),
            epsilon=its["epsilon"],
        )

    return rule


def _affine(
    place: Place, x: Value, scale: bool, bias: bool, *, both: bool = True
) -> tuple[Arrays, Arrays]:
    """Scale and bias by torch's names; where torch has both or none, the other is filled in."""
    params = place.site.params
    weights = {
        name: reordered(params[ours], x.order)
        for name, ours in (("weight", "scale"), ("bias", "bias"))
        if ours in params
    }
    constants = {}
    if bias and not scale:
        constants["weight"] = np.ones_like(params["bias"], np.float32)
    if both and scale and not bias:
        constants["bias"] = np.zeros_like(params["scale"], np.float32)
    return weights, constants


def _local_response_norm(place: Place) -> Value:
    names = ("size", "alpha", "beta", "k")
    options = {name: place.options[name] for name in names}
    return place.add("local_response_norm", place.images(), **options)


def _pool(kind: str) -> Callable[[Place], Value]:
    def rule(place: Place) -> Value:
        x, its = place.images(), place.options
        sizes = x.exported[2:]
        window, dilation = _each(its["window"], sizes), _each(its.get("dilation", 1), sizes)
        stride = window if its["stride"] is None else _each(its["stride"], sizes)
        span = dilated(window, dilation)
        pairs = parse_padding("export", its.get("padding", 0), sizes, span, stride)
        after = place.after[2:] if x.channels_first else place.after[1:-1]
        # A last window that reaches over the edge, under `ceil_mode`.
        over = tuple(
            (0, max((count - 1) * step + extent - size - low - high, 0))
            for count, step, extent, size, (low, high) in zip(
                after, stride, span, sizes, pairs, strict=True
            )
        )
        return place.add(
            kind,
            x,
            window=window,
            stride=stride,
            dilation=dilation,
            pairs=pairs,
            over=over,
            mode=its.get("padding_mode", "zeros"),
            ceil_mode=its["ceil_mode"],
            count_include_pad=its.get("count_include_pad", True),
            divisor=its.get("divisor_override"),
            p=its.get("p"),
        )

    return rule


def _simple(kind: str, *names: str, **given: Any) -> Callable[[Place], Value]:
    """A step over channels-first images, with the layer's options of these names."""

    def rule(place: Place) -> Value:
        return place.add(kind, place.images(), **{n: place.options[n] for n in names}, **given)

    return rule


def _elementwise(kind: str, *names: str) -> Callable[[Place], Value]:
    """A step that does the same whatever the order of the axes is."""

    def rule(place: Place) -> Value:
        x = place.x
        options = {name: place.options[name] for name in names}
        return place.add(kind, x, axes=x.axes, order=x.order, **options)

    return rule


def _channel_dropout(place: Place) -> Value:
    x = place.images()
    return place.add("channel_dropout", x, order=x.order, rate=place.options["rate"])


def _flatten(place: Place) -> Value:
    if len(place.x.shape) == 2:
        return _elementwise("identity")(place)
    x = place.builder.images(place.x, place.site.layer)
    return place.add("flatten", x, order=order_of(x))


def _pad(place: Place) -> Value:
    x, its = place.images(), place.options
    sizes = x.exported[2:]
    ones = (1,) * len(sizes)
    pairs = parse_padding("export", its["padding"], sizes, ones, ones, crops=True)
    return place.add("pad", x, pairs=pairs, mode=its["mode"], value=float(its["value"]))


def _padded(place: Place, x: Value, pairs: Pairs, mode: str) -> Value:
    """A border before the layer proper."""
    shape = list(x.shape)
    for axis, (low, high) in zip(x.axes[2:], pairs, strict=True):
        shape[axis] += low + high
    return place.add("pad", x, after=tuple(shape), pairs=pairs, mode=mode, value=0.0)


def _zeros(crops: Pairs, stride: tuple[int, ...], dilation: tuple[int, ...]) -> Pairs:
    """How many zeros each end of an input needs for its output to be cropped, and not added to."""
    return tuple(
        (-(min(low, 0) // step), -(high // step) if -high >= max(step, gap) else 0)
        for (low, high), step, gap in zip(crops, stride, dilation, strict=True)
    )


RULES: Rules = {
    **dict.fromkeys((layers.Conv1d, layers.Conv2d, layers.Conv3d, layers.DepthwiseConv2d), _conv),
    layers.SeparableConv2d: _separable,
    **dict.fromkeys(
        (layers.ConvTranspose1d, layers.ConvTranspose2d, layers.ConvTranspose3d), _conv_transpose
    ),
    layers.Dense: _dense,
    layers.Scale: _scale,
    layers.BatchNorm: _batch_norm,
    layers.GroupNorm: _group_norm,
    layers.InstanceNorm: _instance_norm,
    layers.LayerNorm: _over_axes("layer_norm"),
    layers.RMSNorm: _over_axes("rms_norm"),
    layers.LocalResponseNorm: _local_response_norm,
    **dict.fromkeys((layers.MaxPool1d, layers.MaxPool2d, layers.MaxPool3d), _pool("max_pool")),
    **dict.fromkeys((layers.AvgPool1d, layers.AvgPool2d, layers.AvgPool3d), _pool("avg_pool")),
    layers.LpPool2d: _pool("lp_pool"),
    layers.AdaptiveAvgPool2d: _simple("adaptive", "output_size", how="mean"),
    layers.AdaptiveMaxPool2d: _simple("adaptive", "output_size", how="max"),
    layers.GlobalAvgPool: _simple("global", how="mean"),
    layers.GlobalMaxPool: _simple("global", how="max"),
    layers.Pad: _pad,
    layers.Resize: _simple("resize", "size", "scale", "method", "align_corners", "antialias"),
    layers.PixelShuffle: _simple("pixel_shuffle", "factor"),
    layers.ChannelShuffle: _simple("channel_shuffle", "groups"),
    layers.Flatten: _flatten,
    layers.Activation: _elementwise("activation", "name"),
    layers.Identity: _elementwise("identity"),
    layers.Dropout: _elementwise("dropout", "rate"),
    layers.ChannelDropout: _channel_dropout,
    layers.StochasticDepth: _elementwise("identity"),
}
"""What each kind of layer becomes."""


def _with_bias(weight: np.ndarray, bias: np.ndarray | None) -> Arrays:
    return {"weight": weight} if bias is None else {"weight": weight, "bias": bias}


def _each(value: Any, sizes: tuple[int, ...]) -> tuple[int, ...]:
    return per_axis("export", "size", value, len(sizes), minimum=1)
