"""Resizing in NumPy, one output and one axis at a time."""

import math
from typing import Any

import numpy as np

from jaxcnn.reference.axes import channels_last, in_layout, spread


def resize(
    x: Any,
    size: Any = None,
    *,
    scale: Any = None,
    method: str = "bilinear",
    align_corners: bool = False,
    antialias: bool = False,
    layout: str | None = None,
) -> np.ndarray:
    """Compute `jaxcnn.resize`: every output is a sum of the elements around it.

    ``"nearest"`` and ``"nearest_exact"`` choose elements, and keep their dtype.
    """
    kind = np.asarray(x).dtype
    x = channels_last(x, layout)
    rank = x.ndim - 2
    for i, option in enumerate(spread(size if scale is None else scale, rank)):
        lines = np.moveaxis(x, 1 + i, 0)
        old = len(lines)
        new = option if scale is None else int(old * option)
        step = old / new if scale is None else 1 / option
        # As in torch, whose nearest differs for images.
        if new == old and (method == "bilinear" or antialias):
            step = 1
        if new in (old, 2 * old) and method == "nearest" and rank == 2:
            step = old / new
        outputs = [_taps(i, old, new, step, method, align_corners, antialias) for i in range(new)]
        resized = [sum(weight * lines[j] for j, weight in taps) for taps in outputs]
        if new != old or scale is not None:
            x = np.moveaxis(np.stack(resized), 0, 1 + i)
    return in_layout(x.astype(kind) if "nearest" in method else x, layout)


def _taps(
    i: int, old: int, new: int, step: float, method: str, align_corners: bool, antialias: bool
) -> list[tuple[int, float]]:
    """The input elements that output ``i`` is a weighted sum of, and their weights."""
    if "nearest" in method:
        # The only place where float32 matters: a rounding may choose another element.
        place = i + 0.5 if method == "nearest_exact" else i
        first = math.floor(np.float32(place) * np.float32(step))
        return [(min(first, old - 1), 1.0)]
    if method == "area":
        covered = range(math.floor(i * old / new), math.ceil((i + 1) * old / new))
        return [(j, 1 / len(covered)) for j in covered]
    scale = step
    if align_corners:
        scale = (old - 1) / (new - 1) if new > 1 else 0.0
    if antialias:
        return _antialiased((i + 0.5) * scale, max(scale, 1.0), old, method)
    source = i * scale if align_corners else (i + 0.5) * scale - 0.5
    if method == "bilinear":
        source = max(source, 0.0)
    low = math.floor(source)
    near = (0, 1) if method == "bilinear" else (-1, 0, 1, 2)
    return [
        (min(max(low + j, 0), old - 1), _kernel(abs(source - low - j), method, -0.75)) for j in near
    ]


def _antialiased(centre: float, stretch: float, old: int, method: str) -> list[tuple[int, float]]:
    """Every element under a kernel that is ``stretch`` times as wide as usual."""
    weights = {j: _kernel(abs(j + 0.5 - centre) / stretch, method, -0.5) for j in range(old)}
    total = sum(weights.values())
    return [(j, weight / total) for j, weight in weights.items() if weight]


def _kernel(distance: float, method: str, a: float) -> float:
    if method == "bilinear":
        return max(1 - distance, 0.0)
    if distance <= 1:
        return (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    if distance < 2:
        return a * distance**3 - 5 * a * distance**2 + 8 * a * distance - 4 * a
    return 0.0
