"""Convolutions with kernels to learn whose channels are filtered apart."""

import math
from collections.abc import Sequence
from typing import Any

import jax

from jaxcnn import ops
from jaxcnn.layers.initialization import BIASES, KERNELS, Drawn, Fan, draw_convolution, drawn
from jaxcnn.layers.layer import Layer, Params, described, stateless
from jaxcnn.layers.naming import named_key
from jaxcnn.ops.arguments import Padding, PaddingMode, Window, as_int, parse_layout, per_axis
from jaxcnn.ops.kinds import as_flag


@described
def DepthwiseConv2d(
    window: Window,
    *,
    multiplier: int = 1,
    stride: Window = 1,
    padding: Padding = 0,
    dilation: Window = 1,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NHWC",
    bias: bool = True,
    algorithm: str = "auto",
    precision: Any = None,
    kernel_init: Drawn = "glorot_uniform",
    bias_init: Drawn = "zeros",
) -> Layer:
    """A convolution of each channel by itself; its options are those of `depthwise_conv2d`.

    Args:
        window: height and width of a kernel, in pixels; an int for a square.
        multiplier: how many kernels each channel has.
        stride: as in `jaxcnn.conv2d`.
        padding: as in `jaxcnn.conv2d`.
        dilation: as in `jaxcnn.conv2d`.
        padding_mode: as in `jaxcnn.conv2d`.
        layout: ``"NHWC"`` or ``"NCHW"``.
        bias: whether to add one number per output channel.
        algorithm: as in `jaxcnn.conv2d`.
        precision: as in `jaxcnn.conv2d`.
        kernel_init: as in `Conv2d`.
        bias_init: as in `Conv2d`.

    Returns:
        A layer with parameters ``kernel`` ``(kh, kw, 1, in * multiplier)`` and ``bias``
        ``(in * multiplier,)``.

    Raises:
        TypeError: as `Conv2d`.
        ValueError: as `Conv2d`.

    >>> params, _ = DepthwiseConv2d(3, multiplier=2).init(jax.random.key(0), (1, 8, 8, 5))
    >>> params["kernel"].shape
    (3, 3, 1, 10)
    """
    op = "DepthwiseConv2d"
    size = per_axis(op, "window", window, 2, minimum=1)
    multiplier = as_int(op, "multiplier", multiplier, minimum=1)
    as_flag(op, "bias", bias)
    axes = parse_layout(op, layout, 2)
    options: dict[str, Any] = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "padding_mode": padding_mode,
        "layout": layout,
        "algorithm": algorithm,
        "precision": precision,
    }

    def shape(channels: int) -> tuple[int, ...]:
        return (*size, 1, channels * multiplier)

    draw = draw_convolution(op, axes, shape, bias, kernel_init, bias_init)

    def compute(params: Params, x: jax.Array) -> jax.Array:
        return ops.depthwise_conv2d(x, params["kernel"], params.get("bias"), **options)

    return stateless(compute, draw)


@described
def SeparableConv2d(
    out_channels: int,
    window: Window,
    *,
    multiplier: int = 1,
    stride: Window = 1,
    padding: Padding = 0,
    dilation: Window = 1,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NHWC",
    bias: bool = True,
    algorithm: str = "auto",
    precision: Any = None,
    kernel_init: Drawn = "glorot_uniform",
    bias_init: Drawn = "zeros",
) -> Layer:
    """A depthwise convolution, then a 1×1 one; its options are those of `separable_conv2d`.

    Args:
        out_channels: the number of 1×1 kernels.
        window: height and width of the depthwise kernels, in pixels; an int for a square.
        multiplier: how many depthwise kernels each channel has.
        stride: as in `jaxcnn.separable_conv2d`.
        padding: as in `jaxcnn.separable_conv2d`.
        dilation: as in `jaxcnn.separable_conv2d`.
        padding_mode: as in `jaxcnn.separable_conv2d`.
        layout: ``"NHWC"`` or ``"NCHW"``.
        bias: whether to add one number per output channel, at the end.
        algorithm: as in `jaxcnn.conv2d`.
        precision: as in `jaxcnn.conv2d`.
        kernel_init: draws both kernels, as in `Conv2d`; not an array, because they are two.
        bias_init: as in `Conv2d`.

    Returns:
        A layer with parameters ``depthwise_kernel`` ``(kh, kw, 1, in * multiplier)``,
        ``pointwise_kernel`` ``(1, 1, in * multiplier, out)`` and ``bias`` ``(out,)``.

    Raises:
        TypeError: as `Conv2d`.
        ValueError: as `Conv2d`.

    >>> params, _ = SeparableConv2d(8, 3).init(jax.random.key(0), (1, 8, 8, 5))
    >>> params["depthwise_kernel"].shape, params["pointwise_kernel"].shape
    ((3, 3, 1, 5), (1, 1, 5, 8))

    Reference: Chollet, *Xception: Deep Learning with Depthwise Separable Convolutions* (2017).
    """
    op = "SeparableConv2d"
    out_channels = as_int(op, "out_channels", out_channels, minimum=1)
    size = per_axis(op, "window", window, 2, minimum=1)
    multiplier = as_int(op, "multiplier", multiplier, minimum=1)
    axes = parse_layout(op, layout, 2)
    as_flag(op, "bias", bias)
    draw_kernel = drawn(op, "kernel_init", kernel_init, KERNELS)
    draw_bias = drawn(op, "bias_init", bias_init, BIASES)
    options: dict[str, Any] = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "padding_mode": padding_mode,
        "layout": layout,
        "algorithm": algorithm,
        "precision": precision,
    }

    def draw(key: jax.Array, input_shape: Sequence[int]) -> Params:
        between = input_shape[axes.channel] * multiplier
        shapes = {
            "depthwise_kernel": (*size, 1, between),
            "pointwise_kernel": (1, 1, between, out_channels),
        }
        fans = Fan(math.prod(size), input_shape[axes.channel]), Fan(between)
        params = {
            name: draw_kernel(named_key(key, name), shape, fan)
            for (name, shape), fan in zip(shapes.items(), fans, strict=True)
        }
        if bias:
            params["bias"] = draw_bias(named_key(key, "bias"), (out_channels,), fans[1])
        return params

    def compute(params: Params, x: jax.Array) -> jax.Array:
        kernels = params["depthwise_kernel"], params["pointwise_kernel"]
        return ops.separable_conv2d(x, *kernels, params.get("bias"), **options)

    return stateless(compute, draw)
