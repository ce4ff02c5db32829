"""Adaptive and global pooling: the size of the result is given, not that of the windows."""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Array, Float, Int, Num

from jaxcnn import engine
from jaxcnn.engine import Windows
from jaxcnn.ops.any_layout import parse_any_layout
from jaxcnn.ops.argument_types import AnyArray
from jaxcnn.ops.arguments import Layout, accumulator, as_int, images, parse_layout
from jaxcnn.ops.kinds import as_flag, floating
from jaxcnn.ops.pool_arguments import check_real

OutputSize = int | None | Sequence[int | None]
"""An int for every spatial axis, or one int per spatial axis; ``None`` keeps an axis."""

# The options are documented once, in the 2-D functions; the others refer to them.


def adaptive_avg_pool1d(
    x: Float[AnyArray, "n w c"], output_size: OutputSize, *, layout: str = "NWC"
) -> Float[Array, "n wo c"]:
    """1-D adaptive average pooling; the options are `adaptive_avg_pool2d`'s.

    Args:
        x: signals in ``layout``, ``"NWC"`` or ``"NCW"``.
        output_size: as in `adaptive_avg_pool2d`.
        layout: the axes of ``x`` and of the result.

    Returns:
        As `adaptive_avg_pool2d`.

    Raises:
        TypeError: as `adaptive_avg_pool2d`.
        ValueError: as `adaptive_avg_pool2d`.

    >>> adaptive_avg_pool1d(jnp.arange(5.0).reshape(1, 5, 1), 3).ravel()
    Array([0.5, 2. , 3.5], dtype=float32)
    """
    return _adaptive_avg_pool("adaptive_avg_pool1d", 1, x, output_size, layout)


def adaptive_avg_pool2d(
    x: Float[AnyArray, "n h w c"], output_size: OutputSize, *, layout: str = "NHWC"
) -> Float[Array, "n ho wo c"]:
    r"""2-D adaptive average pooling: an even grid of means.

    Bin :math:`i` of :math:`o` on an axis of :math:`s` pixels holds the pixels from
    :math:`\lfloor i s / o \rfloor` up to, but without, :math:`\lceil (i + 1) s / o \rceil`.
    Neighbouring bins share a pixel where the sizes do not divide.

    Args:
        x: images in ``layout``, ``"NHWC"`` or ``"NCHW"``; floating point.
        output_size: the spatial sizes of the result, of any size: an int for a square, or one
            int or ``None`` per axis; ``None`` keeps the size of the axis.
        layout: the axes of ``x`` and of the result.

    Returns:
        The means in ``layout`` and in the dtype of ``x``; bfloat16 and float16 are summed in
        float32.

    Raises:
        TypeError: if ``x`` is not an array of floats, or ``output_size`` is not made of ints.
        ValueError: if a rank, the layout or the size does not fit, or ``x`` has no pixels.

    Unlike in ``torch.nn.functional.adaptive_avg_pool2d``, a size of 0 is refused.

    >>> x = jnp.arange(9.0).reshape(1, 3, 3, 1)
    >>> adaptive_avg_pool2d(x, 2)[0, :, :, 0]
    Array([[2., 3.],
           [5., 6.]], dtype=float32)
    """
    return _adaptive_avg_pool("adaptive_avg_pool2d", 2, x, output_size, layout)


def adaptive_avg_pool3d(
    x: Float[AnyArray, "n d h w c"], output_size: OutputSize, *, layout: str = "NDHWC"
) -> Float[Array, "n do ho wo c"]:
    """3-D adaptive average pooling; the options are `adaptive_avg_pool2d`'s.

    Args:
        x: volumes in ``layout``, ``"NDHWC"`` or ``"NCDHW"``.
        output_size: as in `adaptive_avg_pool2d`.
        layout: the axes of ``x`` and of the result.

    Returns:
        As `adaptive_avg_pool2d`.

    Raises:
        TypeError: as `adaptive_avg_pool2d`.
        ValueError: as `adaptive_avg_pool2d`.

    >>> adaptive_avg_pool3d(jnp.ones((1, 4, 5, 6, 2)), (3, None, 4)).shape
    (1, 3, 5, 4, 2)
    """
    return _adaptive_avg_pool("adaptive_avg_pool3d", 3, x, output_size, layout)


