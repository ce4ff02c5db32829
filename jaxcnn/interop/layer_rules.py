"""The rule for each kind of layer: the steps and weights that it becomes in an exported graph."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxcnn import layers
from jaxcnn.interop.export_graph import (
    Graph,
    LayerContext,
    Rules,
    Value,
    order_of,
    reordered,
    trace,
)
from jaxcnn.layers import Layer, Params, State
from jaxcnn.ops.argument_types import Pairs
from jaxcnn.ops.arguments import per_axis
from jaxcnn.ops.transposed import beyond, parse_crops, reach
from jaxcnn.ops.window_arguments import dilated, parse_padding

Arrays = dict[str, np.ndarray]


def graph_of(layer: Layer, params: Params, state: State, input_shape: tuple[int, ...]) -> Graph:
    """Trace a model of this package's layers into a graph, by the rules of this file."""
    return trace(layer, params, state, input_shape, RULES)


def _conv(context: LayerContext) -> Value:
    x, its = context.images(), context.options
    kernel, bias = context.node.params["kernel"], context.node.params.get("bias")
    return _convolved(
        context, x, kernel, bias, its.get("groups", x.exported[1]), context.after, its
    )


def _separable(context: LayerContext) -> Value:
    x, its, params = context.images(), context.options, context.node.params
    depthwise, pointwise = params["depthwise_kernel"], params["pointwise_kernel"]
    channel = 1 if x.channels_first else -1
    between = list(context.after)
    between[channel] = pointwise.shape[-2]
    groups = x.exported[1]
    y = _convolved(context, x, depthwise, None, groups, tuple(between), its, "depthwise")
    plain = {"stride": 1, "padding": 0, "dilation": 1, "padding_mode": "zeros"}
    return _convolved(
        context, y, pointwise, params.get("bias"), 1, context.after, plain, "pointwise"
    )


