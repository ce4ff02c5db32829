"""Layers that pad, resize, flatten or reorder images, without parameters."""

import math
from collections.abc import Sequence
from typing import Any

import jax

from jaxcnn import ops
from jaxcnn.layers.layer import Layer, described, stateless
from jaxcnn.ops.argument_types import Padding, PaddingMode, Window
from jaxcnn.ops.arguments import as_int
from jaxcnn.ops.resampling import ResizeMethod


@described
def Pad(
    padding: Padding, *, mode: PaddingMode = "zeros", value: float = 0, layout: str | None = None
) -> Layer:
    """A layer that pads or crops the spatial axes, as `jaxcnn.pad` does.

    Args:
        padding: pixels added on each side: an int, one int per axis, or one ``(low, high)`` pair
            per axis; a negative number crops.
        mode: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
        value: the number that ``"zeros"`` pads with.
        layout: the axes of the input; channels last where it is left out.

    Returns:
        A layer without parameters or state.

    >>> Pad(1).apply({}, {}, jnp.ones((1, 4, 4, 3)))[0].shape
    (1, 6, 6, 3)
    """

    def compute(params: object, x: jax.Array) -> jax.Array:
        return ops.pad(x, padding, mode=mode, value=value, layout=layout)

    return stateless(compute)


@described
def Resize(
    size: Window | None = None,
    *,
    scale: float | Sequence[float] | None = None,
    method: ResizeMethod = "bilinear",
    align_corners: bool = False,
    antialias: bool = False,
    layout: str | None = None,
) -> Layer:
    """A layer that resizes images, as `jaxcnn.resize` does.

    Args:
        size: the pixels of the result: an int for every spatial axis, or one per axis.
        scale: in place of ``size``, how many times larger the result is.
        method: ``"bilinear"``, ``"nearest"``, ``"nearest_exact"``, ``"bicubic"`` or ``"area"``.
        align_corners: whether the centres of the corner pixels stay in place, rather than the
            outer edges of the image.
        antialias: whether to smooth the image before it is made smaller.
        layout: the axes of the input; channels last where it is left out.

    Returns:
        A layer without parameters or state.

    Raises:
        ValueError: if not exactly one of ``size`` and ``scale`` is given.

    >>> Resize(6, method="nearest").apply({}, {}, jnp.ones((1, 3, 3, 2)))[0].shape
    (1, 6, 6, 2)
    """
    if (size is None) == (scale is None):
        raise ValueError(f"Resize: give one of `size` and `scale`, got {size!r} and {scale!r}")
    options: dict[str, Any] = {
        "method": method,
        "align_corners": align_corners,
        "antialias": antialias,
        "layout": layout,
    }
    target: dict[str, Any] = {"size": size} if scale is None else {"scale": scale}

    def compute(params: object, x: jax.Array) -> jax.Array:
        return ops.resize(x, **target, **options)

    return stateless(compute)


@described
def PixelShuffle(factor: int, *, layout: str = "NHWC") -> Layer:
    """A layer that moves channels into blocks of pixels, as `jaxcnn.pixel_shuffle` does.

    Args:
        factor: how many times higher and wider the result is.
        layout: ``"NHWC"`` or ``"NCHW"``.

    Returns:
        A layer without parameters or state.

    Raises:
        TypeError: if ``factor`` is not an int.
        ValueError: if it is not positive.

    >>> PixelShuffle(2).apply({}, {}, jnp.ones((1, 3, 3, 8)))[0].shape
    (1, 6, 6, 2)
    """
    factor = as_int("PixelShuffle", "factor", factor, minimum=1)
    return stateless(lambda params, x: ops.pixel_shuffle(x, factor, layout=layout))


@described
def ChannelShuffle(groups: int, *, layout: str | None = None) -> Layer:
    """A layer that interleaves groups of channels, as `jaxcnn.channel_shuffle` does.

    Args:
        groups: how many groups the channels are in.
        layout: the axes of the input; channels last where it is left out.

    Returns:
        A layer without parameters or state.

    Raises:
        TypeError: if ``groups`` is not an int.
        ValueError: if it is not positive.

    >>> ChannelShuffle(2).apply({}, {}, jnp.arange(6).reshape(1, 1, 6))[0].ravel()
    Array([0, 3, 1, 4, 2, 5], dtype=int32)
    """
    groups = as_int("ChannelShuffle", "groups", groups, minimum=1)
    return stateless(lambda params, x: ops.channel_shuffle(x, groups, layout=layout))


@described
def Flatten() -> Layer:
    """A layer that makes one axis of all axes but the batch axis.

    >>> y, _ = Flatten().apply({}, {}, jnp.ones((2, 5, 5, 16)))
    >>> y.shape
    (2, 400)
    """
    return stateless(lambda params, x: x.reshape(x.shape[0], math.prod(x.shape[1:])))
