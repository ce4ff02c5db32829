"""Cross-correlation written out by hand with slices, products and sums, to learn from.

These are the functions of the study notes, to be read beside the book. A window's result is a
sum over its elements, so each function loops over the few elements of the *kernel* and adds
whole shifted images: the loop is short, and JAX differentiates and vectorizes the rest.

Reference: Zhang, Lipton, Li and Smola, *Dive into Deep Learning* (2023), sections 7.2 to 7.5.
"""

from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Num

from jaxcnn.ops.argument_types import AnyArray
from jaxcnn.ops.arguments import accumulator, as_array, as_int, check_kernel, choice, per_axis
from jaxcnn.ops.kinds import floating
from jaxcnn.ops.window_arguments import check_window_fits, parse_padding


def corr1d(
    x: Num[AnyArray, " w"],
    kernel: Num[AnyArray, " kw"],
    *,
    padding: str | int | tuple[int, int] = "valid",
    stride: int = 1,
) -> Num[Array, " wo"]:
    r"""1-D cross-correlation, :math:`y_i = \sum_a x_{is+a} k_a`.

    Args:
        x: a signal.
        kernel: the weights of a window.
        padding: ``"valid"`` (narrow: only whole windows), ``"same"`` (equal width),
            ``"full"`` (wide: every overlap), an int for both sides, or a ``(low, high)`` pair.
        stride: distance between neighbouring windows.

    Returns:
        ``(w + low + high - kw) // stride + 1`` sums.

    Raises:
        TypeError: if an operand is not an array, or their dtypes differ.
        ValueError: if a rank or an option does not fit, or the window is larger than the
            padded signal.

    >>> corr1d(jnp.arange(7.0), jnp.array([1.0, 2.0]))
    Array([ 2.,  5.,  8., 11., 14., 17.], dtype=float32)
    """
    x, kernel = _operands("corr1d", x, kernel, 1, 1, fits=False)
    stride = as_int("corr1d", "stride", stride, minimum=1)
    is_pair = isinstance(padding, tuple | list) and len(padding) == 2
    sides = (padding,) if is_pair else padding
    pairs = parse_padding("corr1d", sides, x.shape, kernel.shape, (stride,))
    check_window_fits("corr1d", x.shape, kernel.shape, pairs)
    wide, weights = _widen(jnp.pad(x, pairs), kernel)
    count = (wide.shape[0] - kernel.shape[0]) // stride + 1
    y = jnp.zeros((count,), wide.dtype)
    for a in range(kernel.shape[0]):
        y = y + wide[a : a + (count - 1) * stride + 1 : stride] * weights[a]
    return y.astype(x.dtype)


def corr2d(x: Num[Array, "h w"], kernel: Num[Array, "kh kw"]) -> Num[Array, "ho wo"]:
    r"""2-D cross-correlation, :math:`y_{ij} = \sum_{a,b} x_{i+a,\,j+b}\, k_{ab}`.

    Args:
        x: one image of one channel.
        kernel: the weights of a window.

    Returns:
        ``(h - kh + 1, w - kw + 1)`` sums.

    Raises:
        TypeError: if an operand is not an array, or their dtypes differ.
        ValueError: if a rank does not fit, or the window is larger than the image.

    >>> x = jnp.arange(9.0).reshape(3, 3)
    >>> corr2d(x, jnp.arange(4.0).reshape(2, 2))
    Array([[19., 25.],
           [37., 43.]], dtype=float32)
    """
    x, kernel = _operands("corr2d", x, kernel, 2, 2)
    return _corr2d(*_widen(x, kernel)).astype(x.dtype)


