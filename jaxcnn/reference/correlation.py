"""The hand-written cross-correlations in NumPy, one window at a time."""

from typing import Any

import numpy as np

from jaxcnn.reference.padding import pairs


def corr1d(x: Any, kernel: Any, *, padding: Any = "valid", stride: int = 1) -> np.ndarray:
    """Compute `jaxcnn.corr1d` with NumPy loops."""
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    width = len(kernel)
    if isinstance(padding, tuple):
        padding = (padding,)
    x = np.pad(x, pairs(padding, x.shape, (width,), (stride,)))
    return np.array([x[i : i + width] @ kernel for i in range(0, len(x) - width + 1, stride)])


def corr2d(x: Any, kernel: Any) -> np.ndarray:
    """Compute `jaxcnn.corr2d` with NumPy loops."""
    return corr2d_multi_in_out(np.asarray(x)[..., None], np.asarray(kernel)[..., None, None])[
        ..., 0
    ]


def corr2d_multi_in(x: Any, kernel: Any) -> np.ndarray:
    """Compute `jaxcnn.corr2d_multi_in` with NumPy loops."""
    return corr2d_multi_in_out(x, np.asarray(kernel)[..., None])[..., 0]


def corr2d_multi_in_out(x: Any, kernel: Any) -> np.ndarray:
    """Compute `jaxcnn.corr2d_multi_in_out` with NumPy loops."""
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    height, width, _, out = kernel.shape
    y = np.zeros((x.shape[0] - height + 1, x.shape[1] - width + 1, out))
    for i, j, o in np.ndindex(*y.shape):
        y[i, j, o] = np.sum(x[i : i + height, j : j + width] * kernel[..., o])
    return y


def corr2d_multi_in_out_1x1(x: Any, kernel: Any) -> np.ndarray:
    """Compute `jaxcnn.corr2d_multi_in_out_1x1` with NumPy loops."""
    return corr2d_multi_in_out(x, kernel)


def convolve2d(x: Any, kernel: Any) -> np.ndarray:
    """Compute `jaxcnn.convolve2d`: sums of x[i - a, j - b] k[a, b], where every index exists."""
    return corr2d(x, np.flip(np.asarray(kernel)))


def pool2d(x: Any, window: Any, mode: str = "max") -> np.ndarray:
    """Compute `jaxcnn.pool2d` with NumPy loops."""
    x = np.asarray(x, np.float64)
    height, width = (window, window) if isinstance(window, int) else window
    y = np.zeros((x.shape[0] - height + 1, x.shape[1] - width + 1))
    for i, j in np.ndindex(*y.shape):
        part = x[i : i + height, j : j + width]
        y[i, j] = part.max() if mode == "max" else part.mean()
    return y
