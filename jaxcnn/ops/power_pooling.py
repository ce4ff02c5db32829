"""Power (Lp) pooling: the p-th root of the sum of the p-th powers of every window."""

import math
import numbers
from typing import Any, TypedDict, Unpack

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxcnn import engine
from jaxcnn.ops.argument_types import AnyArray, Window
from jaxcnn.ops.arguments import accumulator, images, parse_layout
from jaxcnn.ops.average_pooling import divisors
from jaxcnn.ops.kinds import floating
from jaxcnn.ops.pool_arguments import parse_windows
from jaxcnn.ops.shared_options import options_of


class LpPoolOptions(TypedDict, total=False):
    """The options of `lp_pool2d`, which documents them, and of its family."""

    stride: Window | None
    ceil_mode: bool
    layout: str


def lp_pool2d(
    x: Float[AnyArray, "n h w c"],
    window: Window,
    *,
    p: float,
    stride: Window | None = None,
    ceil_mode: bool = False,
    layout: str = "NHWC",
) -> Float[Array, "n ho wo c"]:
    r"""2-D power pooling of a batch of images.

    .. math:: y_{nijc} = \Bigl(\sum_{a,b} x_{n,\,i s + a,\,j s + b,\,c}^{\,p}\Bigr)^{1/p}

    with stride :math:`s`: sum pooling for ``p = 1``, and the more like max pooling the larger
    ``p`` is. Powers are taken of ``x`` itself, not of its magnitude, so that odd and fractional
    powers of negative numbers may give NaN, as in PyTorch.

    Args:
        x: images in ``layout``, ``"NHWC"`` or ``"NCHW"``; floating point.
        window: the pixels of a window: an int for a square, or one int per axis.
        p: the power, positive; ``math.inf`` gives the largest magnitude.
        stride: distance between neighbouring windows, in pixels; the window where left out.
        ceil_mode: whether a last window may reach over the edge; its sum is then scaled up to
            a whole window's number of pixels.
        layout: the axes of ``x`` and of the result.

    Returns:
        The power means in ``layout`` and in the dtype of ``x``. The gradient is 0 where a sum is.

    Raises:
        TypeError: if ``x`` is not an array of floats, ``p`` is not a number, or an option is
            not made of ints.
        ValueError: if a rank or an option does not fit, ``p`` is not positive, or the window is
            larger than the input.

    >>> x = jnp.array([[1.0, 2.0, 0.0, 3.0], [2.0, 4.0, 0.0, 4.0]]).reshape(1, 2, 4, 1)
    >>> lp_pool2d(x, 2, p=2).ravel()
    Array([5., 5.], dtype=float32)

    Reference: Sermanet, Chintala and LeCun, *Convolutional Neural Networks Applied to House
    Numbers Digit Classification* (2012).
    """
    return _lp_pool(
        "lp_pool2d", 2, x, window, p=p, stride=stride, ceil_mode=ceil_mode, layout=layout
    )


@options_of(lp_pool2d, layout="NWC")
def lp_pool1d(
    x: Float[AnyArray, "n w c"],
    window: Window,
    *,
    p: float,
    **options: Unpack[LpPoolOptions],
) -> Float[Array, "n wo c"]:
    """1-D power pooling of a batch of signals; the options are `lp_pool2d`'s.

    Args:
        x: signals in ``layout``, ``"NWC"`` or ``"NCW"``.
        window: the elements of a window.
        p: the power, positive; ``math.inf`` gives the largest magnitude.

    Returns:
        As `lp_pool2d`.

    >>> lp_pool1d(jnp.array([3.0, 4.0, 0.0, 5.0]).reshape(1, 4, 1), 2, p=2).ravel()
    Array([5., 5.], dtype=float32)
    """
    return _lp_pool("lp_pool1d", 1, x, window, p=p, **options)


@options_of(lp_pool2d, layout="NDHWC")
def lp_pool3d(
    x: Float[AnyArray, "n d h w c"],
    window: Window,
    *,
    p: float,
    **options: Unpack[LpPoolOptions],
) -> Float[Array, "n do ho wo c"]:
    """3-D power pooling of a batch of volumes; the options are `lp_pool2d`'s.

    Args:
        x: volumes in ``layout``, ``"NDHWC"`` or ``"NCDHW"``.
        window: the elements of a window: an int for a cube, or one int per axis.
        p: the power, positive; ``math.inf`` gives the largest magnitude.

    Returns:
        As `lp_pool2d`.

    >>> lp_pool3d(jnp.ones((1, 4, 4, 4, 2)), (2, 2, 4), p=2)[0, 0, 0, 0]
    Array([4., 4.], dtype=float32)
    """
    return _lp_pool("lp_pool3d", 3, x, window, p=p, **options)


def _lp_pool(
    op: str,
    rank: int,
    x: Any,
    window: Any,
    *,
    p: Any,
    stride: Any,
    ceil_mode: bool,
    layout: str,
) -> Any:
    axes = parse_layout(op, layout, rank)
    x = images(op, x, axes)
    floating(op, "x", x)
    if isinstance(p, bool) or not isinstance(p, numbers.Real):
        raise TypeError(f"{op}: `p` must be a number, got {p!r}")
    p = float(p)
    if not p > 0:
        raise ValueError(f"{op}: `p` must be positive, got {p}")
    windows, pairs = parse_windows(
        op, x, window, axes, stride=stride, padding=0, dilation=1, ceil_mode=ceil_mode
    )
    if math.isinf(p):
        # |x| with PyTorch's derivative at 0, which is 0.
        return engine.max_pool(x * jnp.sign(x), windows)
    dtype = accumulator(x.dtype) or x.dtype
    total = engine.sum_pool(_power(x.astype(dtype), p), windows, dtype)
    whole = math.prod(windows.size)
    counts = divisors(windows, pairs, True, x.ndim)
    total = total * jnp.asarray(whole / counts, dtype)
    # A root's derivative at 0 is infinite; PyTorch defines it as 0, and so the sum is hidden.
    zero = total == 0
    root = _power(jnp.where(zero, jnp.ones((), dtype), total), 1 / p)
    return jnp.where(zero, jnp.zeros((), dtype), root).astype(x.dtype)


def _power(x: Any, p: float) -> Any:
    if p.is_integer():
        return lax.integer_pow(x, int(p))
    return jnp.sqrt(x) if p == 0.5 else jnp.power(x, p)
