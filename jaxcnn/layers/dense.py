"""The dense (fully connected) layer, and a layer that scales each channel."""

from collections.abc import Sequence
from typing import Any

import jax

from jaxcnn.layers.initialization import BIASES, KERNELS, Fan, ParameterInit, initializer_of
from jaxcnn.layers.layer import Layer, Params, described, stateless
from jaxcnn.layers.naming import named_key
from jaxcnn.ops.arguments import as_int
from jaxcnn.ops.kinds import as_flag
from jaxcnn.ops.moments import batch_layout


@described
def Dense(
    features: int,
    *,
    bias: bool = True,
    kernel_init: ParameterInit = "glorot_uniform",
    bias_init: ParameterInit = "zeros",
) -> Layer:
    """A dense (fully connected) layer, which computes :math:`y = xW + b` on the last axis.

    Args:
        features: the size of the output's last axis.
        bias: whether to add ``b``.
        kernel_init: draws ``W``, as in `Conv2d`.
        bias_init: draws ``b``, as in `Conv2d`.

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
    as_flag("Dense", "bias", bias)
    draw_kernel = initializer_of("Dense", "kernel_init", kernel_init, KERNELS)
    draw_bias = initializer_of("Dense", "bias_init", bias_init, BIASES)

    def draw(key: jax.Array, input_shape: Sequence[int]) -> Params:
        size = input_shape[-1]
        params = {"kernel": draw_kernel(named_key(key, "kernel"), (size, features), Fan(size))}
        if bias:
            params["bias"] = draw_bias(named_key(key, "bias"), (features,), Fan(size))
        return params

    def compute(params: Params, x: jax.Array) -> jax.Array:
        wanted = params["kernel"].shape[0]
        if x.shape[-1] != wanted:
            raise ValueError(
                f"Dense: `x` must have {wanted} features on its last axis, got {x.shape[-1]} "
                f"in shape {x.shape}"
            )
        y = x @ params["kernel"]
        return y + params["bias"].reshape((1,) * (y.ndim - 1) + (-1,)) if bias else y

    return stateless(compute, draw)


@described
def Scale(init: Any = 1.0, *, layout: str | None = None) -> Layer:
    """A layer that multiplies each channel by a learned number.

    Args:
        init: the number that all channels begin with, or an array of one per channel.
        layout: where the channels are; last where it is left out.

    Returns:
        A layer with the parameter ``scale``, ``(channels,)``.

    Raises:
        TypeError: if ``init`` is not a number or an array of numbers.
        ValueError: if it is an array, and not of one number per channel.

    >>> params, _ = Scale(1e-6).init(jax.random.key(0), (1, 8, 8, 3))
    >>> params["scale"]
    Array([1.e-06, 1.e-06, 1.e-06], dtype=float32)

    Reference: Touvron, Cord, Sablayrolles, Synnaeve and Jégou, *Going Deeper with Image
    Transformers* (2021).
    """
    draw = initializer_of("Scale", "init", init, {})

    def start(key: jax.Array, input_shape: Sequence[int]) -> Params:
        axes = batch_layout("Scale", layout, len(input_shape))
        return {"scale": draw(named_key(key, "scale"), (input_shape[axes.channel],), Fan(1))}

    def compute(params: Params, x: jax.Array) -> jax.Array:
        shape = [1] * x.ndim
        shape[batch_layout("Scale", layout, x.ndim).channel] = -1
        return x * params["scale"].reshape(shape)

    return stateless(compute, start)
