"""Reads images at positions that an array gives, such as those of an affine map."""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcnn.ops import cubic
from jaxcnn.ops.argument_types import AnyArray, Window
from jaxcnn.ops.arguments import (
    Layout,
    accumulator,
    as_array,
    choice,
    parse_layout,
    per_axis,
    same_dtype,
)
from jaxcnn.ops.kinds import as_flag, floating

SampleMethod = Literal["bilinear", "nearest", "bicubic"]
SAMPLE_METHODS = ("bilinear", "nearest", "bicubic")

Outside = Literal["zeros", "border", "reflection"]
OUTSIDE = ("zeros", "border", "reflection")


class Taps(NamedTuple):
    """The ``k`` pixels that each of ``p`` points reads, on one axis or on all of them."""

    at: Any
    """``(n, p, k)`` positions, all of them in the image."""
    weight: Any
    """``(n, p, k)``."""
    inside: Any
    """``(n, p, k)``, False where the pixel really lies outside, and counts as zero."""


def grid_sample(
    x: Float[AnyArray, "n *spatial c"],
    grid: Float[AnyArray, "n *positions rank"],
    *,
    method: SampleMethod = "bilinear",
    padding_mode: Outside = "zeros",
    align_corners: bool = False,
    layout: str | None = None,
) -> Float[Array, "n *positions c"]:
    r"""Read images or volumes at the points of a grid, as spatial transformers do.

    .. math:: y_{npc} = \sum_{ij} w(v_{np} - i)\, w(u_{np} - j)\; x_{nijc}

    where :math:`(u, v)` is point p of ``grid``, counted in pixels.

    Args:
        x: images ``(n, h, w, c)`` or volumes ``(n, d, h, w, c)``, in ``layout``.
        grid: ``(n, ho, wo, 2)`` or ``(n, do, ho, wo, 3)`` in every layout: the x, y (and z)
            of each point, where -1 and 1 are the ends of the axis: x runs along the *last*
            spatial axis.
        method: ``"bilinear"`` (trilinear for volumes), ``"nearest"`` (half-way points go to
            the even pixel), or ``"bicubic"`` (Keys's cubic with a = -0.75; images only).
        padding_mode: what lies outside: ``"zeros"``, ``"border"`` (the nearest pixel), or
            ``"reflection"`` (mirrored at the ends, as often as it takes).
        align_corners: whether -1 and 1 are the centres of the first and last pixels, instead
            of their outer edges.
        layout: the axes of ``x`` and of the result; channels last where it is left out.

    Returns:
        ``(n, *positions, c)`` in ``layout``, in the dtype of ``x``. The points are placed in
        float32 where the dtype has 16 bits.

    Raises:
        TypeError: if an operand is not an array or not floating point, or their dtypes differ.
        ValueError: if a rank, a shape, the layout or an option does not fit, or a spatial axis
            is empty.

    The numbers and the gradients are those of ``torch.nn.functional.grid_sample``: no gradient
    reaches the grid from ``"nearest"``, nor from a point that is clipped to the border. A
    coordinate that is NaN lies before the first pixel, and an infinite one where its sign says
    (under ``"reflection"`` either is on the first pixel); PyTorch differs from itself there,
    between ranks, methods and devices.

    >>> x = jnp.arange(9.0).reshape(1, 3, 3, 1)
    >>> points = jnp.array([[0.0, 0.0], [-1.0, -1.0], [0.5, 0.0]]).reshape(1, 1, 3, 2)
    >>> grid_sample(x, points, align_corners=True).ravel()
    Array([4. , 0. , 4.5], dtype=float32)

    Reference: Jaderberg, Simonyan, Zisserman and Kavukcuoglu, *Spatial transformer networks*
    (2015).
    """
    x = as_array("grid_sample", "x", x)
    rank = x.ndim - 2
    if rank not in (2, 3):
        raise ValueError(
            f"grid_sample: `x` must have a batch axis, 2 or 3 spatial axes and a channel axis, "
            f"got {x.ndim} axes"
        )
    axes = parse_layout("grid_sample", layout, rank)
    grid = _points(x, grid, axes)
    _check_sampling(method, padding_mode, rank)
    as_flag("grid_sample", "align_corners", align_corners)
    wide = accumulator(x.dtype) or x.dtype
    batch, sizes, channels = x.shape[0], axes.sizes(x.shape), x.shape[axes.channel]
    pixels = jnp.moveaxis(x, axes.channel, -1).reshape(batch, math.prod(sizes), channels)
    points = grid.astype(wide).reshape(batch, math.prod(grid.shape[1:-1]), rank)
    taps = _combine(
        [
            # The grid lists its coordinates last axis first.
            _taps(points[..., rank - 1 - axis], size, method, padding_mode, align_corners)
            for axis, size in enumerate(sizes)
        ],
        sizes,
    )
    y = _read(pixels.astype(wide), taps).astype(x.dtype)
    return jnp.moveaxis(y.reshape(*grid.shape[:-1], channels), -1, axes.channel)


