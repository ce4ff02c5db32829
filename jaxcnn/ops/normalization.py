"""Normalizations of each example by itself: over features, groups, instances or near channels."""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxcnn.ops.any_layout import parse_any_layout
from jaxcnn.ops.argument_types import AnyArray
from jaxcnn.ops.arguments import accumulator, as_int
from jaxcnn.ops.kinds import as_real
from jaxcnn.ops.moments import affine, batch_layout, parameter, real_input, standardized, widened


def layer_norm(
    x: Float[AnyArray, "*shape"],
    scale: Float[AnyArray, "*features"] | None = None,
    bias: Float[AnyArray, "*features"] | None = None,
    *,
    axes: int | Sequence[int],
    epsilon: float = 1e-5,
) -> Float[Array, "*shape"]:
    r"""Normalize over ``axes``, each example by itself.

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}\, \gamma + \beta

    with the mean and the (biased) variance over ``axes``.

    Args:
        x: an array of any shape.
        scale: :math:`\gamma`, in the shape of ``x`` over ``axes`` (in the order of the axes of
            ``x``); 1 where it is left out.
        bias: :math:`\beta`, in the same shape; 0 where it is left out.
        axes: the axis or axes to normalize over; negative ones count from the last.
            PyTorch's ``normalized_shape`` names the sizes of the last axes instead:
            ``axes=-1`` is ``(x.shape[-1],)``.
        epsilon: what keeps the root from zero.

    Returns:
        The result in the shape and dtype of ``x``.

    Raises:
        TypeError: if ``x`` is not floating point, ``scale`` or ``bias`` has neither its dtype
            nor, where that is a 16-bit float, float32, or an option is not a number.
        ValueError: if a shape does not fit, ``axes`` is empty, out of range or repeats itself,
            or ``epsilon`` is negative.

    >>> layer_norm(jnp.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]), axes=-1).round(3)
    Array([[-1.225,  0.   ,  1.225],
           [-1.225,  0.   ,  1.225]], dtype=float32)

    Reference: Ba, Kiros and Hinton, *Layer Normalization* (2016).
    """
    op = "layer_norm"
    x, scale, bias, axes, epsilon, features = _features(op, x, scale, bias, axes, epsilon)
    y = standardized(widened(x), axes, epsilon).y
    return affine(y, scale, bias, features, x.dtype)


def rms_norm(
    x: Float[AnyArray, "*shape"],
    scale: Float[AnyArray, "*features"] | None = None,
    *,
    axes: int | Sequence[int],
    epsilon: float | None = None,
) -> Float[Array, "*shape"]:
    r"""Divide by the root mean square over ``axes``: `layer_norm` without the mean.

    .. math:: y = \frac{x}{\sqrt{\overline{x^2} + \epsilon}}\, \gamma

    Args:
        x: an array of any shape.
        scale: :math:`\gamma`, in the shape of ``x`` over ``axes``; 1 where it is left out.
        axes: as in `layer_norm`.
        epsilon: what keeps the root from zero. Where it is left out, the machine epsilon of
            the dtype of the mean (1.2e-7; 2.2e-16 for float64), as in PyTorch. Flax and most
            language models take 1e-6 or 1e-5.

    Returns:
        The result in the shape and dtype of ``x``.

    Raises:
        TypeError: as `layer_norm`.
        ValueError: as `layer_norm`.

    >>> rms_norm(jnp.array([1.0, 7.0]), axes=0)
    Array([0.2, 1.4], dtype=float32)

    Reference: Zhang and Sennrich, *Root Mean Square Layer Normalization* (2019).
    """
    op = "rms_norm"
    x = real_input(op, x)
    if epsilon is None:
        epsilon = float(jnp.finfo(accumulator(x.dtype) or x.dtype).eps)
    x, scale, _, axes, epsilon, features = _features(op, x, scale, None, axes, epsilon)
    wide = widened(x)
    square = jnp.mean(lax.square(wide), axes, keepdims=True)
    return affine(wide * lax.rsqrt(square + epsilon), scale, None, features, x.dtype)


