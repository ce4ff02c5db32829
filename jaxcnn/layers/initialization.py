"""Draws the first values of parameters, by an initializer, its name or a given array."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import initializers

from jaxcnn.layers.layer import Params
from jaxcnn.layers.naming import named_key
from jaxcnn.ops.arguments import Layout
from jaxcnn.ops.kinds import as_flag

Initializer = initializers.Initializer

ParameterInit = str | Initializer | jax.Array | np.ndarray
"""An initializer ``(key, shape, dtype) -> array``, the name of one, or the array itself."""


class Fan(NamedTuple):
    """The numbers that an initializer needs besides the shape of a kernel.

    Attributes:
        inputs: how many numbers each output is a sum of, by PyTorch's count.
        groups: how many groups the channels are in.
        transposed: whether the groups are those of the input's axis.
    """

    inputs: int
    groups: int = 1
    transposed: bool = False


Draw = Callable[[jax.Array, Sequence[int], Fan], jax.Array]
"""``(key, shape, fan) -> array``."""


def _uniform(key: jax.Array, shape: Sequence[int], fan: Fan) -> jax.Array:
    """PyTorch's default initializer of convolutions and dense layers, kernel and bias."""
    bound = 1 / math.sqrt(max(fan.inputs, 1))
    return jax.random.uniform(key, tuple(shape), jnp.float32, -bound, bound)


def _dirac(key: jax.Array, shape: Sequence[int], fan: Fan) -> jax.Array:
    """A kernel that copies each input channel to the output channel of the same number."""
    *window, into, out = shape
    middle: Any = [size // 2 for size in window]
    per_group = (into // fan.groups, out) if fan.transposed else (into, out // fan.groups)
    number = np.tile(np.arange(min(per_group)), fan.groups)
    group = np.repeat(np.arange(fan.groups), min(per_group))
    rows, columns = number, group * per_group[1] + number
    if fan.transposed:
        rows, columns = group * per_group[0] + number, number
    kernel = np.zeros(tuple(shape), np.float32)
    kernel[(*middle, rows, columns)] = 1
    return jnp.asarray(kernel)


def _plain(initializer: Initializer) -> Draw:
    return lambda key, shape, fan: initializer(key, tuple(shape), jnp.float32)


KERNELS: Mapping[str, Draw] = {
    "glorot_uniform": _plain(initializers.glorot_uniform()),
    "he_normal": _plain(initializers.he_normal()),
    "lecun_normal": _plain(initializers.lecun_normal()),
    "torch": _uniform,
    "dirac": _dirac,
}
"""The initializers of kernels by name.

References: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
networks" (2010); He, Zhang, Ren and Sun, "Delving Deep into Rectifiers" (2015); LeCun, Bottou,
Orr and Müller, "Efficient BackProp" (1998).
"""

BIASES: Mapping[str, Draw] = {"zeros": _plain(initializers.zeros), "torch": _uniform}
"""The initializers of biases by name."""


def initializer_of(op: str, argument: str, given: Any, names: Mapping[str, Draw]) -> Draw:
    """The function that draws a parameter.

    Args:
        op: the layer's constructor, for messages.
        argument: the name of its argument.
        given: an initializer, the name of one, an array or a number.
        names: the initializers that have a name.

    Raises:
        TypeError: if ``given`` is none of these.
        ValueError: if the name is not known; when it draws, if the array has another shape.
    """
    if isinstance(given, str):
        if given not in names:
            raise ValueError(f"{op}: `{argument}` must be one of {tuple(names)}, got {given!r}")
        return names[given]
    if isinstance(given, bool) or not isinstance(given, int | float | jax.Array | np.ndarray):
        if not callable(given):
            wanted = "an initializer, its name or an array"
            raise TypeError(f"{op}: `{argument}` must be {wanted}, got {given!r}")
        return _plain(given)

    def give(key: jax.Array, shape: Sequence[int], fan: Fan) -> jax.Array:
        array = jnp.asarray(given, jnp.float32)
        if array.ndim and array.shape != tuple(shape):
            raise ValueError(
                f"{op}: `{argument}` must have shape {tuple(shape)}, got {array.shape}"
            )
        return jnp.broadcast_to(array, tuple(shape))

    return give


def draw_convolution(
    op: str,
    axes: Layout,
    shape: Callable[[int], tuple[int, ...]],
    bias: bool,
    kernel_init: ParameterInit,
    bias_init: ParameterInit,
    *,
    transposed_to: int | None = None,
) -> Callable[[jax.Array, Sequence[int]], Params]:
    """The function that draws the kernel and the bias of a convolution.

    Args:
        op: the layer's constructor, for messages.
        axes: where the input's channels are.
        shape: the kernel's shape for a number of input channels.
        bias: whether there is a bias.
        kernel_init: draws the kernel.
        bias_init: draws the bias.
        transposed_to: the output channels of a transposed convolution; ``None`` for another.
    """
    as_flag(op, "bias", bias)
    draw_kernel = initializer_of(op, "kernel_init", kernel_init, KERNELS)
    draw_bias = initializer_of(op, "bias_init", bias_init, BIASES)

    def draw(key: jax.Array, input_shape: Sequence[int]) -> Params:
        if len(input_shape) != len(axes.name):
            raise ValueError(
                f"{op}: the input must have {len(axes.name)} axes ({axes.name}), "
                f"got shape {tuple(input_shape)}"
            )
        channels = input_shape[axes.channel]
        *window, into, out = sizes = shape(channels)
        if transposed_to is None:
            count, fan = out, Fan(math.prod((*window, into)), channels // into)
        else:
            count, fan = transposed_to, Fan(math.prod((*window, out)), transposed_to // out, True)
        params = {"kernel": draw_kernel(named_key(key, "kernel"), sizes, fan)}
        if bias:
            params["bias"] = draw_bias(named_key(key, "bias"), (count,), fan)
        return params

    return draw