def affine_grid(
    theta: Float[AnyArray, "n rank rank+1"], size: Window, *, align_corners: bool = False
) -> Float[Array, "n *size rank"]:
    r"""The points that `grid_sample` reads to apply an affine map to each image.

    .. math:: g_{np} = A_n\, (u_p, v_p, 1)^\top

    where :math:`(u_p, v_p)` is the place of pixel p of the result, in [-1, 1].

    Args:
        theta: ``(n, 2, 3)`` for images or ``(n, 3, 4)`` for volumes: maps a place in the result
            to a place in the input, both as x, y (and z).
        size: the pixels of the result: an int for every spatial axis, or one per axis.
        align_corners: as in `grid_sample`.

    Returns:
        ``(n, ho, wo, 2)`` or ``(n, do, ho, wo, 3)``, in the dtype of ``theta``.

    Raises:
        TypeError: if ``theta`` is not an array or not floating point, or ``size`` is not made
            of ints.
        ValueError: if the shape of ``theta`` or ``size`` does not fit.

    Unlike ``torch.nn.functional.affine_grid``, ``size`` leaves out the batch and the channels.

    >>> affine_grid(jnp.eye(2, 3)[None], (1, 2))
    Array([[[[-0.5,  0. ],
             [ 0.5,  0. ]]]], dtype=float32)

    Reference: Jaderberg, Simonyan, Zisserman and Kavukcuoglu, *Spatial transformer networks*
    (2015).
    """
    theta = as_array("affine_grid", "theta", theta, ndim=3, axes="n, rank, rank + 1")
    if theta.shape[1:] not in ((2, 3), (3, 4)):
        raise ValueError(
            f"affine_grid: `theta` must have shape (n, 2, 3) or (n, 3, 4), got {theta.shape}"
        )
    floating("affine_grid", "theta", theta)
    as_flag("affine_grid", "align_corners", align_corners)
    rank = theta.shape[1]
    size = per_axis("affine_grid", "size", size, rank, minimum=1)
    wide = theta.astype(accumulator(theta.dtype) or theta.dtype)
    columns = jnp.expand_dims(wide, tuple(range(1, rank + 1)))
    grid = columns[..., rank]
    for axis, pixels in enumerate(size):
        shape = [1] * (rank + 2)
        shape[axis + 1] = pixels
        places = jnp.asarray(_places(pixels, align_corners).reshape(shape), wide.dtype)
        # x, the first coordinate, runs along the last axis.
        grid = grid + columns[..., rank - 1 - axis] * places
    return grid.astype(theta.dtype)


def _points(x: Any, grid: Any, axes: Layout) -> Any:
    """``grid``, checked against ``x``."""
    op, rank = "grid_sample", len(axes.spatial)
    floating(op, "x", x)
    grid = as_array(op, "grid", grid, ndim=rank + 2, axes=f"n, *positions, {rank}")
    same_dtype(op, "grid", grid, x)
    if 0 in axes.sizes(x.shape):
        raise ValueError(f"{op}: `x` has an empty spatial axis in shape {x.shape}")
    if grid.shape[0] != x.shape[0]:
        raise ValueError(
            f"{op}: `grid` must have the batch of `x`, got {grid.shape[0]} and {x.shape[0]}"
        )
    if grid.shape[-1] != rank:
        raise ValueError(
            f"{op}: `grid` must have {rank} coordinates on its last axis, got {grid.shape[-1]} "
            f"in shape {grid.shape}"
        )
    return grid


