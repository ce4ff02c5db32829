"""Fractional max pooling in NumPy, one window at a time."""

from typing import Any

import numpy as np

from jaxcnn.reference.axes import channels_last, in_layout, spread
from jaxcnn.reference.window_positions import winner


def fractional_max_pool2d(key: Any, x: Any, window: Any, *, samples: Any, **options: Any) -> Any:
    """Compute `jaxcnn.fractional_max_pool2d`; the samples must be given, width first."""
    return _fractional_max_pool(x, window, np.asarray(samples)[..., ::-1], **options)


def fractional_max_pool3d(key: Any, x: Any, window: Any, *, samples: Any, **options: Any) -> Any:
    """Compute `jaxcnn.fractional_max_pool3d`; the samples must be given, depth first."""
    return _fractional_max_pool(x, window, np.asarray(samples), **options)


def _fractional_max_pool(
    x: Any,
    window: Any,
    samples: np.ndarray,
    *,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    layout: str | None = None,
) -> Any:
    x = channels_last(x, layout)
    sizes = x.shape[1:-1]
    if output_size is None:
        ratios = spread(output_ratio, len(sizes))
        output_size = tuple(int(size * r) for size, r in zip(sizes, ratios, strict=True))
    counts, size = spread(output_size, len(sizes)), spread(window, len(sizes))
    plane = np.arange(np.prod(sizes)).reshape(sizes)
    values = np.zeros((x.shape[0], *counts, x.shape[-1]))
    indices = np.zeros(values.shape, int)
    for n, c in np.ndindex(x.shape[0], x.shape[-1]):
        starts = [_starts(*axis) for axis in zip(samples[n, c], sizes, size, counts, strict=True)]
        for place in np.ndindex(*counts):
            corner = [axis[i] for axis, i in zip(starts, place, strict=True)]
            held = tuple(slice(start, start + k) for start, k in zip(corner, size, strict=True))
            best = winner(x[(n, *held, c)].ravel())
            values[(n, *place, c)] = x[(n, *held, c)].ravel()[best]
            indices[(n, *place, c)] = plane[held].ravel()[best]
    values, indices = in_layout(values, layout), in_layout(indices, layout)
    return (values, indices) if return_indices else values


def _starts(u: float, size: int, window: int, count: int) -> list[int]:
    """Graham's pseudo-random sequence: the last window always ends with the axis."""
    if count == 1:
        return [size - window]
    alpha = (size - window) / (count - 1)
    return [int((i + u) * alpha) - int(u * alpha) for i in range(count - 1)] + [size - window]
