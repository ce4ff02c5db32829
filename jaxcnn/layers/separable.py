"""Depthwise and separable convolution layers, whose learned kernels filter each channel alone."""

import math
from collections.abc import Sequence
from typing import Any, Unpack

import jax

from jaxcnn import ops
from jaxcnn.layers.convolution import Conv2d, UngroupedConvOptions
from jaxcnn.layers.initialization import (
    BIASES,
    KERNELS,
    Fan,
    ParameterInit,
    draw_convolution,
    initializer_of,
)
from jaxcnn.layers.layer import Layer, Params, described, stateless
from jaxcnn.layers.naming import named_key
from jaxcnn.ops.argument_types import Window
from jaxcnn.ops.arguments import as_int, parse_layout, per_axis
from jaxcnn.ops.kinds import as_flag
from jaxcnn.ops.shared_options import options_of


@described
@options_of(Conv2d)
def DepthwiseConv2d(
    window: Window, *, multiplier: int = 1, **options: Unpack[UngroupedConvOptions]
) -> Layer:
    """A layer that convolves each channel with kernels of its own; see `depthwise_conv2d`.

    Args:
        window: height and width of a kernel, in pixels; an int for a square.
        multiplier: how many kernels each channel has.

    Returns:
        A layer with parameters ``kernel`` ``(kh, kw, 1, in * multiplier)`` and ``bias``
        ``(in * multiplier,)``. Its input is ``"NHWC"`` or ``"NCHW"``.

    Raises:
        TypeError: if a size is not an int.
        ValueError: if a size is not positive or an initializer's name is not known; when it
            draws, if an array does not fit.

    >>> params, _ = DepthwiseConv2d(3, multiplier=2).init(jax.random.key(0), (1, 8, 8, 5))
    >>> params["kernel"].shape
    (3, 3, 1, 10)
    """
    return _depthwise_layer(window, multiplier, **options)


@described
@options_of(Conv2d)
def SeparableConv2d(
    out_channels: int,
    window: Window,
    *,
    multiplier: int = 1,
    **options: Unpack[UngroupedConvOptions],
) -> Layer:
    """A depthwise convolution followed by a 1×1 convolution; see `separable_conv2d`.

    The stride, padding and dilation are those of the depthwise convolution. The bias is added at
    the end. ``kernel_init`` draws both kernels; it is not an array, because they are two.

    Args:
        out_channels: the number of 1×1 kernels.
        window: height and width of the depthwise kernels, in pixels; an int for a square.
        multiplier: how many depthwise kernels each channel has.

    Returns:
        A layer with parameters ``depthwise_kernel`` ``(kh, kw, 1, in * multiplier)``,
        ``pointwise_kernel`` ``(1, 1, in * multiplier, out)`` and ``bias`` ``(out,)``. Its input
        is ``"NHWC"`` or ``"NCHW"``.

    Raises:
        TypeError: if a size is not an int.
        ValueError: if a size is not positive or an initializer's name is not known; when it
            draws, if an array does not fit.

    >>> params, _ = SeparableConv2d(8, 3).init(jax.random.key(0), (1, 8, 8, 5))
    >>> params["depthwise_kernel"].shape, params["pointwise_kernel"].shape
    ((3, 3, 1, 5), (1, 1, 5, 8))

    Reference: Chollet, *Xception: Deep Learning with Depthwise Separable Convolutions* (2017).
    """
    return _separable_layer(out_channels, window, multiplier, **options)


def _depthwise_layer(
    window: Window,
    multiplier: int,
    *,
    bias: bool,
    kernel_init: ParameterInit,
    bias_init: ParameterInit,
    **options: Any,
) -> Layer:
    op = "DepthwiseConv2d"
    size = per_axis(op, "window", window, 2, minimum=1)
    multiplier = as_int(op, "multiplier", multiplier, minimum=1)
    axes = parse_layout(op, options["layout"], 2)

    def shape(channels: int) -> tuple[int, ...]:
        return (*size, 1, channels * multiplier)

    draw = draw_convolution(op, axes, shape, bias, kernel_init, bias_init)

    def compute(params: Params, x: jax.Array) -> jax.Array:
        return ops.depthwise_conv2d(x, params["kernel"], params.get("bias"), **options)

    return stateless(compute, draw)


def _separable_layer(
    out_channels: int,
    window: Window,
    multiplier: int,
    *,
    bias: bool,
    kernel_init: ParameterInit,
    bias_init: ParameterInit,
    **options: Any,
) -> Layer:
    op = "SeparableConv2d"
    out_channels = as_int(op, "out_channels", out_channels, minimum=1)
    size = per_axis(op, "window", window, 2, minimum=1)
    multiplier = as_int(op, "multiplier", multiplier, minimum=1)
    axes = parse_layout(op, options["layout"], 2)
    as_flag(op, "bias", bias)
    draw_kernel = initializer_of(op, "kernel_init", kernel_init, KERNELS)
    draw_bias = initializer_of(op, "bias_init", bias_init, BIASES)

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
