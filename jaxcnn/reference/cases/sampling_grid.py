"""Cases of `jaxcnn.grid_sample` and `jaxcnn.affine_grid`."""

import math
from typing import Any

import numpy as np

from jaxcnn.reference.cases.case import Case, Draw, normal, uniform


def _points(*points: tuple[float, ...]) -> Draw:
    """A grid of one row of given points."""
    rank = len(points[0])
    return lambda rng: np.array(points, float).reshape(1, *(1,) * (rank - 1), -1, rank)


def _sample(label: str, x: Draw, grid: Draw, smooth: bool = True, **options: Any) -> Case:
    return Case("grid_sample", label, (x, grid), options, (0, 1), (0, 1), smooth)


def _ways(method: str, x: Draw, grid: Draw, *ways: str) -> tuple[Case, ...]:
    """One case for each padding mode, with points inside and far outside of the image."""
    return tuple(
        _sample(
            f"{method}-{way}",
            x,
            grid,
            method=method.split("-")[0],
            padding_mode=way.split("-")[0],
            align_corners=way.endswith("-aligned"),
        )
        for way in ways
    )


EVERY = tuple(
    outside + suffix for outside in ("zeros", "border", "reflection") for suffix in ("", "-aligned")
)
IMAGES = normal(1, 3, 4, 2), uniform(1, 2, 5, 2, low=-2.5, high=2.5)
VOLUMES = normal(1, 2, 3, 4, 1), uniform(1, 1, 2, 4, 3, low=-2.5, high=2.5)

CASES = (
    _sample("default", normal(2, 4, 3, 3), uniform(2, 3, 2, 2, low=-1.0)),
    *_ways("bilinear", *IMAGES, *EVERY),
    *_ways("bicubic", *IMAGES, *EVERY),
    *_ways("nearest", *IMAGES, "zeros-aligned", "border", "reflection"),
    *_ways("bilinear-volumes", *VOLUMES, "zeros", "border-aligned", "reflection"),
    *_ways("nearest-volumes", *VOLUMES, "zeros", "reflection-aligned"),
    _sample("nchw", normal(2, 3, 3, 4), uniform(2, 2, 5, 2, low=-1.2, high=1.2), layout="NCHW"),
    _sample(
        "ncdhw", normal(1, 2, 2, 3, 2), uniform(1, 1, 2, 2, 3, low=-1.2, high=1.2), layout="NCDHW"
    ),
    # Clipping has no derivative at the ends themselves.
    _sample(
        "ends",
        normal(1, 3, 4, 2),
        _points((-1, 0.1), (1, 0.2), (0.3, -1), (0.4, 1), (-1, 1)),
        False,
        padding_mode="border",
        align_corners=True,
    ),
    _sample(
        "ends-reflected",
        normal(1, 3, 4, 2),
        _points((-1, 0.1), (1, 0.2), (0.3, -1), (3, 0.4), (-3, 1)),
        False,
        padding_mode="reflection",
        align_corners=True,
    ),
    # On the pixels, where bilinear weights have a kink.
    _sample(
        "pixels",
        normal(1, 5, 3, 1),
        _points((0, 0.5), (1, -0.5), (-1, 0)),
        False,
        align_corners=True,
    ),
    _sample(
        "halfway",
        normal(1, 5, 3, 1),
        _points((0, -0.75), (0, -0.25), (0.5, 0.25), (-0.5, 0.75)),
        False,
        method="nearest",
        align_corners=True,
    ),
    _sample(
        "far",
        normal(1, 3, 4, 1),
        _points((1e6, 0.2), (-1e6, 0.3), (0.1, 3e9), (1e20, -1e20)),
        False,
        padding_mode="border",
    ),
    _sample("far-zeros", normal(1, 3, 4, 1), _points((1e6, 0.2), (-1e6, 0.3), (0.1, 3e9)), False),
    # No gradients: torch, which checks no bounds there, crashes.
    Case(
        "grid_sample",
        "not-finite",
        (
            normal(1, 3, 4, 1),
            _points((math.nan, 0.2), (0.3, math.inf), (-math.inf, 0.1), (math.nan, math.nan)),
        ),
        {"padding_mode": "border"},
        differentiable=(),
        smooth=False,
    ),
    _sample("one-pixel", normal(1, 1, 1, 2), uniform(1, 2, 2, 2, low=-1.5, high=1.5)),
    _sample(
        "one-pixel-reflected",
        normal(1, 1, 2, 2),
        uniform(1, 2, 2, 2, low=-1.5, high=1.5),
        padding_mode="reflection",
        align_corners=True,
    ),
    _sample("empty", normal(0, 3, 4, 2), uniform(0, 2, 5, 2)),
    Case("affine_grid", "images", (normal(2, 2, 3),), {"size": (3, 4)}),
    Case("affine_grid", "images-aligned", (normal(2, 2, 3),), {"size": 3, "align_corners": True}),
    Case("affine_grid", "volumes", (normal(1, 3, 4),), {"size": (2, 3, 4)}),
    Case(
        "affine_grid",
        "volumes-aligned",
        (normal(1, 3, 4),),
        {"size": (2, 3, 1), "align_corners": True},
    ),
    Case("affine_grid", "one-pixel", (normal(2, 2, 3),), {"size": (1, 1)}),
    Case("affine_grid", "empty", (normal(0, 2, 3),), {"size": (3, 4)}),
)
