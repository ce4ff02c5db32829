"""Resizes images, one axis at a time."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from jaxcnn.ops import cubic
from jaxcnn.ops.any_layout import parse_any_layout
from jaxcnn.ops.argument_types import AnyArray, Window
from jaxcnn.ops.arguments import Layout, accumulator, as_array, choice, per_axis
from jaxcnn.ops.kinds import as_flag, as_real, floating

ResizeMethod = Literal["bilinear", "nearest", "nearest_exact", "bicubic", "area"]
RESIZE_METHODS = ("bilinear", "nearest", "nearest_exact", "bicubic", "area")
_CHOOSING = ("nearest", "nearest_exact")


class Line(NamedTuple):
    """One axis: its size, its new size, and the distance between outputs in elements."""

    size: int
    new: int
    step: float


class Taps(NamedTuple):
    """The at most ``k`` elements, and their weights, that each of ``m`` outputs is the sum of."""

    at: np.ndarray
    """``(m, k)`` positions on the input's axis."""
    weight: np.ndarray
    """``(m, k)`` float64."""
    used: np.ndarray
    """``(m, k)``, False where an output has fewer than ``k`` elements."""


def resize(
    x: Shaped[AnyArray, "n *spatial c"],
    size: Window | None = None,
    *,
    scale: float | Sequence[float] | None = None,
    method: ResizeMethod = "bilinear",
    align_corners: bool = False,
    antialias: bool = False,
    layout: str | None = None,
) -> Shaped[Array, "n *size c"]:
    r"""Resize the spatial axes of a batch of images, signals or volumes.

    Every method is separable: along an axis of :math:`m` inputs and :math:`m'` outputs,

    .. math:: y_i = \sum_j w(u_i - j)\, x_j, \qquad u_i = (i + \tfrac12)\, m / m' - \tfrac12

    or :math:`u_i = i\,(m - 1) / (m' - 1)` with ``align_corners``. Where ``scale`` is given,
    :math:`m'` is the whole part of :math:`m` times ``scale``, and :math:`1 / \text{scale}` takes
    the place of :math:`m / m'`.

    Args:
        x: images in ``layout``, with 1, 2 or 3 spatial axes.
        size: the pixels of the result: an int for every spatial axis, or one per axis.
        scale: how many times larger the result is, instead of ``size``: a positive number for
            every spatial axis, or one per axis.
        method: ``"bilinear"`` (linear along each axis, so trilinear for volumes),
            ``"bicubic"`` (Keys's cubic with a = -0.75), ``"nearest"`` (the element at
            ``floor(i * m / m')``), ``"nearest_exact"`` (the one at
            ``floor((i + 0.5) * m / m')``, under the centre of the output) or ``"area"`` (the
            mean of the elements that an output covers, which is adaptive average pooling; only
            the sizes count, also where ``scale`` is given).
        align_corners: whether the centres of the first and last pixels of input and result
            coincide, instead of their outer edges. Only for ``"bilinear"`` and ``"bicubic"``.
        antialias: whether to widen the weights by the scale where an axis shrinks, so that
            every pixel counts; bicubic then has a = -0.5, as in Pillow. Only for
            ``"bilinear"`` and ``"bicubic"``.
        layout: the axes of ``x`` and of the result; channels last where it is left out.

    Returns:
        The result in ``layout`` and in the dtype of ``x``.

    Raises:
        TypeError: if ``x`` is not an array, ``size`` is not made of ints or ``scale`` of
            numbers, or ``x`` is not floating point (``"nearest"`` and ``"nearest_exact"`` take
            any dtype), or a flag is not a bool.
        ValueError: if the rank of ``x``, the layout, the size or the method does not fit, not
            exactly one of ``size`` and ``scale`` is given, ``scale`` leaves nothing of an axis,
            a spatial axis is empty, or ``align_corners`` or ``antialias`` is asked of another
            method than ``"bilinear"`` and ``"bicubic"``.

    The numbers are those of ``torch.nn.functional.interpolate``, where ``"bilinear"`` is
    called ``"linear"`` in 1-D and ``"trilinear"`` in 3-D, and ``scale`` is ``scale_factor``
    (without ``recompute_scale_factor``). PyTorch has ``"bicubic"`` and ``antialias`` for images
    only, and where a scale leaves an axis as long as it was, its gradients are not always those
    of its results; here they are. An infinity stays one here; torch, which multiplies it by
    weights of 0 on axes that keep their size, returns NaN. It computes :math:`u_i` in the
    precision of ``x``; here it is float64, but float32 for the nearest ones, as PyTorch's float32
    path does, so that the same element is chosen. ``jax.image.resize`` differs: it antialiases
    unless told otherwise, its cubic has a = -0.5, and its ``"nearest"`` is ``"nearest_exact"``.

    >>> x = jnp.array([0.0, 1.0, 2.0]).reshape(1, 3, 1)
    >>> resize(x, 6).ravel()
    Array([0.  , 0.25, 0.75, 1.25, 1.75, 2.  ], dtype=float32)
    >>> resize(x, scale=1.5).ravel()
    Array([0.       , 0.5      , 1.1666666, 1.8333333], dtype=float32)
    >>> resize(x, 5, align_corners=True).ravel()
    Array([0. , 0.5, 1. , 1.5, 2. ], dtype=float32)

    Reference: R. G. Keys, *Cubic convolution interpolation for digital image processing* (1981).
    """
    x = as_array("resize", "x", x)
    axes = parse_any_layout("resize", layout, x.ndim)
    _check(x, axes, method, align_corners, antialias)
    old = axes.sizes(x.shape)
    new, scales = _sizes(old, size, scale)
    y = x.astype(accumulator(x.dtype) or x.dtype)
    # The axes that shrink most come first: less is left for the others to do.
    for i in sorted(range(len(old)), key=lambda i: new[i] / old[i]):
        axis = axes.spatial[i]
        by_size = _by_size(old[i], new[i], len(old), method, antialias)
        step = _step(old[i], new[i], None if by_size else scales[i], align_corners)
        line = Line(old[i], new[i], step)
        if line.size == line.new and line.step == 1:
            continue
        if method in _CHOOSING:
            y = _take(y, axis, _nearest(line, method))
        else:
            y = _weighted_sum(y, axis, _taps(line, method, align_corners, antialias))
    return y.astype(x.dtype)