def corr2d_multi_in(x: Num[Array, "h w c"], kernel: Num[Array, "kh kw c"]) -> Num[Array, "ho wo"]:
    """Cross-correlation with several input channels: one `corr2d` per channel, added up.

    Args:
        x: one image, channels last.
        kernel: one window per channel, channels last.

    Returns:
        ``(h - kh + 1, w - kw + 1)`` sums over windows and channels.

    Raises:
        TypeError: if an operand is not an array, or their dtypes differ.
        ValueError: if a rank or the channels do not fit, or the window is too large.

    >>> corr2d_multi_in(jnp.ones((3, 3, 2)), jnp.ones((2, 2, 2)))
    Array([[8., 8.],
           [8., 8.]], dtype=float32)
    """
    op = "corr2d_multi_in"
    x, kernel = _operands(op, x, kernel, 3, 3)
    _check_in_channels(op, x, kernel.shape[2])
    return _multi_in(*_widen(x, kernel)).astype(x.dtype)


def corr2d_multi_in_out(
    x: Num[AnyArray, "h w ci"], kernel: Num[AnyArray, "kh kw ci co"]
) -> Num[Array, "ho wo co"]:
    """Cross-correlation with several input and output channels.

    Args:
        x: one image, channels last.
        kernel: ``(kh, kw, in_channels, out_channels)``; each output channel has its own
            `corr2d_multi_in` kernel.

    Returns:
        ``(h - kh + 1, w - kw + 1, out_channels)``.

    Raises:
        TypeError: if an operand is not an array, or their dtypes differ.
        ValueError: if a rank or the channels do not fit, or the window is too large.

    >>> corr2d_multi_in_out(jnp.ones((3, 3, 2)), jnp.ones((2, 2, 2, 5))).shape
    (2, 2, 5)
    """
    op = "corr2d_multi_in_out"
    x, kernel = _operands(op, x, kernel, 3, 4)
    _check_in_channels(op, x, kernel.shape[2])
    every_output = jax.vmap(_multi_in, in_axes=(None, 3), out_axes=2)
    return every_output(*_widen(x, kernel)).astype(x.dtype)


def corr2d_multi_in_out_1x1(
    x: Num[AnyArray, "h w ci"], kernel: Num[AnyArray, "1 1 ci co"]
) -> Num[Array, "h w co"]:
    """`corr2d_multi_in_out` for a 1×1 window: one matrix product over the channels.

    Args:
        x: one image, channels last.
        kernel: ``(1, 1, in_channels, out_channels)``.

    Returns:
        ``(h, w, out_channels)``: a dense layer applied to every pixel.

    Raises:
        TypeError: if an operand is not an array, or their dtypes differ.
        ValueError: if a rank or the channels do not fit, or the window is not 1×1.

    >>> corr2d_multi_in_out_1x1(jnp.ones((3, 3, 2)), jnp.ones((1, 1, 2, 5)))[0, 0]
    Array([2., 2., 2., 2., 2.], dtype=float32)
    """
    op = "corr2d_multi_in_out_1x1"
    x, kernel = _operands(op, x, kernel, 3, 4)
    if kernel.shape[:2] != (1, 1):
        raise ValueError(f"{op}: `kernel` must have a 1×1 window, got {kernel.shape[:2]}")
    _check_in_channels(op, x, kernel.shape[2])
    height, width, channels = x.shape
    pixels, weights = _widen(x.reshape(height * width, channels), kernel[0, 0])
    return (pixels @ weights).reshape(height, width, kernel.shape[3]).astype(x.dtype)


def convolve2d(x: Num[Array, "h w"], kernel: Num[Array, "kh kw"]) -> Num[Array, "ho wo"]:
    """True 2-D convolution, as in signal processing: the kernel flipped, then `corr2d`.

    Args:
        x: one image of one channel.
        kernel: the weights of a window.

    Returns:
        ``(h - kh + 1, w - kw + 1)`` sums, as ``scipy.signal.convolve2d(..., mode="valid")``.

    Raises:
        TypeError: if an operand is not an array, or their dtypes differ.
        ValueError: if a rank does not fit, or the window is larger than the image.

    >>> x = jnp.arange(9.0).reshape(3, 3)
    >>> convolve2d(x, jnp.arange(4.0).reshape(2, 2))
    Array([[ 5., 11.],
           [23., 29.]], dtype=float32)
    """
    x, kernel = _operands("convolve2d", x, kernel, 2, 2)
    return _corr2d(*_widen(x, kernel[::-1, ::-1])).astype(x.dtype)


