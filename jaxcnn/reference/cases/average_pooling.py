"""Cases of average and power pooling."""

import math
from typing import Any

import numpy as np

from jaxcnn.reference.cases.case import Case, Draw, normal, uniform


def blanks(*shape: int) -> Draw:
    """Positive numbers with whole windows of zeros among them."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        x = rng.uniform(0.5, 1.5, shape)
        x[:, : shape[1] // 2] = 0
        return x

    return draw


def infinite(*shape: int) -> Draw:
    """Numbers with an inf, a -inf and a NaN far from each other."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        x = rng.standard_normal(shape)
        x.flat[[0, x.size // 2, -1]] = np.inf, -np.inf, np.nan
        return x

    return draw


def _case(
    op: str, label: str, x: Draw, window: Any, *, smooth: bool = True, **options: Any
) -> Case:
    return Case(op, label, (x,), {"window": window, **options}, smooth=smooth)


_AVG_2D = (
    _case("avg_pool2d", "plain", normal(2, 4, 6, 3), 2),
    _case("avg_pool2d", "rest", normal(1, 5, 7, 2), 2),
    _case("avg_pool2d", "axes", normal(1, 5, 7, 2), (2, 3)),
    _case("avg_pool2d", "overlap", normal(1, 5, 6, 2), 3, stride=(1, 2)),
    _case("avg_pool2d", "stride-over-window", normal(1, 8, 7, 2), 2, stride=3),
    _case("avg_pool2d", "padding", normal(1, 5, 6, 2), 3, stride=2, padding=1),
    _case("avg_pool2d", "padding-axes", normal(1, 4, 5, 2), (2, 3), padding=(1, 0)),
    _case("avg_pool2d", "padding-pairs", normal(1, 4, 5, 1), 3, padding=((0, 1), (1, 0))),
    _case(
        "avg_pool2d",
        "pairs-not-counted",
        normal(1, 4, 5, 1),
        3,
        stride=2,
        padding=((0, 1), (1, 0)),
        count_include_pad=False,
        ceil_mode=True,
    ),
    _case("avg_pool2d", "not-counted", normal(1, 5, 6, 2), 3, padding=1, count_include_pad=False),
    _case("avg_pool2d", "divisor", normal(1, 5, 6, 2), 3, stride=2, padding=1, divisor_override=4),
    _case("avg_pool2d", "divisor-negative", normal(1, 4, 4, 1), 2, divisor_override=-3),
    _case("avg_pool2d", "ceil", normal(1, 5, 7, 2), 2, ceil_mode=True),
    _case("avg_pool2d", "ceil-padding", normal(1, 6, 5, 1), 3, stride=2, padding=1, ceil_mode=True),
    _case(
        "avg_pool2d",
        "ceil-beyond-padding",
        normal(1, 8, 7, 1),
        4,
        stride=3,
        padding=(1, 2),
        ceil_mode=True,
    ),
    _case(
        "avg_pool2d",
        "ceil-not-counted",
        normal(1, 6, 5, 1),
        3,
        stride=2,
        padding=1,
        ceil_mode=True,
        count_include_pad=False,
    ),
    _case("avg_pool2d", "ceil-divisor", normal(1, 5, 5, 1), 2, ceil_mode=True, divisor_override=3),
    _case("avg_pool2d", "ceil-over-input", normal(1, 3, 2, 1), 4, ceil_mode=True),
    _case("avg_pool2d", "valid", normal(1, 5, 5, 1), 2, padding="valid"),
    _case("avg_pool2d", "same", normal(1, 5, 4, 2), (2, 4), stride=1, padding="same"),
    _case(
        "avg_pool2d",
        "same-not-counted",
        normal(1, 7, 6, 1),
        3,
        stride=(2, 4),
        padding="same",
        count_include_pad=False,
    ),
    _case(
        "avg_pool2d", "reflect", normal(1, 5, 4, 2), 4, stride=1, padding=2, padding_mode="reflect"
    ),
    _case(
        "avg_pool2d",
        "replicate",
        normal(1, 4, 5, 1),
        3,
        stride=2,
        padding=((1, 0), (0, 1)),
        padding_mode="replicate",
        count_include_pad=False,
    ),
    _case(
        "avg_pool2d",
        "circular",
        normal(1, 4, 5, 1),
        3,
        stride=1,
        padding="same",
        padding_mode="circular",
    ),
    _case("avg_pool2d", "whole", normal(2, 3, 4, 2), (3, 4)),
    _case("avg_pool2d", "one-pixel", normal(1, 1, 1, 3), 1),
    _case("avg_pool2d", "infinite", infinite(2, 6, 6, 1), 2, stride=1, smooth=False),
    _case("avg_pool2d", "empty", normal(0, 4, 4, 2), 2),
    _case("avg_pool2d", "empty-overlap", normal(0, 4, 4, 2), 3, stride=1, padding=1),
    _case("avg_pool2d", "nchw", normal(2, 3, 5, 6), 2, layout="NCHW"),
    _case("avg_pool2d", "nchw-padding", normal(1, 2, 5, 6), 3, stride=2, padding=1, layout="NCHW"),
)

_AVG = (
    _case("avg_pool1d", "plain", normal(2, 7, 3), 3),
    _case("avg_pool1d", "padding", normal(1, 6, 2), 3, stride=2, padding=1),
    _case(
        "avg_pool1d",
        "ceil-not-counted",
        normal(1, 6, 2),
        3,
        stride=2,
        padding=1,
        ceil_mode=True,
        count_include_pad=False,
    ),
    _case("avg_pool1d", "divisor", normal(1, 6, 2), 2, divisor_override=3),
    _case("avg_pool1d", "ncw-pairs", normal(1, 2, 6), 2, padding=((1, 0),), layout="NCW"),
    _case("avg_pool1d", "empty", normal(0, 6, 2), 2),
    _case("avg_pool3d", "plain", normal(1, 4, 4, 2, 2), 2),
    _case("avg_pool3d", "axes-padding", normal(1, 3, 4, 5, 1), (1, 2, 3), padding=(0, 1, 1)),
    _case(
        "avg_pool3d",
        "ceil-not-counted",
        normal(1, 4, 5, 6, 1),
        3,
        stride=2,
        padding=1,
        ceil_mode=True,
        count_include_pad=False,
    ),
    _case(
        "avg_pool3d", "ceil-padding", normal(1, 4, 5, 6, 1), 3, stride=2, padding=1, ceil_mode=True
    ),
    _case(
        "avg_pool3d", "divisor-ncdhw", normal(1, 2, 4, 3, 4), 2, divisor_override=5, layout="NCDHW"
    ),
    _case("avg_pool3d", "empty", normal(0, 2, 2, 2, 1), 2),
    *(
        Case("global_avg_pool", label, (x,), options)
        for label, x, options in (
            ("2d", normal(2, 3, 4, 3), {}),
            ("1d", normal(2, 5, 3), {}),
            ("3d-ncdhw", normal(2, 2, 3, 4, 3), {"layout": "NCDHW"}),
            ("one-pixel", normal(2, 1, 1, 3), {}),
            ("empty", normal(0, 3, 4, 3), {}),
        )
    ),
)

_LP = (
    _case("lp_pool2d", "euclidean", normal(2, 4, 6, 3), 2, p=2),
    _case("lp_pool2d", "cube", uniform(1, 5, 6, 2, low=0.2), 3, p=3, stride=(1, 2)),
    _case("lp_pool2d", "sum", uniform(1, 5, 6, 2, low=0.2), 2, p=1),
    _case("lp_pool2d", "fraction", uniform(1, 5, 6, 2, low=0.2), 2, p=1.5),
    _case("lp_pool2d", "root", uniform(1, 4, 4, 2, low=0.2), 2, p=0.5),
    _case("lp_pool2d", "largest", normal(1, 5, 6, 2), 2, p=math.inf, ceil_mode=True),
    _case("lp_pool2d", "largest-zeros", blanks(1, 8, 4, 2), 2, p=math.inf, smooth=False),
    _case("lp_pool2d", "negative", normal(2, 4, 4, 2), 2, p=3, smooth=False),
    _case("lp_pool2d", "zeros", blanks(1, 8, 4, 2), 2, p=2, smooth=False),
    _case("lp_pool2d", "zeros-sum", blanks(1, 8, 4, 2), 2, p=1, smooth=False),
    _case("lp_pool2d", "zeros-cube", blanks(1, 8, 4, 2), (3, 2), p=3.0, stride=1, smooth=False),
    _case("lp_pool2d", "ceil", uniform(1, 5, 7, 2, low=0.2), 2, p=2, ceil_mode=True),
    _case(
        "lp_pool2d",
        "ceil-stride",
        uniform(1, 6, 7, 1, low=0.2),
        (3, 2),
        p=2.0,
        stride=2,
        ceil_mode=True,
    ),
    _case("lp_pool2d", "empty", normal(0, 4, 4, 2), 2, p=2),
    _case("lp_pool2d", "nchw", normal(1, 2, 5, 6), 2, p=4, layout="NCHW"),
    _case("lp_pool1d", "euclidean", normal(2, 7, 3), 3, p=2),
    _case(
        "lp_pool1d",
        "ncw-ceil",
        uniform(1, 2, 6, low=0.2),
        4,
        p=3,
        stride=3,
        ceil_mode=True,
        layout="NCW",
    ),
    _case("lp_pool1d", "largest", normal(1, 6, 2), 2, p=math.inf),
    _case("lp_pool3d", "euclidean", normal(1, 4, 4, 2, 2), 2, p=2),
    _case(
        "lp_pool3d",
        "ceil",
        uniform(1, 3, 5, 4, 1, low=0.2),
        2,
        p=3,
        stride=(2, 3, 2),
        ceil_mode=True,
    ),
)

CASES = (*_AVG_2D, *_AVG, *_LP)