def _check_sampling(method: str, padding_mode: str, rank: int) -> None:
    choice("grid_sample", "method", method, SAMPLE_METHODS)
    choice("grid_sample", "padding_mode", padding_mode, OUTSIDE)
    if method == "bicubic" and rank == 3:
        raise ValueError("grid_sample: `method` 'bicubic' is for images, got volumes")


def _places(pixels: int, align_corners: bool) -> np.ndarray:
    """The pixels of an axis, in [-1, 1]."""
    if align_corners:
        return np.linspace(-1, 1, pixels) if pixels > 1 else np.zeros(1)
    return (2 * np.arange(pixels) + 1) / pixels - 1


def _taps(place: Any, size: int, method: str, padding_mode: str, align_corners: bool) -> Taps:
    """The pixels that the points read along one axis, whose ends are at -1 and 1."""
    point = (place + 1) / 2 * (size - 1) if align_corners else ((place + 1) * size - 1) / 2
    point = _finite(point, size, padding_mode)
    if method != "bicubic":
        point = _inwards(point, size, padding_mode, align_corners)
    low = jnp.round(point) if method == "nearest" else jnp.floor(point)
    t = point - low
    if method == "nearest":
        pixel, weight = low[..., None], jnp.ones_like(low)[..., None]
    elif method == "bilinear":
        pixel, weight = jnp.stack([low, low + 1], -1), jnp.stack([1 - t, t], -1)
    else:
        pixel = jnp.stack([low - 1, low, low + 1, low + 2], -1)
        pixel = _inwards(pixel, size, padding_mode, align_corners)
        weight = jnp.stack(cubic.four(t, cubic.INTERPOLATING), -1)
    inside = (pixel >= 0) & (pixel <= size - 1)
    return Taps(jnp.clip(pixel, 0, size - 1).astype(jnp.int32), weight, inside)


def _finite(point: Any, size: int, padding_mode: str) -> Any:
    """``point`` in a range that is safe to round, and that changes no result."""
    if padding_mode == "reflection":
        return jnp.where(jnp.isfinite(point), point, 0)
    return _clip(point, -4, size + 3)


def _inwards(point: Any, size: int, padding_mode: str, align_corners: bool) -> Any:
    """``point``, in pixels, moved into the image as ``padding_mode`` says."""
    if padding_mode == "zeros":
        return point
    if padding_mode == "reflection":
        point = _reflect(point, size, align_corners)
    return _clip(point, 0, size - 1)


def _clip(point: Any, low: float, high: float) -> Any:
    """Clip, with derivative 0 at ``low`` and ``high`` (`jnp.clip` has 0.5); a NaN becomes low."""
    return jnp.where(point > low, jnp.where(point < high, point, high), low)


def _reflect(point: Any, size: int, align_corners: bool) -> Any:
    low, span = (0.0, size - 1) if align_corners else (-0.5, size)
    if span == 0:
        return jnp.zeros_like(point)
    distance = jnp.where(point < low, low - point, point - low)
    rest = jnp.fmod(distance, span)
    is_even = jnp.fmod(jnp.floor(distance / span), 2) == 0
    return jnp.where(is_even, rest, span - rest) + low


def _combine(taps: list[Taps], sizes: tuple[int, ...]) -> Taps:
    """The pixels of every combination of the axes, numbered in row-major order."""
    every, *others = taps
    for one, size in zip(others, sizes[1:], strict=True):
        every = Taps(
            _outer(jnp.add, every.at * size, one.at),
            _outer(jnp.multiply, every.weight, one.weight),
            _outer(jnp.logical_and, every.inside, one.inside),
        )
    return every


def _outer(combine: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """Every element of the last axis of ``a`` with every one of ``b``."""
    table = combine(a[..., :, None], b[..., None, :])
    return table.reshape(*a.shape[:-1], a.shape[-1] * b.shape[-1])


def _read(pixels: Any, taps: Taps) -> Any:
    """The weighted sum of the ``(n, h * w, c)`` pixels that ``taps`` number."""
    one_image = jax.vmap(lambda image, at: image.at[at].get(mode="promise_in_bounds"))
    values = jnp.where(taps.inside[..., None], one_image(pixels, taps.at), 0)
    return (values * taps.weight[..., None]).sum(2)
