"""Layers with parameters to learn: convolution and dense."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.nn import initializers

from jaxcnn import ops
from jaxcnn.layers.layer import Blueprint, Layer, Params, State
from jaxcnn.layers.table import multiplies, sees, sees_everything
from jaxcnn.ops.arguments import Padding, PaddingMode, Window, as_int, per_axis

Initializer = initializers.Initializer


def Conv2d(
    out_channels: int,
    window: Window,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    dilation: Window = 1,
    groups: int = 1,
    padding_mode: PaddingMode = "zeros",
    bias: bool = True,
    algorithm: str = "auto",
    kernel_init: Initializer | None = None,
    bias_init: Initializer = initializers.zeros,
) -> Layer:
    """A convolution layer over NHWC images; its options are those of `jaxcnn.conv2d`.

    Args:
        out_channels: the number of kernels.
        window: height and width of a kernel, in pixels; an int for a square.
        stride: as in `jaxcnn.conv2d`.
        padding: as in `jaxcnn.conv2d`.
        dilation: as in `jaxcnn.conv2d`.
        groups: as in `jaxcnn.conv2d`.
        padding_mode: as in `jaxcnn.conv2d`.
        bias: whether to add one number per output channel.
        algorithm: as in `jaxcnn.conv2d`.
        kernel_init: draws the kernel; Glorot-uniform where it is left out.
        bias_init: draws the bias; zeros.

    Returns:
        A layer with parameters ``kernel`` ``(kh, kw, in // groups, out)`` and ``bias`` ``(out,)``.

    Raises:
        TypeError: if a size is not an int.
        ValueError: if a size is not positive.

    >>> params, _ = Conv2d(6, 5, padding=2).init(jax.random.key(0), (1, 28, 28, 1))
    >>> params["kernel"].shape, params["bias"].shape
    ((5, 5, 1, 6), (6,))
    """
    out_channels = as_int("Conv2d", "out_channels", out_channels, minimum=1)
    size = per_axis("Conv2d", "window", window, 2, minimum=1)
    groups = as_int("Conv2d", "groups", groups, minimum=1)
    draw = kernel_init or initializers.glorot_uniform()

    def init(key: jax.Array, input_shape: Sequence[int]) -> tuple[Params, State]:
        kernel_key, bias_key = jax.random.split(key)
        shape = (*size, input_shape[-1] // groups, out_channels)
        params = {"kernel": draw(kernel_key, shape, jnp.float32)}
        if bias:
            params["bias"] = bias_init(bias_key, (out_channels,), jnp.float32)
        return params, {}

    def apply(
        params: Params,
        state: State,
        x: jax.Array,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        y = ops.conv2d(
            x,
            params["kernel"],
            params.get("bias"),
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            padding_mode=padding_mode,
            algorithm=algorithm,
        )
        sees(x, size, stride=stride, padding=padding, dilation=dilation)
        multiplies(math.prod(y.shape) * math.prod(params["kernel"].shape[:-1]))
        return y, state

    options = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "padding_mode": padding_mode,
    }
    return Layer(init, apply, Blueprint("Conv2d", options))


def Dense(
    features: int,
    *,
    bias: bool = True,
    kernel_init: Initializer | None = None,
    bias_init: Initializer = initializers.zeros,
) -> Layer:
    """A dense (fully connected) layer, :math:`y = xW + b` on the last axis.

    Args:
        features: the size of the output's last axis.
        bias: whether to add ``b``.
        kernel_init: draws ``W``; Glorot-uniform where it is left out.
        bias_init: draws ``b``; zeros.

    Returns:
        A layer with parameters ``kernel`` ``(in, features)`` and ``bias`` ``(features,)``.

    Raises:
        TypeError: if ``features`` is not an int.
        ValueError: if ``features`` is not positive.

    >>> params, _ = Dense(10).init(jax.random.key(0), (1, 84))
    >>> params["kernel"].shape
    (84, 10)
    """
    features = as_int("Dense", "features", features, minimum=1)
    draw = kernel_init or initializers.glorot_uniform()

    def init(key: jax.Array, input_shape: Sequence[int]) -> tuple[Params, State]:
        kernel_key, bias_key = jax.random.split(key)
        params = {"kernel": draw(kernel_key, (input_shape[-1], features), jnp.float32)}
        if bias:
            params["bias"] = bias_init(bias_key, (features,), jnp.float32)
        return params, {}

    def apply(
        params: Params,
        state: State,
        x: jax.Array,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        _check_features(params, x)
        y: Any = x @ params["kernel"]
        multiplies(math.prod(y.shape) * x.shape[-1])
        if x.ndim == 2:  # with spatial axes left, it looks at each pixel alone
            sees_everything()
        if bias:
            y = y + jnp.broadcast_to(params["bias"], y.shape)
        return y, state

    return Layer(init, apply, Blueprint("Dense", {}))


def _check_features(params: Params, x: jax.Array) -> None:
    wanted = params["kernel"].shape[0]
    if x.shape[-1] != wanted:
        raise ValueError(
            f"Dense: `x` must have {wanted} features on its last axis, got {x.shape[-1]} "
            f"in shape {x.shape}"
        )
