"""Pixel and channel shuffles in NumPy, one channel and one pixel of a block at a time."""

from typing import Any

import numpy as np


def pixel_shuffle(x: Any, factor: int, *, layout: str = "NHWC") -> np.ndarray:
    """Compute `jaxcnn.pixel_shuffle` with NumPy loops."""
    if layout == "NCHW":
        return np.moveaxis(pixel_shuffle(np.moveaxis(x, 1, -1), factor), -1, 1)
    n, h, w, channels = x.shape
    y = np.zeros((n, h * factor, w * factor, channels // factor**2), x.dtype)
    for c in range(y.shape[3]):
        for a in range(factor):
            for b in range(factor):
                y[:, a::factor, b::factor, c] = x[..., c * factor**2 + a * factor + b]
    return y


def pixel_unshuffle(x: Any, factor: int, *, layout: str = "NHWC") -> np.ndarray:
    """Compute `jaxcnn.pixel_unshuffle` with NumPy loops."""
    if layout == "NCHW":
        return np.moveaxis(pixel_unshuffle(np.moveaxis(x, 1, -1), factor), -1, 1)
    n, h, w, channels = x.shape
    y = np.zeros((n, h // factor, w // factor, channels * factor**2), x.dtype)
    for c in range(channels):
        for a in range(factor):
            for b in range(factor):
                y[..., c * factor**2 + a * factor + b] = x[:, a::factor, b::factor, c]
    return y


def channel_shuffle(x: Any, groups: int, *, layout: str | None = None) -> np.ndarray:
    """Compute `jaxcnn.channel_shuffle` with NumPy loops."""
    axis = -1 if layout is None or layout.endswith("C") else 1
    size = x.shape[axis] // groups
    return np.take(x, [g * size + j for j in range(size) for g in range(groups)], axis)
