"""Min pooling: the smallest element of every window."""

from typing import Any, Unpack

import jax.numpy as jnp
from jaxtyping import Array, Num

from jaxcnn import engine
from jaxcnn.ops.argument_types import AnyArray, Window
from jaxcnn.ops.arguments import images, parse_layout
from jaxcnn.ops.max_pooling import max_pool2d
from jaxcnn.ops.pool_arguments import PoolOptions, check_real, pad_windows, parse_windows
from jaxcnn.ops.shared_options import options_of


@options_of(max_pool2d)
def min_pool2d(
    x: Num[AnyArray, "n h w c"],
    window: Window,
    **options: Unpack[PoolOptions],
) -> Num[Array, "n ho wo c"]:
    r"""2-D min pooling of a batch of images: ``-max_pool2d(-x)``.

    .. math:: y_{nijc} = \min_{a,b} x_{n,\,i s + a d,\,j s + b d,\,c}

    with stride :math:`s` and dilation :math:`d`. PyTorch has no such function.

    Args:
        x: images in ``layout``, ``"NHWC"`` or ``"NCHW"``; floating point or integer.
        window: the pixels of a window: an int for a square, or one int per axis.

    Returns:
        The minima in ``layout`` and in the dtype of ``x``; NaN where a window holds a NaN, inf
        where it holds nothing but border.

    >>> x = jnp.array([[1.0, 2.0, 0.0, 1.0], [4.0, 3.0, 5.0, 2.0]]).reshape(1, 2, 4, 1)
    >>> min_pool2d(x, 2).ravel()
    Array([1., 0.], dtype=float32)
    """
    return _min_pool("min_pool2d", 2, x, window, **options)


@options_of(max_pool2d, layout="NWC")
def min_pool1d(
    x: Num[AnyArray, "n w c"],
    window: Window,
    **options: Unpack[PoolOptions],
) -> Num[Array, "n wo c"]:
    """1-D min pooling of a batch of signals; the options are `max_pool2d`'s.

    Args:
        x: signals in ``layout``, ``"NWC"`` or ``"NCW"``.
        window: the elements of a window.

    Returns:
        As `min_pool2d`.

    >>> min_pool1d(jnp.array([3.0, 1.0, 2.0, 5.0]).reshape(1, 4, 1), 2).ravel()
    Array([1., 2.], dtype=float32)
    """
    return _min_pool("min_pool1d", 1, x, window, **options)


@options_of(max_pool2d, layout="NDHWC")
def min_pool3d(
    x: Num[AnyArray, "n d h w c"],
    window: Window,
    **options: Unpack[PoolOptions],
) -> Num[Array, "n do ho wo c"]:
    """3-D min pooling of a batch of volumes; the options are `max_pool2d`'s.

    Args:
        x: volumes in ``layout``, ``"NDHWC"`` or ``"NCDHW"``.
        window: the elements of a window: an int for a cube, or one int per axis.

    Returns:
        As `min_pool2d`.

    >>> min_pool3d(jnp.ones((1, 4, 4, 4, 2)), (2, 2, 4)).shape
    (1, 2, 2, 1, 2)
    """
    return _min_pool("min_pool3d", 3, x, window, **options)


def _min_pool(
    op: str, rank: int, x: Any, window: Any, *, padding_mode: str, layout: str, **options: Any
) -> Any:
    axes = parse_layout(op, layout, rank)
    x = images(op, x, axes)
    check_real(op, x)
    windows, pairs = parse_windows(op, x, window, axes, **options)
    padded, windows = pad_windows(op, x, windows, pairs, padding_mode, axes)
    if jnp.issubdtype(x.dtype, jnp.integer):
        # ~ turns the order of the integers around and, unlike -, cannot overflow.
        return ~engine.max_pool(~padded, windows)
    return -engine.max_pool(-padded, windows)
