"""The normalizations in NumPy, one normalized set of numbers at a time.

Each is written into views of a copy of ``x``, so that no axis has to be moved back.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np


def batch_norm(
    x: Any,
    mean: Any,
    variance: Any,
    scale: Any = None,
    bias: Any = None,
    *,
    train: bool,
    momentum: float = 0.1,
    epsilon: float = 1e-5,
    layout: str | None = None,
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Compute `jaxcnn.batch_norm` with NumPy loops."""
    y, mean, variance = (np.array(a, np.float64) for a in (x, mean, variance))
    channels = np.moveaxis(y, _channel_axis(layout), 0)
    for c, values in enumerate(channels):
        centre, spread = mean[c], variance[c]
        if train and values.size:
            centre, spread = values.mean(), values.var()
            mean[c] = (1 - momentum) * mean[c] + momentum * centre
            variance[c] = (1 - momentum) * variance[c] + momentum * values.var(ddof=1)
        values[...] = (values - centre) / np.sqrt(spread + epsilon)
    return _scaled(y, scale, bias, layout), (mean, variance)


def batch_norm_activation(
    x: Any,
    mean: Any,
    variance: Any,
    scale: Any = None,
    bias: Any = None,
    residual: Any = None,
    *,
    activation: str = "relu",
    **options: Any,
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Compute `jaxcnn.batch_norm_activation` from `batch_norm`."""
    y, statistics = batch_norm(x, mean, variance, scale, bias, **options)
    y += 0 if residual is None else residual
    return np.clip(y, 0, 6 if activation == "relu6" else None), statistics


def layer_norm(
    x: Any, scale: Any = None, bias: Any = None, *, axes: Any, epsilon: float = 1e-5
) -> np.ndarray:
    """Compute `jaxcnn.layer_norm` with NumPy loops."""
    y = np.array(x, np.float64)
    for features in _slices(y, axes):
        _standardize(features, epsilon)
        features *= 1 if scale is None else scale
        features += 0 if bias is None else bias
    return y


def rms_norm(x: Any, scale: Any = None, *, axes: Any, epsilon: float | None = None) -> np.ndarray:
    """Compute `jaxcnn.rms_norm` with NumPy loops."""
    y = np.array(x, np.float64)
    epsilon = float(np.finfo(np.float64).eps) if epsilon is None else epsilon
    for features in _slices(y, axes):
        features /= np.sqrt((features**2).mean() + epsilon)
        features *= 1 if scale is None else scale
    return y


def group_norm(
    x: Any,
    scale: Any = None,
    bias: Any = None,
    *,
    groups: int,
    epsilon: float = 1e-5,
    layout: str | None = None,
) -> np.ndarray:
    """Compute `jaxcnn.group_norm` with NumPy loops."""
    y = np.array(x, np.float64)
    for image in np.moveaxis(y, _channel_axis(layout), 1):
        size = image.shape[0] // groups
        for start in range(0, image.shape[0], max(size, 1)):
            _standardize(image[start : start + size], epsilon)
    return _scaled(y, scale, bias, layout)


def instance_norm(
    x: Any, scale: Any = None, bias: Any = None, *, epsilon: float = 1e-5, layout: str | None = None
) -> np.ndarray:
    """Compute `jaxcnn.instance_norm`: every channel is a group."""
    channels = np.shape(x)[_channel_axis(layout)]
    return group_norm(x, scale, bias, groups=channels, epsilon=epsilon, layout=layout)


def local_response_norm(
    x: Any,
    *,
    size: int,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
    layout: str | None = None,
) -> np.ndarray:
    """Compute `jaxcnn.local_response_norm` with NumPy loops."""
    y = np.array(x, np.float64)
    square = np.moveaxis(y**2, _channel_axis(layout), 0)
    for c, values in enumerate(np.moveaxis(y, _channel_axis(layout), 0)):
        window = square[max(c - size // 2, 0) : c + (size - 1) // 2 + 1]
        values /= (k + alpha / size * window.sum(0)) ** beta
    return y


def _standardize(values: np.ndarray, epsilon: float) -> None:
    if values.size:
        values[...] = (values - values.mean()) / np.sqrt(values.var() + epsilon)


def _channel_axis(layout: str | None) -> int:
    return -1 if layout is None or layout.endswith("C") else 1


def _slices(y: np.ndarray, axes: int | Sequence[int]) -> list[np.ndarray]:
    """Views of ``y`` along ``axes``, one for each position on the other axes."""
    wanted = {axis % y.ndim for axis in np.atleast_1d(axes)}
    along: list[Any] = [
        [slice(None)] if axis in wanted else range(size) for axis, size in enumerate(y.shape)
    ]
    return [y[index] for index in itertools.product(*along)]


def _scaled(y: np.ndarray, scale: Any, bias: Any, layout: str | None) -> np.ndarray:
    last = np.moveaxis(y, _channel_axis(layout), -1)
    last *= 1 if scale is None else scale
    last += 0 if bias is None else bias
    return y