def _sizes(
    old: tuple[int, ...], size: Any, scale: Any
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The sizes of the result, and the scales where the user gave them."""
    if (size is None) == (scale is None):
        given = "neither" if size is None else f"{size!r} and {scale!r}"
        raise ValueError(f"resize: give exactly one of `size` and `scale`, got {given}")
    if size is not None:
        return per_axis("resize", "size", size, len(old), minimum=1), (None,) * len(old)
    several = isinstance(scale, Sequence) and not isinstance(scale, str)
    each = scale if several else [scale] * len(old)
    if len(each) != len(old):
        raise ValueError(
            f"resize: `scale` must be a number or {len(old)} numbers, got {len(each)}: {scale!r}"
        )
    factors = tuple(as_real("resize", "scale", factor) for factor in each)
    new = tuple(int(m * factor) for m, factor in zip(old, factors, strict=True))
    for m, factor, result in zip(old, factors, new, strict=True):
        if result < 1:
            raise ValueError(f"resize: `scale` {factor} leaves nothing of an axis of {m}")
    return new, factors


def _step(old: int, new: int, scale: float | None, align_corners: bool) -> float:
    """The distance between neighbouring outputs, in elements of the input."""
    if align_corners:
        return (old - 1) / (new - 1) if new > 1 else 0.0
    return old / new if scale is None else 1 / scale


def _by_size(old: int, new: int, rank: int, method: str, antialias: bool) -> bool:
    """Whether torch ignores a given scale and uses the sizes alone.

    An axis that keeps its size is kept as it is, but not by every method; ``"nearest"`` does so
    in images, which it also doubles exactly, not in signals and volumes.
    """
    if method == "nearest":
        return rank == 2 and new in (old, 2 * old)
    return method == "area" or (old == new and (method == "bilinear" or antialias))


def _check(x: Any, axes: Layout, method: str, align_corners: bool, antialias: bool) -> None:
    choice("resize", "method", method, RESIZE_METHODS)
    if 0 in axes.sizes(x.shape):
        raise ValueError(f"resize: `x` has an empty spatial axis in shape {x.shape}")
    if method not in _CHOOSING:
        floating("resize", "x", x)
    for name, option in (("align_corners", align_corners), ("antialias", antialias)):
        if as_flag("resize", name, option) and method not in ("bilinear", "bicubic"):
            raise ValueError(
                f"resize: `{name}` is for the methods 'bilinear' and 'bicubic', got {method!r}"
            )


def _take(x: Any, axis: int, index: np.ndarray) -> Any:
    """The elements at ``index`` on ``axis``, which the axes of ``index`` replace."""
    where = (slice(None),) * axis + (index.astype(np.int32),)
    return x.at[where].get(mode="promise_in_bounds")


def _weighted_sum(x: Any, axis: int, taps: Taps) -> Any:
    """A product with a sparse matrix along ``axis``.

    Only the elements that count are touched: where one is infinite or NaN, the outputs that do
    not cover it stay finite, as in PyTorch, which a product with the dense matrix would break.
    """
    shape = (*(1,) * axis, *taps.at.shape, *(1,) * (x.ndim - axis - 1))
    values = _take(x, axis, taps.at)
    if not taps.used.all():
        values = jnp.where(taps.used.reshape(shape), values, 0)
    return (values * jnp.asarray(taps.weight.reshape(shape), x.dtype)).sum(axis + 1)


def _nearest(line: Line, method: str) -> np.ndarray:
    """The element that each output copies; computed in float32, to round as PyTorch does."""
    place = np.arange(line.new, dtype=np.float32) + np.float32(method == "nearest_exact") / 2
    return np.minimum(np.floor(place * np.float32(line.step)), line.size - 1)


def _taps(line: Line, method: str, align_corners: bool, antialias: bool) -> Taps:
    if method == "area":
        return _area(line)
    if antialias:
        return _antialiased(line, method)
    i = np.arange(line.new)
    source = i * line.step if align_corners else (i + 0.5) * line.step - 0.5
    return _bilinear(source, line.size) if method == "bilinear" else _bicubic(source, line.size)


def _bilinear(source: np.ndarray, old: int) -> Taps:
    source = np.clip(source, 0, old - 1)
    low = np.floor(source)
    t = source - low
    index = np.stack([low, np.minimum(low + 1, old - 1)], 1)
    return Taps(index, np.stack([1 - t, t], 1), np.ones(index.shape, bool))


def _bicubic(source: np.ndarray, old: int) -> Taps:
    low = np.floor(source)
    index = np.clip(low[:, None] + np.arange(-1, 3), 0, old - 1)
    weight = np.stack(cubic.four(source - low, cubic.INTERPOLATING), 1)
    return Taps(index, weight, np.ones(index.shape, bool))


def _area(line: Line) -> Taps:
    """The bins of adaptive average pooling."""
    old, new, outputs = line.size, line.new, np.arange(line.new)
    first, stop = outputs * old // new, -(-(outputs + 1) * old // new)
    return _spans(first, stop, old, lambda index: np.ones(index.shape))


def _antialiased(line: Line, method: str) -> Taps:
    stretch = max(line.step, 1.0)
    centre = (np.arange(line.new)[:, None] + 0.5) * line.step
    reach = stretch * (1 if method == "bilinear" else 2)
    first = np.maximum(np.floor(centre - reach + 0.5), 0)[:, 0].astype(int)
    stop = np.minimum(np.floor(centre + reach + 0.5), line.size)[:, 0].astype(int)
    kernel = _triangle if method == "bilinear" else _smooth_cubic
    return _spans(
        first, stop, line.size, lambda index: kernel(np.abs(index + 0.5 - centre) / stretch)
    )


def _triangle(distance: np.ndarray) -> np.ndarray:
    return np.maximum(1 - distance, 0)


def _smooth_cubic(distance: np.ndarray) -> np.ndarray:
    a = cubic.SMOOTHING
    outer = np.where(distance < 2, cubic.far(distance, a), 0)
    return np.where(distance < 1, cubic.near(distance, a), outer)


def _spans(
    first: np.ndarray, stop: np.ndarray, old: int, weigh: Callable[[np.ndarray], np.ndarray]
) -> Taps:
    """Sums over ``first`` to ``stop``, with weights that are made to add up to one."""
    index = first[:, None] + np.arange((stop - first).max())
    used = index < stop[:, None]
    weight = np.where(used, weigh(index), 0)
    return Taps(np.minimum(index, old - 1), weight / weight.sum(1, keepdims=True), used)
