"""Max pooling by a factor that is not a whole number, with windows placed at random."""

import numbers
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num, PRNGKeyArray

from jaxcnn import engine
from jaxcnn.ops.argument_types import AnyArray, Window
from jaxcnn.ops.arguments import Layout, accumulator, as_array, images, parse_layout, per_axis
from jaxcnn.ops.kinds import as_flag, check_key
from jaxcnn.ops.pool_arguments import check_real

Ratio = float | Sequence[float]


def fractional_max_pool2d(
    key: PRNGKeyArray | None,
    x: Num[AnyArray, "n h w c"],
    window: Window,
    *,
    output_size: Window | None = None,
    output_ratio: Ratio | None = None,
    return_indices: bool = False,
    samples: Float[AnyArray, "n c 2"] | None = None,
    layout: str = "NHWC",
) -> Num[Array, "n ho wo c"] | tuple[Num[Array, "n ho wo c"], Int[Array, "n ho wo c"]]:
    r"""2-D fractional max pooling: overlapping windows at pseudo-random distances.

    On an axis of :math:`s` pixels, window :math:`i` of :math:`o`, each of :math:`k` pixels,
    starts at

    .. math:: \lfloor \alpha (i + u) \rfloor - \lfloor \alpha u \rfloor,
              \qquad \alpha = \frac{s - k}{o - 1},

    and the last one at :math:`s - k`, with :math:`u` uniform in [0, 1) for each image, channel
    and axis.

    Args:
        key: what :math:`u` is drawn from; not used, and may be ``None``, with ``samples``.
        x: images in ``layout``, ``"NHWC"`` or ``"NCHW"``; floating point or integer.
        window: the pixels of a window: an int for a square, or one int per axis.
        output_size: the spatial sizes of the result, an int or one int per axis, each at most
            ``size - window + 1``.
        output_ratio: the result's sizes as shares of those of ``x``, in (0, 1), rounded down.
            One of ``output_size`` and ``output_ratio`` must be given.
        return_indices: whether the winners' positions come along.
        samples: the :math:`u` of each image, channel and axis. As PyTorch's
            ``_random_samples``, those of two axes come in the order (width, height), those of
            three in the order (depth, height, width).
        layout: the axes of ``x`` and of the result.

    Returns:
        The maxima in ``layout`` and in the dtype of ``x``. With ``return_indices`` also the
        winners' flat positions ``row * w + column`` in the plane of ``x``, as int32; the first
        of equals wins, and a NaN is larger than any number.

    Raises:
        TypeError: if an operand is not an array of the right kind, or an option is not made of
            ints.
        ValueError: if a rank, a shape or an option does not fit, or there is not room for as
            many windows.

    >>> x = jnp.arange(25.0).reshape(1, 5, 5, 1)
    >>> fractional_max_pool2d(jax.random.key(0), x, 2, output_size=2)[0, :, :, 0]
    Array([[ 6.,  9.],
           [21., 24.]], dtype=float32)

    Reference: Graham, *Fractional Max-Pooling* (2014).
    """
    return _fractional_max_pool(
        "fractional_max_pool2d",
        2,
        key,
        x,
        window,
        output_size=output_size,
        output_ratio=output_ratio,
        return_indices=return_indices,
        samples=samples,
        layout=layout,
    )


def fractional_max_pool3d(
    key: PRNGKeyArray | None,
    x: Num[AnyArray, "n d h w c"],
    window: Window,
    *,
    output_size: Window | None = None,
    output_ratio: Ratio | None = None,
    return_indices: bool = False,
    samples: Float[AnyArray, "n c 3"] | None = None,
    layout: str = "NDHWC",
) -> Num[Array, "n do ho wo c"] | tuple[Num[Array, "n do ho wo c"], Int[Array, "n do ho wo c"]]:
    """3-D fractional max pooling; the options are `fractional_max_pool2d`'s.

    Args:
        key: as in `fractional_max_pool2d`.
        x: volumes in ``layout``, ``"NDHWC"`` or ``"NCDHW"``.
        window: the elements of a window: an int for a cube, or one int per axis.
        output_size: as in `fractional_max_pool2d`.
        output_ratio: as in `fractional_max_pool2d`.
        return_indices: as in `fractional_max_pool2d`.
        samples: as in `fractional_max_pool2d`.
        layout: the axes of ``x`` and of the result.

    Returns:
        As `fractional_max_pool2d`; a position is ``(slice * h + row) * w + column``.

    Raises:
        TypeError: as `fractional_max_pool2d`.
        ValueError: as `fractional_max_pool2d`.

    >>> x = jnp.ones((1, 6, 6, 6, 2))
    >>> fractional_max_pool3d(jax.random.key(0), x, 2, output_ratio=0.7).shape
    (1, 4, 4, 4, 2)
    """
    return _fractional_max_pool(
        "fractional_max_pool3d",
        3,
        key,
        x,
        window,
        output_size=output_size,
        output_ratio=output_ratio,
        return_indices=return_indices,
        samples=samples,
        layout=layout,
    )


