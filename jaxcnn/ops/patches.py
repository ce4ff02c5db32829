"""Takes patches out of images (`unfold`), and adds patches up to images (`fold`)."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Num, Shaped

from jaxcnn.ops.any_layout import parse_any_layout
from jaxcnn.ops.argument_types import AnyArray, Padding, Pairs, Window
from jaxcnn.ops.arguments import Layout, accumulator, as_array, check_numbers, per_axis
from jaxcnn.ops.padding import pad_spatial
from jaxcnn.ops.padding_arguments import check_padding_fits
from jaxcnn.ops.window_arguments import check_window_fits, dilated, parse_padding

# Both go one spatial axis at a time, so a 3-D window costs kd + kh + kw slices, not their product.


def unfold(
    x: Shaped[AnyArray, "n *spatial c"],
    window: Window,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    dilation: Window = 1,
    layout: str | None = None,
) -> Shaped[Array, "n *positions_window_c"]:
    """Take out every window of the images, as a convolution reads them (im2col).

    Args:
        x: images, signals or volumes in ``layout``.
        window: pixels of the window: an int, or one per spatial axis.
        stride: distance between neighbouring windows.
        padding: zeros around the images, as in `conv2d`.
        dilation: distance between neighbouring pixels of a window.
        layout: the axes of ``x``; channels last where it is left out.

    Returns:
        In NHWC ``(n, rows, columns, kh, kw, c)``, in NCHW ``(n, c, kh, kw, rows, columns)``,
        likewise for signals and volumes. ``torch.nn.functional.unfold`` gives the second one
        with its axes joined, ``(n, c * kh * kw, rows * columns)``: a reshape away.

    Raises:
        TypeError: if ``x`` is not an array, or an option is not made of ints.
        ValueError: if the rank of ``x``, the layout or an option does not fit, or the window is
            larger than the padded images.

    >>> patches = unfold(jnp.arange(9).reshape(1, 3, 3, 1), 2)
    >>> patches.shape
    (1, 2, 2, 2, 2, 1)
    >>> patches[0, 0, 1, :, :, 0]
    Array([[1, 2],
           [4, 5]], dtype=int32)
    """
    x = as_array("unfold", "x", x)
    axes = parse_any_layout("unfold", layout, x.ndim)
    sizes = axes.sizes(x.shape)
    window, stride, dilation, pairs = _geometry("unfold", sizes, window, stride, padding, dilation)
    x = pad_spatial("unfold", x, pairs, mode="zeros", layout=axes)
    rank = len(sizes)
    for i, axis in enumerate(axes.spatial):
        count = (x.shape[axis] - (window[i] - 1) * dilation[i] - 1) // stride[i] + 1
        parts = [
            lax.slice_in_dim(x, start, start + (count - 1) * stride[i] + 1, stride[i], axis)
            for start in range(0, window[i] * dilation[i], dilation[i])
        ]
        # The window's axes gather behind all others, first axis first.
        x = jnp.stack(parts, -1)
    if axes.channel == 1:
        return jnp.moveaxis(x, range(2, 2 + rank), range(-rank, 0))
    return jnp.moveaxis(x, axes.channel, -1)


def fold(
    patches: Num[AnyArray, "n *positions_window_c"],
    output_size: Window,
    window: Window,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    dilation: Window = 1,
    layout: str | None = None,
) -> Num[Array, "n *spatial c"]:
    """Add patches up to images, where they overlap too (col2im): the adjoint of `unfold`.

    Args:
        patches: as `unfold` returns them.
        output_size: the spatial sizes of the images: an int, or one per spatial axis.
        window: as in `unfold`.
        stride: as in `unfold`.
        padding: as in `unfold`; what lies there is dropped.
        dilation: as in `unfold`.
        layout: the axes of the result; channels last where it is left out.

    Returns:
        Images of ``output_size`` in ``layout``. ``fold(unfold(x, …), …)`` is ``x`` times the
        number of windows that each pixel lies in.

    Raises:
        TypeError: if ``patches`` is not an array, or an option is not made of ints.
        ValueError: if the axes of ``patches`` are not those that `unfold` gives for these
            options, or an option does not fit.

    >>> fold(jnp.ones((1, 2, 2, 2, 2, 1)), 3, 2)[0, :, :, 0]
    Array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]], dtype=float32)
    """
    patches = as_array("fold", "patches", patches)
    rank = (patches.ndim - 2) // 2
    if patches.ndim not in (4, 6, 8):
        raise ValueError(
            f"fold: `patches` must have a batch axis, a channel axis and two axes for each of 1 "
            f"to 3 spatial axes, got {patches.ndim} axes"
        )
    check_numbers("fold", "patches", patches)
    axes = parse_any_layout("fold", layout, rank + 2)
    sizes = per_axis("fold", "output_size", output_size, rank, minimum=1)
    window, stride, dilation, pairs = _geometry("fold", sizes, window, stride, padding, dilation)
    padded = [size + low + high for size, (low, high) in zip(sizes, pairs, strict=True)]
    span = dilated(window, dilation)
    counts = [(p - e) // s + 1 for p, e, s in zip(padded, span, stride, strict=True)]
    _check_patches(patches.shape, counts, window, axes)
    dtype = patches.dtype
    y = patches.astype(accumulator(dtype) or dtype)
    if axes.channel == 1:
        y = jnp.moveaxis(y, range(2, 2 + rank), range(-rank, 0))
    else:
        y = jnp.moveaxis(y, -1, rank + 1)
    # Now (n, positions and channels in the layout's order, *window).
    for i in reversed(range(rank)):
        y = _overlap_add(y, axes.spatial[i], stride[i], dilation[i], padded[i])
    back = tuple((-low, -high) for low, high in pairs)
    return pad_spatial("fold", y, back, mode="zeros", layout=axes).astype(dtype)


def _geometry(
    op: str, sizes: Sequence[int], window: Any, stride: Any, padding: Any, dilation: Any
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], Pairs]:
    rank = len(sizes)
    window = per_axis(op, "window", window, rank, minimum=1)
    stride = per_axis(op, "stride", stride, rank, minimum=1)
    dilation = per_axis(op, "dilation", dilation, rank, minimum=1)
    span = dilated(window, dilation)
    pairs = parse_padding(op, padding, sizes, span, stride, crops=True)
    check_padding_fits(op, sizes, pairs, "zeros")
    check_window_fits(op, sizes, span, pairs)
    return window, stride, dilation, pairs


def _check_patches(
    shape: Sequence[int], counts: Sequence[int], window: Sequence[int], axes: Layout
) -> None:
    expected = (shape[0], *counts, *window, shape[-1])
    if axes.channel == 1:
        expected = (shape[0], shape[1], *window, *counts)
    if tuple(shape) != expected:
        raise ValueError(
            f"fold: `patches` must have shape {expected} for {tuple(counts)} windows of "
            f"{tuple(window)} (layout {axes.name}), got {tuple(shape)}"
        )


def _overlap_add(y: Any, axis: int, stride: int, dilation: int, size: int) -> Any:
    """Undo one axis of `unfold`: spread the windows along ``axis``, whose parts come last."""
    total = None
    used = (y.shape[axis] - 1) * stride + 1
    for offset in range(y.shape[-1]):
        low = offset * dilation
        config = [(0, 0, 0)] * (y.ndim - 1)
        config[axis] = (low, size - used - low, stride - 1)
        part = lax.pad(y[..., offset], jnp.zeros((), y.dtype), config)
        total = part if total is None else total + part
    return total
