"""Max pooling: the largest element of every window."""

from typing import Any, Unpack

import jax.numpy as jnp
from jaxtyping import Array, Int, Num

from jaxcnn import engine
from jaxcnn.ops.argument_types import AnyArray, Padding, PaddingMode, Pairs, Window
from jaxcnn.ops.arguments import images, parse_layout
from jaxcnn.ops.kinds import as_flag
from jaxcnn.ops.pool_arguments import PoolOptions, check_real, pad_windows, parse_windows
from jaxcnn.ops.shared_options import options_of


class MaxPoolOptions(PoolOptions, total=False):
    """The options of `max_pool2d`, which documents them, and of its family."""

    return_indices: bool


def max_pool2d(
    x: Num[AnyArray, "n h w c"],
    window: Window,
    *,
    stride: Window | None = None,
    padding: Padding = 0,
    dilation: Window = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NHWC",
) -> Num[Array, "n ho wo c"] | tuple[Num[Array, "n ho wo c"], Int[Array, "n ho wo c"]]:
    r"""2-D max pooling of a batch of images.

    .. math:: y_{nijc} = \max_{a,b} x_{n,\,i s + a d,\,j s + b d,\,c}

    with stride :math:`s` and dilation :math:`d`. The gradient goes to the first of equal
    elements in row-major order. A NaN in a window gives NaN.

    Args:
        x: images in ``layout``, ``"NHWC"`` or ``"NCHW"``; floating point or integer.
        window: the pixels of a window: an int for a square, or one int per axis.
        stride: distance between neighbouring windows, in pixels; the window where left out.
        padding: pixels added on each side: an int, one int per axis, one ``(low, high)`` pair
            per axis, ``"valid"`` or ``"same"`` (ceil(input / stride) pixels come out, an odd one
            goes to the high side). At most half of the window, dilation not counted, which
            ``"same"`` may exceed where a window is dilated.
        dilation: distance between neighbouring elements of a window, in pixels.
        ceil_mode: whether a last window may reach over the edge. It must start inside of the
            image or of the padding before it.
        return_indices: whether the winners' positions come along.
        padding_mode: ``"zeros"`` (a border that never wins), ``"reflect"``, ``"replicate"`` or
            ``"circular"``.
        layout: the axes of ``x`` and of the result.

    Returns:
        The maxima in ``layout`` and in the dtype of ``x``. With ``return_indices`` also the
        winners' flat positions, ``row * w + column`` in the plane of ``x`` without its padding,
        as int32 in the same shape. A window that holds nothing but border (a dilated one can)
        is -inf, at position -1.

    Raises:
        TypeError: if ``x`` is not an array of floats or integers, or an option is not made of
            ints.
        ValueError: if a rank or an option does not fit, the padding is more than half of the
            window, or the window is larger than the padded input.

    Unlike ``torch.nn.functional.max_pool2d``, the indices are int32, the padding may differ
    from side to side, and the border may be copied from the image.

    >>> x = jnp.array([[1.0, 2.0, 0.0, 1.0], [4.0, 3.0, 5.0, 2.0]]).reshape(1, 2, 4, 1)
    >>> y, indices = max_pool2d(x, 2, return_indices=True)
    >>> y.ravel(), indices.ravel()
    (Array([4., 5.], dtype=float32), Array([4, 6], dtype=int32))

    Reference: Ranzato, Huang, Boureau and LeCun, *Unsupervised Learning of Invariant Feature
    Hierarchies with Applications to Object Recognition* (2007).
    """
    return _max_pool(
        "max_pool2d",
        2,
        x,
        window,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
        return_indices=return_indices,
        padding_mode=padding_mode,
        layout=layout,
    )


@options_of(max_pool2d, layout="NWC")
def max_pool1d(
    x: Num[AnyArray, "n w c"],
    window: Window,
    **options: Unpack[MaxPoolOptions],
) -> Num[Array, "n wo c"] | tuple[Num[Array, "n wo c"], Int[Array, "n wo c"]]:
    """1-D max pooling of a batch of signals; the options are `max_pool2d`'s.

    Args:
        x: signals in ``layout``, ``"NWC"`` or ``"NCW"``.
        window: the elements of a window.

    Returns:
        As `max_pool2d`.

    >>> max_pool1d(jnp.array([3.0, 1.0, 2.0, 5.0]).reshape(1, 4, 1), 2).ravel()
    Array([3., 5.], dtype=float32)
    """
    return _max_pool("max_pool1d", 1, x, window, **options)


@options_of(max_pool2d, layout="NDHWC")
def max_pool3d(
    x: Num[AnyArray, "n d h w c"],
    window: Window,
    **options: Unpack[MaxPoolOptions],
) -> Num[Array, "n do ho wo c"] | tuple[Num[Array, "n do ho wo c"], Int[Array, "n do ho wo c"]]:
    """3-D max pooling of a batch of volumes; the options are `max_pool2d`'s.

    Args:
        x: volumes in ``layout``, ``"NDHWC"`` or ``"NCDHW"``.
        window: the elements of a window: an int for a cube, or one int per axis.

    Returns:
        As `max_pool2d`; a position is ``(slice * h + row) * w + column``.

    >>> max_pool3d(jnp.ones((1, 4, 4, 4, 2)), (2, 2, 4)).shape
    (1, 2, 2, 1, 2)
    """
    return _max_pool("max_pool3d", 3, x, window, **options)


def _max_pool(
    op: str,
    rank: int,
    x: Any,
    window: Any,
    *,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
    padding_mode: str,
    layout: str,
) -> Any:
    axes = parse_layout(op, layout, rank)
    x = images(op, x, axes)
    check_real(op, x)
    as_flag(op, "return_indices", return_indices)
    windows, pairs = parse_windows(
        op,
        x,
        window,
        axes,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
    )
    padded, windows = pad_windows(op, x, windows, pairs, padding_mode, axes)
    values = engine.max_pool(padded, windows)
    if not return_indices:
        return values
    indices = engine.max_positions(padded, windows)
    if padded is not x:
        indices = _unpadded(indices, axes.sizes(x.shape), pairs, padding_mode)
    return values, indices


def _unpadded(indices: Any, sizes: tuple[int, ...], pairs: Pairs, mode: str) -> Any:
    """Positions in a padded plane, as the positions that the border was copied from."""
    padded = [low + size + high for size, (low, high) in zip(sizes, pairs, strict=True)]
    rest, origin, step = indices, jnp.zeros_like(indices), 1
    for size, whole, (low, _) in reversed(list(zip(sizes, padded, pairs, strict=True))):
        # Computed and not looked up: JAX refuses to take from a table at sharded indices.
        place = rest % whole - low
        if mode == "circular":
            place = place % size
        elif mode == "replicate":
            place = jnp.clip(place, 0, size - 1)
        else:
            place = size - 1 - jnp.abs(size - 1 - jnp.abs(place))
        origin, rest, step = origin + place * step, rest // whole, step * size
    return jnp.where(indices < 0, indices, origin)