def adaptive_max_pool1d(
    x: Num[AnyArray, "n w c"],
    output_size: OutputSize,
    *,
    return_indices: bool = False,
    layout: str = "NWC",
) -> Num[Array, "n wo c"] | tuple[Num[Array, "n wo c"], Int[Array, "n wo c"]]:
    """1-D adaptive max pooling; the options are `adaptive_max_pool2d`'s.

    Args:
        x: signals in ``layout``, ``"NWC"`` or ``"NCW"``.
        output_size: as in `adaptive_max_pool2d`.
        return_indices: as in `adaptive_max_pool2d`.
        layout: the axes of ``x`` and of the result.

    Returns:
        As `adaptive_max_pool2d`.

    Raises:
        TypeError: as `adaptive_max_pool2d`.
        ValueError: as `adaptive_max_pool2d`.

    >>> adaptive_max_pool1d(jnp.arange(5.0).reshape(1, 5, 1), 3).ravel()
    Array([1., 3., 4.], dtype=float32)
    """
    return _adaptive_max_pool("adaptive_max_pool1d", 1, x, output_size, return_indices, layout)


def adaptive_max_pool2d(
    x: Num[AnyArray, "n h w c"],
    output_size: OutputSize,
    *,
    return_indices: bool = False,
    layout: str = "NHWC",
) -> Num[Array, "n ho wo c"] | tuple[Num[Array, "n ho wo c"], Int[Array, "n ho wo c"]]:
    """2-D adaptive max pooling: an even grid of maxima, over the bins of `adaptive_avg_pool2d`.

    The gradient goes to the first of equal pixels in row-major order. A NaN in a bin gives NaN.

    Args:
        x: images in ``layout``, ``"NHWC"`` or ``"NCHW"``; floating point or integer.
        output_size: as in `adaptive_avg_pool2d`.
        return_indices: whether the winners' positions come along.
        layout: the axes of ``x`` and of the result.

    Returns:
        The maxima in ``layout`` and in the dtype of ``x``. With ``return_indices`` also the
        winners' flat positions ``row * w + column`` in the plane of ``x``, as int32.

    Raises:
        TypeError: if ``x`` is not an array of floats or integers, or ``output_size`` is not
            made of ints.
        ValueError: if a rank, the layout or the size does not fit, or ``x`` has no pixels.

    Unlike in ``torch.nn.functional.adaptive_max_pool2d``, a size of 0 is refused, integers are
    welcome, and the indices are int32.

    >>> x = jnp.arange(9.0).reshape(1, 3, 3, 1)
    >>> adaptive_max_pool2d(x, 2)[0, :, :, 0]
    Array([[4., 5.],
           [7., 8.]], dtype=float32)
    """
    return _adaptive_max_pool("adaptive_max_pool2d", 2, x, output_size, return_indices, layout)


def adaptive_max_pool3d(
    x: Num[AnyArray, "n d h w c"],
    output_size: OutputSize,
    *,
    return_indices: bool = False,
    layout: str = "NDHWC",
) -> Num[Array, "n do ho wo c"] | tuple[Num[Array, "n do ho wo c"], Int[Array, "n do ho wo c"]]:
    """3-D adaptive max pooling; the options are `adaptive_max_pool2d`'s.

    Args:
        x: volumes in ``layout``, ``"NDHWC"`` or ``"NCDHW"``.
        output_size: as in `adaptive_max_pool2d`.
        return_indices: as in `adaptive_max_pool2d`.
        layout: the axes of ``x`` and of the result.

    Returns:
        As `adaptive_max_pool2d`; a position is ``(slice * h + row) * w + column``.

    Raises:
        TypeError: as `adaptive_max_pool2d`.
        ValueError: as `adaptive_max_pool2d`.

    >>> adaptive_max_pool3d(jnp.ones((1, 4, 5, 6, 2)), (3, None, 4)).shape
    (1, 3, 5, 4, 2)
    """
    return _adaptive_max_pool("adaptive_max_pool3d", 3, x, output_size, return_indices, layout)


def global_avg_pool(x: Float[Array, "n *spatial c"], *, layout: str | None = None) -> Any:
    """The mean of each channel over the whole image.

    Args:
        x: images, signals or volumes in ``layout``; floating point.
        layout: the axes of ``x``; channels last where it is left out.

    Returns:
        ``(n, c)`` means in the dtype of ``x``; bfloat16 and float16 are summed in float32.

    Raises:
        TypeError: if ``x`` is not an array of floats.
        ValueError: if the rank of ``x`` or the layout does not fit, or ``x`` has no pixels.

    >>> global_avg_pool(jnp.arange(12.0).reshape(1, 2, 3, 2))
    Array([[5., 6.]], dtype=float32)

    Reference: Lin, Chen and Yan, *Network in Network* (2014).
    """
    x, axes = _any_images("global_avg_pool", x, layout)
    floating("global_avg_pool", "x", x)
    dtype = accumulator(x.dtype) or x.dtype
    return x.astype(dtype).mean(axes.spatial).astype(x.dtype)