def _convolved(
    context: LayerContext,
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
    return context.add(
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


def _conv_transpose(context: LayerContext) -> Value:
    x, its, kernel = context.images(), context.options, context.node.params["kernel"]
    sizes, window = x.exported[2:], kernel.shape[:-2]
    stride, dilation = (_each(its[name], sizes) for name in ("stride", "dilation"))
    span = dilated(window, dilation)
    crops = parse_crops(
        "export", its["padding"], its["output_padding"], sizes, span, stride, dilation
    )
    mode = its["padding_mode"]
    # ONNX and torch cannot add so much to the output: zeros around the input do the same.
    pairs = reach(crops, span, stride) if mode != "zeros" else _zeros(crops, stride, dilation)
    if any(map(any, pairs)):
        x, crops = _padded(context, x, pairs, mode), beyond(crops, pairs, stride)
    return context.add(
        "transposed",
        x,
        weights=_with_bias(np.moveaxis(kernel, (-2, -1), (0, 1)), context.node.params.get("bias")),
        window=window,
        stride=stride,
        crops=crops,
        dilation=dilation,
        groups=its["groups"],
    )


def _dense(context: LayerContext) -> Value:
    last = tuple(range(len(context.x.shape)))
    x, kernel = context.arranged(last), context.node.params["kernel"]
    weights = _with_bias(reordered(kernel, x.order).T, context.node.params.get("bias"))
    return context.add("dense", x, axes=last, weights=weights)


def _scale(context: LayerContext) -> Value:
    x = context.images()
    scale = reordered(context.node.params["scale"], x.order)
    weights = {"": scale.reshape(-1, *[1] * (len(x.shape) - 2))}
    return context.add("scale", x, order=x.order, weights=weights)


def _normalize(context: LayerContext) -> Value:
    its = context.options
    return context.add("normalize", context.images(), mean=its["mean"], std=its["std"])


def _batch_norm(context: LayerContext) -> Value:
    x, its = context.images(), context.options
    weights, constants = _affine(context, x, its["scale"], its["bias"])
    for name, ours in (("running_mean", "mean"), ("running_var", "var")):
        weights[name] = reordered(context.node.state[ours], x.order)
    constants["num_batches_tracked"] = np.zeros((), np.int64)
    numbers = {"epsilon": its["epsilon"], "momentum": its["momentum"]}
    return context.add(
        "batch_norm", x, order=x.order, weights=weights, constants=constants, **numbers
    )


def _group_norm(context: LayerContext) -> Value:
    x, its = context.images(), context.options
    if len(x.shape) == 2:
        x = context.in_order()
    weights, constants = _affine(context, x, its["scale"], its["bias"])
    numbers = {"groups": its["groups"], "epsilon": its["epsilon"]}
    return context.add("group_norm", x, weights=weights, constants=constants, **numbers)


def _instance_norm(context: LayerContext) -> Value:
    x, its = context.images(), context.options
    weights, constants = _affine(context, x, its["scale"], its["bias"])
    epsilon = its["epsilon"]
    return context.add("instance_norm", x, weights=weights, constants=constants, epsilon=epsilon)


def _over_axes(kind: str) -> Callable[[LayerContext], Value]:
    """The rule for a normalization over some axes, which come last in the export."""

    def rule(context: LayerContext) -> Value:
        its, ndim = context.options, len(context.x.shape)
        listed = (its["axes"],) if isinstance(its["axes"], int) else its["axes"]
        over = sorted(axis % ndim for axis in listed)
        if 0 in over:
            return context.unknown()
        axes = (*(axis for axis in range(ndim) if axis not in over), *over)
        x = context.arranged(axes)
        weights, constants = _affine(context, x, its["scale"], its.get("bias", False), both=False)
        return context.add(
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
    context: LayerContext, x: Value, scale: bool, bias: bool, *, both: bool = True
) -> tuple[Arrays, Arrays]:
    """Scale and bias by torch's names; where torch has both or none, the other is filled in."""
    params = context.node.params
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


def _local_response_norm(context: LayerContext) -> Value:
    names = ("size", "alpha", "beta", "k")
    options = {name: context.options[name] for name in names}
    return context.add("local_response_norm", context.images(), **options)


def _pool(kind: str) -> Callable[[LayerContext], Value]:
    def rule(context: LayerContext) -> Value:
        x, its = context.images(), context.options
        sizes = x.exported[2:]
        window, dilation = _each(its["window"], sizes), _each(its.get("dilation", 1), sizes)
        stride = window if its["stride"] is None else _each(its["stride"], sizes)
        span = dilated(window, dilation)
        pairs = parse_padding("export", its.get("padding", 0), sizes, span, stride)
        after = context.after[2:] if x.channels_first else context.after[1:-1]
        # A last window that reaches over the edge, under `ceil_mode`.
        over = tuple(
            (0, max((count - 1) * step + extent - size - low - high, 0))
            for count, step, extent, size, (low, high) in zip(
                after, stride, span, sizes, pairs, strict=True
            )
        )
        return context.add(
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


def _simple(kind: str, *names: str, **given: Any) -> Callable[[LayerContext], Value]:
    """The rule for a step over channels-first images, with some of the layer's options."""

    def rule(context: LayerContext) -> Value:
        return context.add(
            kind, context.images(), **{n: context.options[n] for n in names}, **given
        )

    return rule


def _elementwise(kind: str, *names: str) -> Callable[[LayerContext], Value]:
    """The rule for a step that works on any order of axes."""

    def rule(context: LayerContext) -> Value:
        x = context.x
        options = {name: context.options[name] for name in names}
        return context.add(kind, x, axes=x.axes, order=x.order, **options)

    return rule


def _channel_dropout(context: LayerContext) -> Value:
    x = context.images()
    return context.add("channel_dropout", x, order=x.order, rate=context.options["rate"])


def _flatten(context: LayerContext) -> Value:
    if len(context.x.shape) == 2:
        return _elementwise("identity")(context)
    x = context.builder.images(context.x, context.node.layer)
    return context.add("flatten", x, order=order_of(x))


def _pad(context: LayerContext) -> Value:
    x, its = context.images(), context.options
    sizes = x.exported[2:]
    ones = (1,) * len(sizes)
    pairs = parse_padding("export", its["padding"], sizes, ones, ones, crops=True)
    return context.add("pad", x, pairs=pairs, mode=its["mode"], value=float(its["value"]))


def _padded(context: LayerContext, x: Value, pairs: Pairs, mode: str) -> Value:
    """A padding step before the layer's own step."""
    shape = list(x.shape)
    for axis, (low, high) in zip(x.axes[2:], pairs, strict=True):
        shape[axis] += low + high
    return context.add("pad", x, after=tuple(shape), pairs=pairs, mode=mode, value=0.0)


def _zeros(crops: Pairs, stride: tuple[int, ...], dilation: tuple[int, ...]) -> Pairs:
    """The zeros to add to an input so that its output need only be cropped, and not padded."""
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
    layers.Normalize: _normalize,
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
"""The rule of each kind of layer."""


def _with_bias(weight: np.ndarray, bias: np.ndarray | None) -> Arrays:
    return {"weight": weight} if bias is None else {"weight": weight, "bias": bias}


def _each(value: Any, sizes: tuple[int, ...]) -> tuple[int, ...]:
    return per_axis("export", "size", value, len(sizes), minimum=1)
