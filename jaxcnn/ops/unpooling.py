"""Max unpooling: puts maxima back to the positions that max pooling found them at."""

from typing import Any, TypedDict, Unpack

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Num

from jaxcnn import engine
from jaxcnn.ops.argument_types import AnyArray, Padding, Window
from jaxcnn.ops.arguments import as_array, images, parse_layout, per_axis
from jaxcnn.ops.shared_options import options_of
from jaxcnn.ops.window_arguments import parse_padding


class MaxUnpoolOptions(TypedDict, total=False):
    """The options of `max_unpool2d`, which documents them, and of its family."""

    stride: Window | None
    padding: Padding
    output_size: Window | None
    layout: str


def max_unpool2d(
    x: Num[AnyArray, "n h w c"],
    indices: Int[AnyArray, "n h w c"],
    window: Window,
    *,
    stride: Window | None = None,
    padding: Padding = 0,
    output_size: Window | None = None,
    layout: str = "NHWC",
) -> Num[Array, "n ho wo c"]:
    """2-D partial inverse of `max_pool2d`: maxima at their positions, zeros elsewhere.

    Args:
        x: maxima in ``layout``, ``"NHWC"`` or ``"NCHW"``.
        indices: their flat positions ``row * wo + column`` in the plane of the result, integers
            in the shape of ``x``, as `max_pool2d` returns them. They have no gradient.
        window: the window of the max pooling.
        stride: the stride of the max pooling; the window where left out.
        padding: the padding of the max pooling: an int, one int per axis, one pair per
            axis or ``"valid"``.
        output_size: the result's spatial sizes, less than a stride away from the size that is
            used where it is left out: ``(size - 1) * stride + window - padding``.
        layout: the axes of ``x``, of ``indices`` and of the result.

    Returns:
        The maxima in their places, in ``layout`` and in the dtype of ``x``. Where several
        elements name one position, the last in row-major order has it, and the gradient goes
        to it alone.

    Raises:
        TypeError: if an operand is not an array, or ``indices`` are not integers, or an option
            is not made of ints.
        ValueError: if a rank, a shape or an option does not fit, or an index lies outside of
            the plane. Under `jax.jit` the values of ``indices`` are not known: those outside of
            the plane are then dropped.

    Unlike ``torch.nn.functional.max_unpool2d``, the indices may have any integer dtype, and
    duplicates have one defined meaning; PyTorch's winner depends on its threads, and its
    gradient goes to all of them.

    >>> x, indices = jnp.array([4.0, 5.0]).reshape(1, 1, 2, 1), jnp.array([4, 6])
    >>> max_unpool2d(x, indices.reshape(x.shape), 2)[0, :, :, 0]
    Array([[0., 0., 0., 0.],
           [4., 0., 5., 0.]], dtype=float32)

    Reference: Zeiler and Fergus, *Visualizing and Understanding Convolutional Networks* (2014).
    """
    return _max_unpool(
        "max_unpool2d",
        2,
        x,
        indices,
        window,
        stride=stride,
        padding=padding,
        output_size=output_size,
        layout=layout,
    )


@options_of(max_unpool2d, layout="NWC")
def max_unpool1d(
    x: Num[AnyArray, "n w c"],
    indices: Int[AnyArray, "n w c"],
    window: Window,
    **options: Unpack[MaxUnpoolOptions],
) -> Num[Array, "n wo c"]:
    """1-D partial inverse of `max_pool1d`; the options are `max_unpool2d`'s.

    Args:
        x: maxima in ``layout``, ``"NWC"`` or ``"NCW"``.
        indices: their positions, as `max_pool1d` returns them.
        window: the window of the max pooling.

    Returns:
        As `max_unpool2d`.

    >>> x, indices = jnp.array([[[3.0], [5.0]]]), jnp.array([[[0], [3]]])
    >>> max_unpool1d(x, indices, 2).ravel()
    Array([3., 0., 0., 5.], dtype=float32)
    """
    return _max_unpool("max_unpool1d", 1, x, indices, window, **options)


@options_of(max_unpool2d, layout="NDHWC")
def max_unpool3d(
    x: Num[AnyArray, "n d h w c"],
    indices: Int[AnyArray, "n d h w c"],
    window: Window,
    **options: Unpack[MaxUnpoolOptions],
) -> Num[Array, "n do ho wo c"]:
    """3-D partial inverse of `max_pool3d`; the options are `max_unpool2d`'s.

    Args:
        x: maxima in ``layout``, ``"NDHWC"`` or ``"NCDHW"``.
        indices: their positions, as `max_pool3d` returns them.
        window: the window of the max pooling.

    Returns:
        As `max_unpool2d`.

    >>> y, indices = jc.max_pool3d(jnp.ones((1, 4, 4, 4, 1)), 2, return_indices=True)
    >>> max_unpool3d(y, indices, 2).sum()
    Array(8., dtype=float32)
    """
    return _max_unpool("max_unpool3d", 3, x, indices, window, **options)


def _max_unpool(
    op: str,
    rank: int,
    x: Any,
    indices: Any,
    window: Any,
    *,
    stride: Any,
    padding: Any,
    output_size: Any,
    layout: str,
) -> Any:
    axes = parse_layout(op, layout, rank)
    x, given = images(op, x, axes), indices
    indices = as_array(op, "indices", indices, ndim=rank + 2, axes=axes.name)
    if not jnp.issubdtype(indices.dtype, jnp.integer):
        raise TypeError(f"{op}: `indices` must be integers, got {indices.dtype}")
    if indices.shape != x.shape:
        raise ValueError(
            f"{op}: `indices` must have the shape of `x`, got {indices.shape} and {x.shape}"
        )
    sizes = _output_sizes(op, axes.sizes(x.shape), window, stride, padding, output_size)
    # As they were given: without x64 JAX would wrap what does not fit 32 bits.
    _check_inside(op, given, sizes)
    return engine.unpool(x, indices, axes.spatial, sizes)


def _output_sizes(
    op: str, sizes: tuple[int, ...], window: Any, stride: Any, padding: Any, output_size: Any
) -> tuple[int, ...]:
    rank = len(sizes)
    size = per_axis(op, "window", window, rank, minimum=1)
    step = size if stride is None else per_axis(op, "stride", stride, rank, minimum=1)
    if isinstance(padding, str) and padding != "valid":
        raise ValueError(f"{op}: `padding` must be ints, pairs or 'valid', got {padding!r}")
    pairs = parse_padding(op, padding, sizes, size, step)
    whole = tuple(
        (n - 1) * s + k - low - high
        for n, s, k, (low, high) in zip(sizes, step, size, pairs, strict=True)
    )
    if output_size is None:
        if min(whole) < 1:
            raise ValueError(f"{op}: `padding` {pairs} leaves an output of {whole}")
        return whole
    chosen = per_axis(op, "output_size", output_size, rank, minimum=1)
    for n, default, s in zip(chosen, whole, step, strict=True):
        if abs(n - default) >= s:
            raise ValueError(
                f"{op}: `output_size` must be less than the stride {step} away from {whole}, "
                f"got {chosen}"
            )
    return chosen


def _check_inside(op: str, indices: Any, sizes: tuple[int, ...]) -> None:
    """Refuse indices outside of the plane, where their values are known."""
    if isinstance(indices, jax.core.Tracer) or indices.size == 0:
        return
    values, plane = np.asarray(indices), int(np.prod(sizes))
    if values.min() < 0 or values.max() >= plane:
        raise ValueError(
            f"{op}: `indices` must lie in a plane of {sizes}, from 0 to {plane - 1}, got values "
            f"from {values.min()} to {values.max()}"
        )