def pool2d(
    x: Num[AnyArray, "h w"], window: int | tuple[int, int], mode: Literal["max", "avg"] = "max"
) -> Num[Array, "ho wo"]:
    """Pooling with stride 1: the largest element or the mean of every window.

    Args:
        x: one image of one channel.
        window: ``(height, width)``, or one int for a square.
        mode: ``"max"`` or ``"avg"``.

    Returns:
        ``(h - height + 1, w - width + 1)`` results.

    Raises:
        TypeError: if ``x`` is not an array, or ``window`` is not made of ints; ``"avg"`` of
            integers.
        ValueError: if the rank, the mode or the window does not fit.

    >>> pool2d(jnp.arange(9.0).reshape(3, 3), (2, 2), "max")
    Array([[4., 5.],
           [7., 8.]], dtype=float32)
    >>> pool2d(jnp.arange(9.0).reshape(3, 3), (2, 2), "avg")
    Array([[2., 3.],
           [5., 6.]], dtype=float32)
    """
    x = as_array("pool2d", "x", x, ndim=2, axes="h, w")
    choice("pool2d", "mode", mode, ("max", "avg"))
    height, width = per_axis("pool2d", "window", window, 2, minimum=1)
    check_window_fits("pool2d", x.shape, (height, width), ((0, 0), (0, 0)))
    if mode == "avg":
        floating("pool2d", "x", x)
        total = _corr2d(*_widen(x, jnp.ones((height, width), x.dtype)))
        return (total / (height * width)).astype(x.dtype)
    rows, columns = x.shape[0] - height + 1, x.shape[1] - width + 1
    y = x[:rows, :columns]
    for a in range(height):
        for b in range(width):
            y = jnp.maximum(y, x[a : a + rows, b : b + columns])
    return y


def _corr2d(x: Any, kernel: Any) -> Any:
    (height, width), (kernel_height, kernel_width) = x.shape, kernel.shape
    rows, columns = height - kernel_height + 1, width - kernel_width + 1
    y = jnp.zeros((rows, columns), x.dtype)
    for a in range(kernel_height):
        for b in range(kernel_width):
            y = y + x[a : a + rows, b : b + columns] * kernel[a, b]
    return y


def _multi_in(x: Any, kernel: Any) -> Any:
    return jax.vmap(_corr2d, in_axes=2)(x, kernel).sum(0, dtype=x.dtype)


def _widen(x: Any, kernel: Any) -> tuple[Any, Any]:
    """Both operands in the dtype that their products are summed in."""
    dtype = accumulator(x.dtype) or x.dtype
    return x.astype(dtype), kernel.astype(dtype)


def _operands(
    op: str, x: Any, kernel: Any, x_rank: int, kernel_rank: int, *, fits: bool = True
) -> tuple[Any, Any]:
    names = {1: "w", 2: "h, w", 3: "h, w, channels"}
    kernel_names = {1: "kw", 2: "kh, kw", 3: "kh, kw, channels", 4: "kh, kw, in, out"}
    x = as_array(op, "x", x, ndim=x_rank, axes=names[x_rank])
    kernel = as_array(op, "kernel", kernel, ndim=kernel_rank, axes=kernel_names[kernel_rank])
    window = kernel.shape[: min(x_rank, 2)]
    check_kernel(op, kernel, window, x)
    if fits:
        check_window_fits(op, x.shape[: len(window)], window, ((0, 0),) * len(window))
    return x, kernel


def _check_in_channels(op: str, x: Any, kernel_channels: int) -> None:
    if x.shape[2] != kernel_channels:
        raise ValueError(
            f"{op}: `kernel` has {kernel_channels} input channels, but `x` has {x.shape[2]}"
        )
