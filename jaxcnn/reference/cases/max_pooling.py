"""Cases of max and min pooling."""

from typing import Any

import numpy as np

from jaxcnn.reference.cases.case import Case, Draw, integers, normal


def ties(*shape: int) -> Draw:
    """Few different numbers, so that many windows have two largest ones."""
    return lambda rng: rng.integers(-1, 2, shape).astype(np.float64)


def odd(*shape: int) -> Draw:
    """Numbers among NaN, inf and -inf."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        x = rng.standard_normal(shape)
        for value, share in ((np.nan, 0.1), (np.inf, 0.1), (-np.inf, 0.5)):
            x[rng.random(shape) < share] = value
        return x

    return draw


def void(*shape: int) -> Draw:
    """An array of -inf, where padding must not win either."""
    return lambda rng: np.full(shape, -np.inf)


def _case(
    op: str, label: str, x: Draw, window: Any, *, smooth: bool = True, **options: Any
) -> Case:
    return Case(op, label, (x,), {"window": window, **options}, smooth=smooth)


def _integers(op: str, window: Any, *shape: int, **options: Any) -> Case:
    draw = integers(*shape, low=-99, high=-9)
    return Case(op, "integers", (draw,), {"window": window, **options}, ())


INDICES = {"return_indices": True}

_MAX_2D = (
    _case("max_pool2d", "plain", normal(2, 4, 6, 3), 2),
    _case("max_pool2d", "indices", normal(2, 5, 6, 2), 2, **INDICES),
    _case("max_pool2d", "axes", normal(1, 5, 7, 2), (2, 3), **INDICES),
    _case("max_pool2d", "overlap", normal(1, 5, 6, 2), 3, stride=(1, 2), **INDICES),
    _case("max_pool2d", "stride-over-window", normal(1, 8, 7, 2), 2, stride=3, **INDICES),
    _case("max_pool2d", "padding", normal(1, 5, 6, 2), 3, stride=2, padding=1, **INDICES),
    _case("max_pool2d", "padding-axes", normal(1, 4, 5, 2), (2, 3), padding=(1, 0), **INDICES),
    _case(
        "max_pool2d", "padding-pairs", normal(1, 4, 5, 1), 3, padding=((0, 1), (1, 0)), **INDICES
    ),
    _case("max_pool2d", "valid", normal(1, 5, 5, 1), 2, padding="valid"),
    _case("max_pool2d", "same", normal(1, 5, 4, 2), (2, 4), stride=1, padding="same", **INDICES),
    _case("max_pool2d", "same-stride", normal(1, 7, 6, 1), 3, stride=(2, 4), padding="same"),
    _case("max_pool2d", "dilation", normal(1, 7, 8, 2), 3, stride=2, dilation=(2, 3), **INDICES),
    _case(
        "max_pool2d",
        "dilation-padding",
        normal(1, 6, 7, 1),
        (2, 3),
        stride=1,
        padding=1,
        dilation=2,
        **INDICES,
    ),
    _case("max_pool2d", "ceil", normal(1, 5, 7, 2), 2, ceil_mode=True, **INDICES),
    _case(
        "max_pool2d",
        "ceil-padding",
        normal(1, 6, 5, 1),
        3,
        stride=2,
        padding=1,
        ceil_mode=True,
        **INDICES,
    ),
    _case("max_pool2d", "ceil-refused", normal(1, 4, 7, 1), 1, stride=4, ceil_mode=True, **INDICES),
    _case("max_pool2d", "ceil-over-input", normal(1, 3, 2, 1), 4, ceil_mode=True, **INDICES),
    _case(
        "max_pool2d",
        "ceil-dilation",
        normal(1, 7, 6, 1),
        2,
        stride=3,
        dilation=3,
        padding=1,
        ceil_mode=True,
        **INDICES,
    ),
    _case(
        "max_pool2d",
        "reflect",
        normal(1, 5, 4, 2),
        4,
        stride=1,
        padding=2,
        padding_mode="reflect",
        **INDICES,
    ),
    _case(
        "max_pool2d",
        "replicate",
        normal(1, 4, 5, 1),
        3,
        stride=2,
        padding=((1, 0), (0, 1)),
        padding_mode="replicate",
        **INDICES,
    ),
    _case(
        "max_pool2d",
        "circular",
        normal(1, 4, 5, 1),
        3,
        stride=1,
        padding="same",
        padding_mode="circular",
        **INDICES,
    ),
    _case("max_pool2d", "large-window", normal(1, 10, 11, 2), (9, 8), stride=1, **INDICES),
    _case(
        "max_pool2d",
        "large-window-padding",
        normal(1, 9, 10, 1),
        (9, 8),
        stride=2,
        padding=(4, 3),
        ceil_mode=True,
        **INDICES,
    ),
    _case("max_pool2d", "whole", normal(2, 3, 4, 2), (3, 4), **INDICES),
    _case("max_pool2d", "one-pixel", normal(1, 1, 1, 3), 1, **INDICES),
    _case("max_pool2d", "size-1-axes", normal(1, 1, 6, 1), (1, 2), padding=(0, 1), **INDICES),
    _case("max_pool2d", "ties", ties(2, 6, 6, 2), 2, smooth=False, **INDICES),
    _case(
        "max_pool2d",
        "ties-overlap",
        ties(1, 6, 5, 2),
        3,
        stride=1,
        padding=1,
        smooth=False,
        **INDICES,
    ),
    _case("max_pool2d", "odd", odd(2, 6, 6, 2), 2, smooth=False, **INDICES),
    _case(
        "max_pool2d",
        "odd-overlap",
        odd(2, 6, 7, 2),
        3,
        stride=2,
        padding=1,
        smooth=False,
        **INDICES,
    ),
    _case("max_pool2d", "void", void(1, 3, 3, 1), 2, padding=1, smooth=False, **INDICES),
    _case("max_pool2d", "empty", normal(0, 4, 4, 2), 2, **INDICES),
    _case("max_pool2d", "empty-overlap", normal(0, 4, 4, 2), 3, stride=1, padding=1, **INDICES),
    _case("max_pool2d", "nchw", normal(2, 3, 5, 6), 2, layout="NCHW", **INDICES),
    _case(
        "max_pool2d",
        "nchw-padding",
        normal(1, 2, 5, 6),
        3,
        stride=2,
        padding=1,
        layout="NCHW",
        **INDICES,
    ),
    _integers("max_pool2d", 3, 1, 5, 6, 2, stride=2, padding=1, return_indices=True),
)

_MAX_1D = (
    _case("max_pool1d", "plain", normal(2, 7, 3), 3, **INDICES),
    _case("max_pool1d", "padding-pairs", normal(1, 6, 2), 2, padding=((1, 0),), **INDICES),
    _case(
        "max_pool1d",
        "dilation-ceil",
        normal(1, 9, 2),
        3,
        stride=2,
        dilation=2,
        padding=1,
        ceil_mode=True,
    ),
    _case("max_pool1d", "same", normal(1, 6, 1), 3, stride=2, padding="same"),
    _case(
        "max_pool1d",
        "ncw-reflect",
        normal(1, 2, 5),
        2,
        padding=1,
        padding_mode="reflect",
        layout="NCW",
    ),
    _case("max_pool1d", "empty", normal(0, 5, 2), 2),
    _integers("max_pool1d", 2, 2, 5, 1, return_indices=True),
)

_MAX_3D = (
    _case("max_pool3d", "plain", normal(1, 4, 4, 2, 2), 2, **INDICES),
    _case(
        "max_pool3d", "axes-padding", normal(1, 3, 4, 5, 1), (1, 2, 3), padding=(0, 1, 1), **INDICES
    ),
    _case(
        "max_pool3d", "ceil", normal(1, 3, 5, 4, 1), 2, stride=(2, 3, 2), ceil_mode=True, **INDICES
    ),
    _case(
        "max_pool3d", "dilation", normal(1, 5, 4, 5, 1), 2, stride=1, dilation=(2, 1, 3), **INDICES
    ),
    _case("max_pool3d", "large-window", normal(1, 5, 6, 5, 1), (4, 5, 4), stride=1, **INDICES),
    _case(
        "max_pool3d",
        "circular",
        normal(1, 3, 3, 3, 1),
        2,
        padding=1,
        padding_mode="circular",
        **INDICES,
    ),
    _case("max_pool3d", "ncdhw", normal(1, 2, 4, 3, 4), 2, layout="NCDHW", **INDICES),
    _case("max_pool3d", "empty", normal(0, 2, 2, 2, 1), 2),
    _case("max_pool3d", "odd", odd(1, 4, 4, 4, 1), 3, stride=1, padding=1, smooth=False, **INDICES),
)

_MIN = (
    _case("min_pool2d", "plain", normal(2, 4, 6, 3), 2),
    _case("min_pool2d", "padding", normal(1, 5, 6, 2), 3, stride=2, padding=1),
    _case("min_pool2d", "ceil-dilation", normal(1, 6, 7, 1), 2, dilation=2, ceil_mode=True),
    _case("min_pool2d", "same", normal(1, 5, 4, 2), 3, stride=1, padding="same"),
    _case("min_pool2d", "replicate", normal(1, 4, 5, 1), 3, padding=1, padding_mode="replicate"),
    _case("min_pool2d", "odd", odd(2, 6, 6, 2), 2, smooth=False),
    _case("min_pool2d", "ties", ties(1, 6, 5, 2), 3, stride=1, padding=1, smooth=False),
    _case("min_pool2d", "empty", normal(0, 4, 4, 2), 2),
    _case("min_pool2d", "nchw", normal(1, 2, 5, 6), 2, layout="NCHW"),
    _integers("min_pool2d", 3, 1, 5, 6, 2, stride=2, padding=1),
    _case("min_pool1d", "plain", normal(2, 7, 3), 3, stride=2),
    _case("min_pool1d", "ncw-padding", normal(1, 2, 6), 2, padding=((1, 0),), layout="NCW"),
    _case("min_pool3d", "plain", normal(1, 4, 4, 2, 2), 2),
    _case("min_pool3d", "padding", normal(1, 3, 4, 3, 1), 3, stride=2, padding=1, ceil_mode=True),
)

_GLOBAL = tuple(
    Case("global_max_pool", label, (x,), options, smooth=smooth)
    for label, x, options, smooth in (
        ("2d", normal(2, 3, 4, 3), {}, True),
        ("1d", normal(2, 5, 3), {}, True),
        ("3d-ncdhw", normal(2, 2, 3, 4, 3), {"layout": "NCDHW"}, True),
        ("large", normal(1, 9, 8, 2), {"layout": "NHWC"}, True),
        ("one-pixel", normal(2, 1, 1, 3), {}, True),
        ("ties", ties(2, 3, 4, 3), {}, False),
        ("odd", odd(2, 3, 4, 3), {}, False),
        ("empty", normal(0, 3, 4, 3), {}, True),
    )
)

CASES = (*_MAX_2D, *_MAX_1D, *_MAX_3D, *_MIN, *_GLOBAL)