def global_max_pool(x: Num[Array, "n *spatial c"], *, layout: str | None = None) -> Any:
    """The largest element of each channel over the whole image.

    The gradient goes to the first of equal pixels in row-major order, as in
    `adaptive_max_pool2d` (and unlike ``jnp.max``, which shares it). A NaN gives NaN.

    Args:
        x: images, signals or volumes in ``layout``; floating point or integer.
        layout: the axes of ``x``; channels last where it is left out.

    Returns:
        ``(n, c)`` maxima in the dtype of ``x``.

    Raises:
        TypeError: if ``x`` is not an array of floats or integers.
        ValueError: if the rank of ``x`` or the layout does not fit, or ``x`` has no pixels.

    >>> global_max_pool(jnp.arange(12.0).reshape(1, 2, 3, 2))
    Array([[10., 11.]], dtype=float32)

    Reference: Oquab, Bottou, Laptev and Sivic, *Is Object Localization for Free?* (2015).
    """
    x, axes = _any_images("global_max_pool", x, layout)
    check_real("global_max_pool", x)
    everything = _even_windows(axes, axes.sizes(x.shape), (1,) * len(axes.spatial))
    return engine.max_pool(x, everything).squeeze(axes.spatial)


def _adaptive_avg_pool(op: str, rank: int, x: Any, output_size: Any, layout: str) -> Any:
    axes = parse_layout(op, layout, rank)
    x = images(op, x, axes)
    floating(op, "x", x)
    sizes, counts = _counts(op, x, output_size, axes)
    dtype = accumulator(x.dtype) or x.dtype
    bins = [engine.even_bins(size, n) for size, n in zip(sizes, counts, strict=True)]
    return engine.mean_bins(x.astype(dtype), axes.spatial, bins).astype(x.dtype)


def _adaptive_max_pool(
    op: str, rank: int, x: Any, output_size: Any, return_indices: bool, layout: str
) -> Any:
    axes = parse_layout(op, layout, rank)
    x = images(op, x, axes)
    check_real(op, x)
    as_flag(op, "return_indices", return_indices)
    sizes, counts = _counts(op, x, output_size, axes)
    if all(size % n == 0 for size, n in zip(sizes, counts, strict=True)):
        windows = _even_windows(axes, sizes, counts)
        values = engine.max_pool(x, windows)
        return (values, engine.max_positions(x, windows)) if return_indices else values
    bins = [engine.even_bins(size, n) for size, n in zip(sizes, counts, strict=True)]
    indices = engine.max_bins(x, axes.spatial, bins)
    values = engine.take_positions(x, indices, axes.spatial)
    return (values, indices) if return_indices else values


def _counts(
    op: str, x: Any, output_size: Any, axes: Layout
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The sizes that come in and those that go out."""
    sizes = axes.sizes(x.shape)
    _check_pixels(op, x, sizes)
    if not isinstance(output_size, Sequence) or isinstance(output_size, str):
        output_size = (output_size,) * len(sizes)
    if len(output_size) != len(sizes):
        raise ValueError(
            f"{op}: `output_size` must be an int, None, or {len(sizes)} of them, "
            f"got {output_size!r}"
        )
    counts = [
        size if wanted is None else as_int(op, "output_size", wanted, minimum=1)
        for wanted, size in zip(output_size, sizes, strict=True)
    ]
    return sizes, tuple(counts)


def _even_windows(axes: Layout, sizes: tuple[int, ...], counts: tuple[int, ...]) -> Windows:
    """Bins that divide their axes, as windows side by side."""
    size = tuple(whole // n for whole, n in zip(sizes, counts, strict=True))
    ones, none = (1,) * len(sizes), (0,) * len(sizes)
    return Windows(axes.spatial, sizes, size, size, ones, none, counts)


def _any_images(op: str, x: Any, layout: str | None) -> tuple[Any, Layout]:
    """``x`` with 1, 2 or 3 spatial axes, at least one element on each."""
    axes = parse_any_layout(op, layout, getattr(x, "ndim", 4))
    x = images(op, x, axes)
    _check_pixels(op, x, axes.sizes(x.shape))
    return x, axes


def _check_pixels(op: str, x: Any, sizes: tuple[int, ...]) -> None:
    if 0 in sizes:
        raise ValueError(f"{op}: `x` must have no empty spatial axis, got shape {x.shape}")