def group_norm(
    x: Float[AnyArray, "n *spatial c"],
    scale: Float[AnyArray, " channels"] | None = None,
    bias: Float[AnyArray, " channels"] | None = None,
    *,
    groups: int,
    epsilon: float = 1e-5,
    layout: str | None = None,
) -> Float[Array, "n *spatial c"]:
    r"""Normalize over each group of channels and all positions, each example by itself.

    .. math:: y = \frac{x - \mu_{ng}}{\sqrt{\sigma_{ng}^2 + \epsilon}}\, \gamma_c + \beta_c

    Args:
        x: images, signals or volumes in ``layout``, or plain vectors ``(n, c)``.
        scale: :math:`\gamma`, one number per channel; 1 where it is left out.
        bias: :math:`\beta`, one number per channel; 0 where it is left out.
        groups: how many groups of neighbouring channels; divides the channels.
        epsilon: what keeps the root from zero.
        layout: the axes of ``x`` and of the result; channels last where it is left out.

    Returns:
        The result in the shape and dtype of ``x``.

    Raises:
        TypeError: if ``x`` is not floating point, ``scale`` or ``bias`` has neither its dtype
            nor, where that is a 16-bit float, float32, or an option is not a number.
        ValueError: if a shape, the layout or an option does not fit, or, as in PyTorch, the
            batch is one example with one value per group.

    >>> group_norm(jnp.array([[1.0, 3.0, 10.0, 30.0]]), groups=2).round(3)
    Array([[-1.,  1., -1.,  1.]], dtype=float32)

    Reference: Wu and He, *Group Normalization* (2018).
    """
    op = "group_norm"
    x = real_input(op, x)
    layout_axes = batch_layout(op, layout, x.ndim)
    channel = layout_axes.channel
    scale, bias, per_channel = _channel_parameters(op, x, channel, scale, bias)
    groups = as_int(op, "groups", groups, minimum=1)
    epsilon = as_real(op, "epsilon", epsilon, minimum=0)
    channels = x.shape[channel]
    if channels % groups:
        raise ValueError(
            f"{op}: `groups` {groups} must divide the {channels} channels of `x` "
            f"(layout {layout_axes.name})"
        )
    sizes = layout_axes.sizes(x.shape)
    if x.shape[0] * (channels // groups) * math.prod(sizes) == 1:
        raise ValueError(
            f"{op}: needs more than 1 value per group, got `x` of shape {x.shape} "
            f"in {groups} groups (layout {layout_axes.name})"
        )
    if 0 in x.shape:
        # JAX does not split an empty axis of a sharded array.
        return jnp.zeros(x.shape, x.dtype)
    # The channel axis becomes two, (groups, channels of a group), and later axes move by one.
    split = (*x.shape[:channel], groups, channels // groups, *x.shape[channel + 1 :])
    reduced = tuple(axis for axis in range(1, len(split)) if axis != channel)
    y = standardized(widened(x).reshape(split), reduced, epsilon).y
    return affine(y.reshape(x.shape), scale, bias, per_channel, x.dtype)


def instance_norm(
    x: Float[AnyArray, "n *spatial c"],
    scale: Float[AnyArray, " channels"] | None = None,
    bias: Float[AnyArray, " channels"] | None = None,
    *,
    epsilon: float = 1e-5,
    layout: str | None = None,
) -> Float[Array, "n *spatial c"]:
    r"""Normalize every channel of every example over its positions.

    .. math:: y = \frac{x - \mu_{nc}}{\sqrt{\sigma_{nc}^2 + \epsilon}}\, \gamma_c + \beta_c

    Args:
        x: images, signals or volumes in ``layout``.
        scale: :math:`\gamma`, one number per channel; 1 where it is left out.
        bias: :math:`\beta`, one number per channel; 0 where it is left out.
        epsilon: what keeps the root from zero.
        layout: the axes of ``x`` and of the result; channels last where it is left out.

    Returns:
        The result in the shape and dtype of ``x``.

    Raises:
        TypeError: if ``x`` is not floating point, ``scale`` or ``bias`` has neither its dtype
            nor, where that is a 16-bit float, float32, or an option is not a number.
        ValueError: if a shape, the layout or an option does not fit, or ``x`` has only one
            position, whose variance is zero.

    Unlike ``torch.nn.functional.instance_norm``, running statistics are not kept.

    >>> instance_norm(jnp.array([1.0, 3.0, 10.0, 30.0]).reshape(1, 2, 2), layout="NCW").round(3)
    Array([[[-1.,  1.],
            [-1.,  1.]]], dtype=float32)

    Reference: Ulyanov, Vedaldi and Lempitsky, *Instance Normalization: The Missing Ingredient
    for Fast Stylization* (2016).
    """
    op = "instance_norm"
    x = real_input(op, x)
    layout_axes = parse_any_layout(op, layout, x.ndim)
    scale, bias, per_channel = _channel_parameters(op, x, layout_axes.channel, scale, bias)
    epsilon = as_real(op, "epsilon", epsilon, minimum=0)
    if math.prod(layout_axes.sizes(x.shape)) == 1:
        raise ValueError(
            f"{op}: needs more than 1 position, got `x` of shape {x.shape} "
            f"(layout {layout_axes.name})"
        )
    y = standardized(widened(x), layout_axes.spatial, epsilon).y
    return affine(y, scale, bias, per_channel, x.dtype)


def local_response_norm(
    x: Float[AnyArray, "n *spatial c"],
    *,
    size: int,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
    layout: str | None = None,
) -> Float[Array, "n *spatial c"]:
    r"""Divide each number by a power of the mean square of its neighbours across channels.

    .. math:: y_c = x_c \Big/ \Big(k + \frac{\alpha}{\text{size}} \sum_{c'} x_{c'}^2\Big)^\beta

    where c' runs from c − size // 2 to c + (size − 1) // 2, and channels that do not exist
    count as zeros.

    Args:
        x: images, signals or volumes in ``layout``.
        size: how many neighbouring channels a window has.
        alpha: the weight of the mean square.
        beta: the power.
        k: what is added to the mean square. With ``k=0``, a window of zeros gives NaN.
        layout: the axes of ``x`` and of the result; channels last where it is left out.

    Returns:
        The result in the shape and dtype of ``x``.

    Raises:
        TypeError: if ``x`` is not floating point or an option is not a number.
        ValueError: if the rank, the layout or ``size`` does not fit, or ``k`` or ``alpha`` is
            negative.

    As in ``torch.nn.functional.local_response_norm``, ``alpha`` is divided by ``size``; the
    paper and TensorFlow do not divide. The paper's n = 5, α = 1e-4, β = 0.75, k = 2 is
    ``size=5, alpha=5e-4, beta=0.75, k=2``.

    >>> local_response_norm(jnp.array([1.0, 2.0, 3.0]).reshape(1, 1, 3), size=3, alpha=3, beta=1)
    Array([[[0.16666667, 0.13333334, 0.21428572]]], dtype=float32)

    Reference: Krizhevsky, Sutskever and Hinton, *ImageNet Classification with Deep
    Convolutional Neural Networks* (2012), section 3.3.
    """
    op = "local_response_norm"
    x = real_input(op, x)
    layout_axes = parse_any_layout(op, layout, x.ndim)
    size = as_int(op, "size", size, minimum=1)
    alpha = as_real(op, "alpha", alpha, minimum=0)
    beta = as_real(op, "beta", beta, minimum=-math.inf)
    k = as_real(op, "k", k, minimum=0)
    wide = widened(x)
    window, padding = [1] * x.ndim, [(0, 0)] * x.ndim
    window[layout_axes.channel] = size
    padding[layout_axes.channel] = (size // 2, (size - 1) // 2)
    zero = np.zeros((), wide.dtype)
    energy = lax.reduce_window(lax.square(wide), zero, lax.add, window, [1] * x.ndim, padding)
    return (wide / (k + alpha / size * energy) ** beta).astype(x.dtype)


def _features(
    op: str, x: Any, scale: Any, bias: Any, axes: Any, epsilon: Any
) -> tuple[Any, Any, Any, tuple[int, ...], float, list[int]]:
    """The checked arguments of a normalization over ``axes``, and its parameters' shape in x."""
    x = real_input(op, x)
    axes = _parse_axes(op, axes, x.ndim)
    shape = tuple(x.shape[axis] for axis in axes)
    scale = None if scale is None else parameter(op, "scale", scale, x, shape)
    bias = None if bias is None else parameter(op, "bias", bias, x, shape)
    epsilon = as_real(op, "epsilon", epsilon, minimum=0)
    features = [size if axis in axes else 1 for axis, size in enumerate(x.shape)]
    return x, scale, bias, axes, epsilon, features


def _parse_axes(op: str, axes: Any, ndim: int) -> tuple[int, ...]:
    """``axes`` as a sorted tuple of axes counted from the first."""
    listed = tuple(axes) if isinstance(axes, Sequence) and not isinstance(axes, str) else (axes,)
    if not listed:
        raise ValueError(f"{op}: `axes` must name at least one axis, got {axes!r}")
    counted = []
    for axis in listed:
        index = as_int(op, "axes", axis, minimum=-ndim)
        if index >= ndim:
            raise ValueError(f"{op}: `axes` must be below {ndim}, the axes of `x`, got {index}")
        counted.append(index % ndim)
    if len(set(counted)) < len(counted):
        raise ValueError(f"{op}: `axes` must be different axes, got {axes!r}")
    return tuple(sorted(counted))


def _channel_parameters(
    op: str, x: Any, channel: int, scale: Any, bias: Any
) -> tuple[Any, Any, list[int]]:
    """The checked scale and bias of each channel, and the shape that lays them along it."""
    shape = (x.shape[channel],)
    scale = None if scale is None else parameter(op, "scale", scale, x, shape)
    bias = None if bias is None else parameter(op, "bias", bias, x, shape)
    per_channel = [1] * x.ndim
    per_channel[channel] = x.shape[channel]
    return scale, bias, per_channel
