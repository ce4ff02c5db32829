"""Batch normalization: with the statistics of the batch in training, with running ones after it."""

import math
from collections.abc import Hashable
from typing import Any, NamedTuple

from jax import lax
from jaxtyping import Array, Float

from jaxcnn.engine import OPEN
from jaxcnn.ops.argument_types import AnyArray
from jaxcnn.ops.arguments import Layout, choice
from jaxcnn.ops.kinds import as_flag, as_real
from jaxcnn.ops.moments import (
    batch_layout,
    clipped,
    parameter,
    real_input,
    standardized,
    widened,
)


def batch_norm(
    x: Float[AnyArray, "n *spatial c"],
    mean: Float[AnyArray, " channels"],
    variance: Float[AnyArray, " channels"],
    scale: Float[AnyArray, " channels"] | None = None,
    bias: Float[AnyArray, " channels"] | None = None,
    *,
    train: bool,
    momentum: float = 0.1,
    epsilon: float = 1e-5,
    axis_name: Hashable | None = None,
    layout: str | None = None,
) -> tuple[
    Float[Array, "n *spatial c"], tuple[Float[Array, " channels"], Float[Array, " channels"]]
]:
    r"""Normalize every channel over the batch, and update its running mean and variance.

    .. math:: y = \frac{x - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}}\, \gamma_c + \beta_c

    In training :math:`\mu_c, \sigma_c^2` are the mean and the (biased) variance of channel c
    over the batch and all positions; otherwise they are the running ``mean`` and ``variance``.

    Args:
        x: images, signals or volumes in ``layout``, or plain vectors ``(n, c)``.
        mean: the running mean of each channel; zeros at first.
        variance: the running variance of each channel; ones at first.
        scale: :math:`\gamma`, one number per channel; 1 where it is left out.
        bias: :math:`\beta`, one number per channel; 0 where it is left out.
        train: whether to normalize by the batch's statistics and update the running ones.
        momentum: the share m of the batch in the new running statistics,
            ``(1 - m) * old + m * batch``, in [0, 1]. Flax, Keras and TensorFlow call
            ``1 - m`` the momentum.
        epsilon: what keeps the root from zero; positive in training.
        axis_name: the mapped axis, or a tuple of them, of `jax.vmap`, `jax.pmap` or
            `jax.shard_map` over which the batch is spread: the statistics are those of the
            whole batch. Not needed under `jax.jit` with sharded inputs, where the batch is one
            array anyway.
        layout: the axes of ``x`` and of the result; channels last where it is left out.

    Returns:
        ``(y, (mean, variance))``: ``y`` in the shape and dtype of ``x``, and the running
        statistics in the dtypes they came in, updated in training and as they came otherwise.
        The batch's part in the running variance is unbiased, divided by count − 1, as in
        PyTorch. A batch without elements updates nothing.

    Raises:
        TypeError: if ``x`` is not floating point, ``train`` is not a bool, or an option is not
            a number; if another array has neither the dtype of ``x`` nor, where ``x`` is a
            16-bit float, float32. Keep running statistics in float32: in bfloat16 an update
            smaller than 1/256 of the value is lost.
        ValueError: if a shape, the layout or an option does not fit; in training, if there is
            only one value per channel (over all devices), whose variance is zero.
        NameError: if ``axis_name`` is not a mapped axis.

    Statistics of 16-bit floats are computed in float32. Unlike
    ``torch.nn.functional.batch_norm``, nothing is updated in place, the running statistics
    have gradients like any result, 16-bit ``x`` may come with any mix of 16-bit and float32
    parameters, and a ``momentum`` outside [0, 1] is refused.

    >>> x = jnp.array([[1.0], [3.0]])
    >>> y, (mean, variance) = batch_norm(x, jnp.zeros(1), jnp.ones(1), train=True)
    >>> y.ravel(), mean, variance
    (Array([-0.999..., 0.999...], dtype=float32), Array([0.2], dtype=float32),
     Array([1.1], dtype=float32))

    Reference: Ioffe and Szegedy, *Batch Normalization: Accelerating Deep Network Training by
    Reducing Internal Covariate Shift* (2015).
    """
    running, own = (mean, variance), (scale, bias)
    settings = _Settings("batch_norm", train, momentum, epsilon, axis_name, layout)
    y, statistics = _normalized(settings, x, running, own, OPEN)
    return y.astype(x.dtype), statistics


BOUNDS = {"relu": (0.0, math.inf), "relu6": (0.0, 6.0)}
"""The least and the largest output of each activation that `batch_norm_activation` computes."""