def _fractional_max_pool(
    op: str,
    rank: int,
    key: Any,
    x: Any,
    window: Any,
    *,
    output_size: Any,
    output_ratio: Any,
    return_indices: bool,
    samples: Any,
    layout: str,
) -> Any:
    axes = parse_layout(op, layout, rank)
    x = images(op, x, axes)
    check_real(op, x)
    as_flag(op, "return_indices", return_indices)
    size = per_axis(op, "window", window, rank, minimum=1)
    sizes = axes.sizes(x.shape)
    counts = _counts(op, sizes, output_size, output_ratio)
    for whole, k, n in zip(sizes, size, counts, strict=True):
        if n + k - 1 > whole:
            raise ValueError(
                f"{op}: {n} windows of {k} do not fit into an axis of {whole}; there is room "
                f"for {max(whole - k + 1, 0)}"
            )
    samples = _samples(op, key, x, samples, axes)
    planes = jnp.moveaxis(x, axes.channel, 1)
    indices = jax.vmap(jax.vmap(_plane_winners(size, counts)))(planes, samples)
    values = engine.take_positions(planes, indices, tuple(range(2, rank + 2)))
    values = jnp.moveaxis(values, 1, axes.channel)
    return (values, jnp.moveaxis(indices, 1, axes.channel)) if return_indices else values


def _plane_winners(size: tuple[int, ...], counts: tuple[int, ...]) -> Any:
    """The function that finds the winners of one image's channel."""

    def winners(plane: Any, sample: Any) -> Any:
        bins = [
            _starts(u, whole, k, n)[:, None] + np.arange(k, dtype=np.int32)[None]
            for u, whole, k, n in zip(sample, plane.shape, size, counts, strict=True)
        ]
        return engine.max_bins(plane, range(plane.ndim), bins)

    return winners


def _starts(u: Any, whole: int, k: int, count: int) -> Any:
    """Where the windows of one axis start."""
    last = jnp.full(1, whole - k, jnp.int32)
    if count == 1:
        return last
    alpha = jnp.asarray(whole - k, u.dtype) / jnp.asarray(count - 1, u.dtype)
    ordered = ((jnp.arange(count - 1, dtype=u.dtype) + u) * alpha).astype(jnp.int32)
    return jnp.concatenate([ordered - (u * alpha).astype(jnp.int32), last])


def _samples(op: str, key: Any, x: Any, samples: Any, axes: Layout) -> Any:
    """One number in [0, 1) per image, channel and axis, first axis first."""
    rank = len(axes.spatial)
    shape = (x.shape[0], x.shape[axes.channel], rank)
    if samples is None:
        check_key(op, key)
        # float32 also in x64 mode, so that a key means the same windows in every precision.
        return jax.random.uniform(key, shape, jnp.float32)
    samples = as_array(op, "samples", samples, ndim=3, axes="n, channels, axes")
    if not jnp.issubdtype(samples.dtype, jnp.floating):
        raise TypeError(f"{op}: `samples` must be floating point, got {samples.dtype}")
    if samples.shape != shape:
        raise ValueError(f"{op}: `samples` must have shape {shape}, got {samples.shape}")
    samples = samples.astype(accumulator(samples.dtype) or samples.dtype)
    return samples[..., ::-1] if rank == 2 else samples


def _counts(
    op: str, sizes: tuple[int, ...], output_size: Any, output_ratio: Any
) -> tuple[int, ...]:
    if (output_size is None) == (output_ratio is None):
        raise ValueError(f"{op}: one of `output_size` and `output_ratio` must be given, not both")
    if output_size is not None:
        return per_axis(op, "output_size", output_size, len(sizes), minimum=1)
    ratios = output_ratio if isinstance(output_ratio, Sequence) else (output_ratio,) * len(sizes)
    if not all(isinstance(ratio, numbers.Real) for ratio in ratios):
        raise TypeError(f"{op}: `output_ratio` must be made of numbers, got {output_ratio!r}")
    if len(ratios) != len(sizes) or not all(0 < ratio < 1 for ratio in ratios):
        raise ValueError(
            f"{op}: `output_ratio` must be one number in (0, 1), or {len(sizes)}, "
            f"got {output_ratio!r}"
        )
    counts = tuple(int(size * ratio) for size, ratio in zip(sizes, ratios, strict=True))
    if 0 in counts:
        raise ValueError(f"{op}: `output_ratio` {output_ratio!r} leaves an output of {counts}")
    return counts
