"""Normalization layers, with a learned scale and bias."""

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn import ops
from jaxcnn.layers.layer import Apply, FusedApply, Layer, Params, State, described, stateless
from jaxcnn.layers.pointwise import Activation
from jaxcnn.ops.arguments import as_int
from jaxcnn.ops.batch_statistics import BOUNDS
from jaxcnn.ops.kinds import as_flag, as_real
from jaxcnn.ops.moments import batch_layout


@described
def BatchNorm(
    *,
    momentum: float = 0.1,
    epsilon: float = 1e-5,
    scale: bool = True,
    bias: bool = True,
    axis_name: Hashable | None = None,
    layout: str | None = None,
) -> Layer:
    """A layer that normalizes each channel over the batch, as `jaxcnn.batch_norm`.

    In training, each channel is normalized by its mean and variance over the batch, and running
    statistics are updated. In evaluation, the running statistics are used.

    Args:
        momentum: the share of the batch in the new running statistics.
        epsilon: a small number added to the variance.
        scale: whether to multiply each channel by a learned number.
        bias: whether to add a learned number to each channel.
        axis_name: the mapped axis over which the batch is spread, as in `jaxcnn.batch_norm`.
        layout: the axes of the input; channels last where it is left out.

    Returns:
        A layer with parameters ``scale`` (ones) and ``bias`` (zeros) and the state ``mean``
        (zeros) and ``var`` (ones), each ``(channels,)``.

    Raises:
        TypeError: if an option is of the wrong kind.
        ValueError: if ``momentum`` or ``epsilon`` is out of range.

    >>> params, state = BatchNorm().init(jax.random.key(0), (1, 8, 8, 3))
    >>> sorted(params), sorted(state)
    (['bias', 'scale'], ['mean', 'var'])

    Reference: as `jaxcnn.batch_norm`.
    """
    op = "BatchNorm"
    as_real(op, "momentum", momentum, minimum=0, maximum=1)
    as_real(op, "epsilon", epsilon, minimum=0)
    draw = _per_channel(op, scale, bias, layout)

    def init(key: jax.Array, input_shape: Sequence[int]) -> tuple[Params, State]:
        channels = (input_shape[batch_layout(op, layout, len(input_shape)).channel],)
        return draw(key, input_shape), {
            "mean": jnp.zeros(channels, jnp.float32),
            "var": jnp.ones(channels, jnp.float32),
        }

    options = {
        "momentum": momentum,
        "epsilon": epsilon,
        "axis_name": axis_name,
        "layout": layout,
    }

    def apply(
        norm: Callable[..., Any],
        params: Params,
        state: State,
        x: jax.Array,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        given = state["mean"], state["var"], params.get("scale"), params.get("bias")
        y, (mean, variance) = norm(x, *given, train=train, **options)
        return y, {"mean": mean, "var": variance}

    def followed_by(layer: Layer) -> Apply | None:
        its = layer.description
        name = its.options["name"] if its is not None and its.kind is Activation else None
        if name not in BOUNDS:
            return None
        norm = functools.partial(ops.batch_norm_activation, activation=name)
        return functools.partial(apply, norm)

    return Layer(init, FusedApply(functools.partial(apply, ops.batch_norm), followed_by))


@described
def LayerNorm(
    *,
    axes: int | Sequence[int] = -1,
    epsilon: float = 1e-5,
    scale: bool = True,
    bias: bool = True,
) -> Layer:
    """A layer that normalizes over given axes, by default the channels, as `jaxcnn.layer_norm`.

    Args:
        axes: the axes to normalize over, the last where they are left out: each pixel over its
            channels.
        epsilon: a small number added to the variance.
        scale: whether to multiply by learned numbers.
        bias: whether to add learned numbers.

    Returns:
        A layer with parameters ``scale`` (ones) and ``bias`` (zeros), in the input's shape over
        ``axes``.

    Raises:
        TypeError: if an option is of the wrong kind.
        ValueError: if ``epsilon`` is negative.

    >>> params, _ = LayerNorm().init(jax.random.key(0), (1, 8, 8, 3))
    >>> params["scale"].shape
    (3,)

    Reference: as `jaxcnn.layer_norm`.
    """
    as_real("LayerNorm", "epsilon", epsilon, minimum=0)

    def compute(params: Params, x: jax.Array) -> jax.Array:
        given = params.get("scale"), params.get("bias")
        return ops.layer_norm(x, *given, axes=axes, epsilon=epsilon)

    return stateless(compute, _over("LayerNorm", scale, bias, axes))


@described
def RMSNorm(
    *, axes: int | Sequence[int] = -1, epsilon: float | None = None, scale: bool = True
) -> Layer:
    """A layer that divides by the root mean square, as `jaxcnn.rms_norm`.

    Args:
        axes: the axes to normalize over, the last where they are left out.
        epsilon: a small number added to the mean square; left out, as in `jaxcnn.rms_norm`.
        scale: whether to multiply by learned numbers.

    Returns:
        A layer with the parameter ``scale`` (ones), in the input's shape over ``axes``.

    Raises:
        TypeError: if an option is of the wrong kind.

    >>> params, _ = RMSNorm().init(jax.random.key(0), (1, 8, 8, 3))
    >>> params["scale"].shape
    (3,)

    Reference: as `jaxcnn.rms_norm`.
    """

    def compute(params: Params, x: jax.Array) -> jax.Array:
        return ops.rms_norm(x, params.get("scale"), axes=axes, epsilon=epsilon)

    return stateless(compute, _over("RMSNorm", scale, False, axes))


@described
def GroupNorm(
    groups: int,
    *,
    epsilon: float = 1e-5,
    scale: bool = True,
    bias: bool = True,
    layout: str | None = None,
) -> Layer:
    """A layer that normalizes each group of channels of an example, as `jaxcnn.group_norm`.

    Args:
        groups: how many groups of neighbouring channels.
        epsilon: a small number added to the variance.
        scale: whether to multiply each channel by a learned number.
        bias: whether to add a learned number to each channel.
        layout: the axes of the input; channels last where it is left out.

    Returns:
        A layer with parameters ``scale`` (ones) and ``bias`` (zeros), ``(channels,)``.

    Raises:
        TypeError: if an option is of the wrong kind.
        ValueError: if ``groups`` is not positive, or ``epsilon`` is negative.

    >>> params, _ = GroupNorm(2).init(jax.random.key(0), (1, 8, 8, 4))
    >>> params["scale"].shape
    (4,)

    Reference: as `jaxcnn.group_norm`.
    """
    groups = as_int("GroupNorm", "groups", groups, minimum=1)
    as_real("GroupNorm", "epsilon", epsilon, minimum=0)

    def compute(params: Params, x: jax.Array) -> jax.Array:
        given = params.get("scale"), params.get("bias")
        return ops.group_norm(x, *given, groups=groups, epsilon=epsilon, layout=layout)

    return stateless(compute, _per_channel("GroupNorm", scale, bias, layout))


@described
def InstanceNorm(
    *, epsilon: float = 1e-5, scale: bool = True, bias: bool = True, layout: str | None = None
) -> Layer:
    """A layer that normalizes each channel of each example, as `jaxcnn.instance_norm`.

    Args:
        epsilon: a small number added to the variance.
        scale: whether to multiply each channel by a learned number. PyTorch's layer
            does not unless it is told ``affine=True``.
        bias: whether to add a learned number to each channel.
        layout: the axes of the input; channels last where it is left out.

    Returns:
        A layer with parameters ``scale`` (ones) and ``bias`` (zeros), ``(channels,)``.

    Raises:
        TypeError: if an option is of the wrong kind.
        ValueError: if ``epsilon`` is negative.

    >>> params, _ = InstanceNorm(bias=False).init(jax.random.key(0), (1, 8, 8, 4))
    >>> params["scale"].shape
    (4,)

    Reference: as `jaxcnn.instance_norm`.
    """
    as_real("InstanceNorm", "epsilon", epsilon, minimum=0)

    def compute(params: Params, x: jax.Array) -> jax.Array:
        given = params.get("scale"), params.get("bias")
        return ops.instance_norm(x, *given, epsilon=epsilon, layout=layout)

    return stateless(compute, _per_channel("InstanceNorm", scale, bias, layout))


@described
def LocalResponseNorm(
    size: int,
    *,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
    layout: str | None = None,
) -> Layer:
    """A layer that divides by the mean square of nearby channels, as `jaxcnn.local_response_norm`.

    Args:
        size: how many neighbouring channels a window has.
        alpha: the weight of the mean square.
        beta: the power of the divisor.
        k: the number that is added to the weighted mean square.
        layout: the axes of the input; channels last where it is left out.

    Returns:
        A layer without parameters or state.

    Raises:
        TypeError: if ``size`` is not an int.
        ValueError: if it is not positive.

    >>> LocalResponseNorm(5).apply({}, {}, jnp.ones((1, 2, 2, 8)))[0].shape
    (1, 2, 2, 8)

    Reference: as `jaxcnn.local_response_norm`.
    """
    size = as_int("LocalResponseNorm", "size", size, minimum=1)

    def compute(params: Params, x: jax.Array) -> jax.Array:
        return ops.local_response_norm(x, size=size, alpha=alpha, beta=beta, k=k, layout=layout)

    return stateless(compute)


DrawParams = Callable[[jax.Array, Sequence[int]], Params]


def _per_channel(op: str, scale: bool, bias: bool, layout: str | None) -> DrawParams:
    """Ones and zeros, one per channel."""

    def shape(input_shape: Sequence[int]) -> tuple[int, ...]:
        return (input_shape[batch_layout(op, layout, len(input_shape)).channel],)

    return _affine(op, scale, bias, shape)


def _over(op: str, scale: bool, bias: bool, axes: int | Sequence[int]) -> DrawParams:
    """Ones and zeros, in the input's shape over ``axes``."""

    def shape(input_shape: Sequence[int]) -> tuple[int, ...]:
        listed = (axes,) if isinstance(axes, int) else axes
        chosen = sorted(range(len(input_shape))[axis] for axis in listed)
        return tuple(input_shape[axis] for axis in chosen)

    return _affine(op, scale, bias, shape)


def _affine(
    op: str, scale: bool, bias: bool, shape: Callable[[Sequence[int]], tuple[int, ...]]
) -> DrawParams:
    as_flag(op, "scale", scale)
    as_flag(op, "bias", bias)

    def draw(key: jax.Array, input_shape: Sequence[int]) -> Params:
        params: Params = {}
        if scale:
            params["scale"] = jnp.ones(shape(input_shape), jnp.float32)
        if bias:
            params["bias"] = jnp.zeros(shape(input_shape), jnp.float32)
        return params

    return draw