def batch_norm_activation(
    x: Float[AnyArray, "n *spatial c"],
    mean: Float[AnyArray, " channels"],
    variance: Float[AnyArray, " channels"],
    scale: Float[AnyArray, " channels"] | None = None,
    bias: Float[AnyArray, " channels"] | None = None,
    residual: Float[AnyArray, "n *spatial c"] | None = None,
    *,
    activation: str = "relu",
    train: bool,
    momentum: float = 0.1,
    epsilon: float = 1e-5,
    axis_name: Hashable | None = None,
    layout: str | None = None,
) -> tuple[
    Float[Array, "n *spatial c"], tuple[Float[Array, " channels"], Float[Array, " channels"]]
]:
    r"""Normalize as `batch_norm`, add a residual and apply a ReLU, with fewer passes over memory.

    .. math:: y = a\left(\frac{x - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}}\, \gamma_c + \beta_c
        + r\right)

    Args:
        x: images, signals or volumes in ``layout``, or plain vectors ``(n, c)``.
        mean: the running mean of each channel, as in `batch_norm`.
        variance: the running variance of each channel, as in `batch_norm`.
        scale: :math:`\gamma`, one number per channel; 1 where it is left out.
        bias: :math:`\beta`, one number per channel; 0 where it is left out.
        residual: r, in the shape and dtype of ``x``: the shortcut of a residual block; 0 where
            it is left out.
        activation: a, ``"relu"`` or ``"relu6"``.
        train: whether to normalize by the batch's statistics and update the running ones.
        momentum: as in `batch_norm`.
        epsilon: as in `batch_norm`.
        axis_name: as in `batch_norm`.
        layout: the axes of ``x``, of ``residual`` and of the result; channels last where it is
            left out.

    Returns:
        ``(y, (mean, variance))``, as `batch_norm`. Results of 16-bit floats are rounded once.

    Raises:
        TypeError: as `batch_norm`; if ``residual`` has not the dtype of ``x``.
        ValueError: as `batch_norm`; if ``residual`` has not the shape of ``x``, or there is no
            such activation.
        NameError: if ``axis_name`` is not a mapped axis.

    Where the argument of the activation is one of its bounds, its derivative is 0, as in PyTorch.

    >>> x = jnp.array([[1.0], [3.0]])
    >>> y, _ = batch_norm_activation(x, jnp.zeros(1), jnp.ones(1), train=True)
    >>> y.ravel()
    Array([0.      , 0.999...], dtype=float32)

    Reference: He, Zhang, Ren and Sun, *Deep Residual Learning for Image Recognition* (2015).
    """
    op = "batch_norm_activation"
    low, high = bounds = BOUNDS[choice(op, "activation", activation, tuple(BOUNDS))]
    running, own = (mean, variance), (scale, bias)
    settings = _Settings(op, train, momentum, epsilon, axis_name, layout)
    if residual is None:
        y, statistics = _normalized(settings, x, running, own, bounds)
        return y.astype(x.dtype), statistics
    x = real_input(op, x)
    residual = parameter(op, "residual", residual, x, x.shape, wider=False)
    y, statistics = _normalized(settings, x, running, own, OPEN)
    return clipped(y + residual.astype(y.dtype), low, high).astype(x.dtype), statistics


class _Settings(NamedTuple):
    """The options of a batch norm."""

    op: str
    train: bool
    momentum: float
    epsilon: float
    axis_name: Hashable | None
    layout: str | None


def _normalized(
    settings: _Settings,
    x: Any,
    running: tuple[Any, Any],
    affine: tuple[Any, Any],
    bounds: tuple[float, float],
) -> tuple[Any, tuple[Any, Any]]:
    """The result, clipped to ``bounds`` and not yet in the dtype of ``x``, and the statistics."""
    op, train, momentum, epsilon, axis_name, layout = settings
    x = real_input(op, x)
    axes = batch_layout(op, layout, x.ndim)
    channels = (x.shape[axes.channel],)
    mean = parameter(op, "mean", running[0], x, channels)
    variance = parameter(op, "variance", running[1], x, channels)
    scale = None if affine[0] is None else parameter(op, "scale", affine[0], x, channels)
    bias = None if affine[1] is None else parameter(op, "bias", affine[1], x, channels)
    as_flag(op, "train", train)
    momentum = as_real(op, "momentum", momentum, minimum=0, maximum=1)
    epsilon = as_real(op, "epsilon", epsilon, minimum=0)
    per_channel = [1] * x.ndim
    per_channel[axes.channel] = channels[0]
    wide = widened(x)
    gain = 1.0 if scale is None else scale.reshape(per_channel).astype(wide.dtype)
    offset = 0.0 if bias is None else bias.reshape(per_channel).astype(wide.dtype)
    if train:
        count = _values_per_channel(op, x, axes, epsilon, axis_name)
    if train and count > 0:
        reduced = tuple(axis for axis in range(x.ndim) if axis != axes.channel)
        batch = standardized(wide, reduced, epsilon, gain, offset, axis_name, bounds)
        mean = _updated(mean, batch.mean, momentum)
        variance = _updated(variance, batch.variance * (count / (count - 1)), momentum)
        return batch.y, (mean, variance)
    deviation = wide - mean.reshape(per_channel).astype(wide.dtype)
    spread = variance.reshape(per_channel).astype(wide.dtype)
    y = deviation * (lax.rsqrt(spread + epsilon) * gain) + offset
    return clipped(y, *bounds), (mean, variance)


def _values_per_channel(
    op: str, x: Any, axes: Layout, epsilon: float, axis_name: Hashable | None
) -> int:
    """How many numbers the statistics of a channel are computed from, over all devices."""
    if epsilon == 0:
        raise ValueError(f"{op}: `epsilon` must be positive in training, got 0")
    devices = 1 if axis_name is None else lax.psum(1, axis_name)
    count = devices * x.shape[0] * math.prod(axes.sizes(x.shape))
    if count == 1:
        raise ValueError(
            f"{op}: training needs more than 1 value per channel, got `x` of shape {x.shape} "
            f"(layout {axes.name})"
        )
    return count


def _updated(old: Any, batch: Any, momentum: float) -> Array:
    """The running statistic after this batch, in its own dtype."""
    batch = batch.reshape(old.shape)
    return ((1 - momentum) * old.astype(batch.dtype) + momentum * batch).astype(old.dtype)
