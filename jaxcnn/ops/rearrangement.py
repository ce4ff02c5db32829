"""Moves elements between channels and pixels, and among channels, without arithmetic."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Shaped

from jaxcnn.ops.any_layout import parse_any_layout
from jaxcnn.ops.argument_types import AnyArray
from jaxcnn.ops.arguments import as_array, as_int, images, parse_layout


def pixel_shuffle(
    x: Shaped[AnyArray, "n h w c"], factor: int, *, layout: str = "NHWC"
) -> Shaped[Array, "n ho wo co"]:
    r"""Turn channels into pixels: ``factor²`` channels become a block of that many pixels.

    .. math:: y_{n,\, ir + a,\, jr + b,\, c} = x_{n,\, i,\, j,\, c r^2 + a r + b}

    with r = ``factor``: the sub-pixel convolution's last step, which enlarges an image.

    Args:
        x: images in ``layout``, of any dtype.
        factor: how many times higher and wider the result is.
        layout: ``"NHWC"`` or ``"NCHW"``, the axes of ``x`` and of the result.

    Returns:
        Images of ``(h * factor, w * factor)`` pixels and ``c // factor²`` channels in
        ``layout``, same dtype.

    Raises:
        TypeError: if ``x`` is not an array or ``factor`` is not an int.
        ValueError: if the rank, the layout or ``factor`` does not fit, or ``factor²`` does not
            divide the channels.

    As in PyTorch, the channel that a pixel belongs to is the slowest part of the channel
    number, in either layout. TensorFlow's ``depth_to_space`` has it fastest.

    >>> pixel_shuffle(jnp.arange(4).reshape(1, 1, 1, 4), 2)[0, :, :, 0]
    Array([[0, 1],
           [2, 3]], dtype=int32)

    Reference: Shi, Caballero, Huszár, Totz, Aitken, Bishop, Rueckert and Wang, *Real-Time
    Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
    Network* (2016).
    """
    op = "pixel_shuffle"
    axes = parse_layout(op, layout, 2)
    x = images(op, x, axes)
    r = as_int(op, "factor", factor, minimum=1)
    n, (h, w), channels = x.shape[0], axes.sizes(x.shape), x.shape[axes.channel]
    if channels % r**2:
        raise ValueError(
            f"{op}: `factor` {r} squared must divide the channels, got {channels} channels "
            f"(layout {layout})"
        )
    c = channels // r**2
    if 0 in x.shape:
        return _empty(x, (n, c, h * r, w * r) if layout == "NCHW" else (n, h * r, w * r, c))
    if layout == "NCHW":
        blocks = x.reshape(n, c, r, r, h, w)  # n, c, a, b, i, j
        y = blocks.transpose(0, 1, 4, 2, 5, 3)
        return y.reshape(n, c, h * r, w, r).reshape(n, c, h * r, w * r)
    blocks = x.reshape(n, h, w, c, r, r)  # n, i, j, c, a, b
    # One axis at a time, as arrays with explicit sharding want it.
    return blocks.transpose(0, 1, 4, 2, 5, 3).reshape(n, h * r, w, r, c).reshape(n, h * r, w * r, c)


def pixel_unshuffle(
    x: Shaped[AnyArray, "n h w c"], factor: int, *, layout: str = "NHWC"
) -> Shaped[Array, "n ho wo co"]:
    r"""Turn pixels into channels, the inverse of `pixel_shuffle`.

    .. math:: y_{n,\, i,\, j,\, c r^2 + a r + b} = x_{n,\, ir + a,\, jr + b,\, c}

    Args:
        x: images in ``layout``, of any dtype.
        factor: how many times lower and narrower the result is, r.
        layout: ``"NHWC"`` or ``"NCHW"``, the axes of ``x`` and of the result.

    Returns:
        Images of ``(h // factor, w // factor)`` pixels and ``c * factor²`` channels in
        ``layout``, same dtype.

    Raises:
        TypeError: if ``x`` is not an array or ``factor`` is not an int.
        ValueError: if the rank, the layout or ``factor`` does not fit, or ``factor`` does not
            divide the height and the width.

    >>> pixel_unshuffle(jnp.arange(4).reshape(1, 2, 2, 1), 2).ravel()
    Array([0, 1, 2, 3], dtype=int32)

    Reference: as `pixel_shuffle`.
    """
    op = "pixel_unshuffle"
    axes = parse_layout(op, layout, 2)
    x = images(op, x, axes)
    r = as_int(op, "factor", factor, minimum=1)
    n, (height, width), c = x.shape[0], axes.sizes(x.shape), x.shape[axes.channel]
    if height % r or width % r:
        raise ValueError(
            f"{op}: `factor` {r} must divide the height and the width, got {height} × {width} "
            f"(layout {layout})"
        )
    h, w = height // r, width // r
    if 0 in x.shape:
        return _empty(x, (n, c * r**2, h, w) if layout == "NCHW" else (n, h, w, c * r**2))
    if layout == "NCHW":
        blocks = x.reshape(n, c, h, r, w * r).reshape(n, c, h, r, w, r)  # n, c, i, a, j, b
        return blocks.transpose(0, 1, 3, 5, 2, 4).reshape(n, c * r**2, h, w)
    # One axis at a time, as arrays with explicit sharding want it.
    blocks = x.reshape(n, h, r, w * r, c).reshape(n, h, r, w, r, c)  # n, i, a, j, b, c
    return blocks.transpose(0, 1, 3, 5, 2, 4).reshape(n, h, w, c * r**2)


def channel_shuffle(
    x: Shaped[AnyArray, "n *spatial c"], groups: int, *, layout: str | None = None
) -> Shaped[Array, "n *spatial c"]:
    """Deal the channels of every group out in turn, so that groups mix.

    The channels, laid out in ``groups`` rows, are read column by column: output channel
    ``j * groups + g`` is channel j of group g.

    Args:
        x: images, signals or volumes in ``layout``, of any dtype.
        groups: how many groups the channels are in; divides the channels.
        layout: the axes of ``x`` and of the result; channels last where it is left out.

    Returns:
        The channels of ``x`` in their new order, same shape and dtype.

    Raises:
        TypeError: if ``x`` is not an array or ``groups`` is not an int.
        ValueError: if the rank or the layout does not fit, or ``groups`` does not divide the
            channels.

    >>> channel_shuffle(jnp.arange(6).reshape(1, 1, 6), 2).ravel()
    Array([0, 3, 1, 4, 2, 5], dtype=int32)

    Reference: Zhang, Zhou, Lin and Sun, *ShuffleNet: An Extremely Efficient Convolutional
    Neural Network for Mobile Devices* (2018).
    """
    op = "channel_shuffle"
    x = as_array(op, "x", x)
    axes = parse_any_layout(op, layout, x.ndim)
    groups = as_int(op, "groups", groups, minimum=1)
    channels = x.shape[axes.channel]
    if channels % groups:
        raise ValueError(
            f"{op}: `groups` {groups} must divide the {channels} channels of `x` "
            f"(layout {axes.name})"
        )
    if 0 in x.shape:
        return _empty(x, x.shape)
    before, after = x.shape[: axes.channel], x.shape[axes.channel + 1 :]
    grouped = x.reshape(*before, groups, channels // groups, *after)
    return grouped.swapaxes(axes.channel, axes.channel + 1).reshape(x.shape)


def _empty(x: Any, shape: tuple[int, ...]) -> Any:
    """An empty array of another shape: JAX does not reshape empty axes of a sharded array."""
    return jnp.zeros(shape, x.dtype)
