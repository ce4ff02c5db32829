"""Cases of adaptive and fractional pooling and of unpooling."""

from typing import Any

import numpy as np

from jaxcnn.reference.cases.average_pooling import infinite
from jaxcnn.reference.cases.case import Case, Draw, integers, normal
from jaxcnn.reference.cases.max_pooling import odd, ties


def samples(*shape: int) -> Draw:
    """Random odd multiples of 1/64: exact in every dtype, never between two window starts."""
    return lambda rng: (2 * rng.integers(0, 32, shape) + 1) / 64


def places(*shape: int, plane: int) -> Draw:
    """Random distinct positions for the elements of each plane, channels last."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        batch, *sizes, channels = shape
        columns = [rng.permutation(plane)[: int(np.prod(sizes))] for _ in range(batch * channels)]
        order = np.array(columns, int).reshape(batch, channels, *sizes)
        return np.moveaxis(order, 1, -1)

    return draw


def _adaptive(
    op: str, label: str, x: Draw, size: Any, *, smooth: bool = True, **options: Any
) -> Case:
    return Case(op, label, (x,), {"output_size": size, **options}, smooth=smooth)


def _fractional(
    op: str, label: str, x: Draw, shape: tuple[int, int], *, smooth: bool = True, **options: Any
) -> Case:
    named = {"samples": samples(*shape, int(op[-2]))}
    return Case(op, label, (x,), options, smooth=smooth, keyed=True, named=named)


def _unpool(op: str, label: str, x: Draw, indices: Draw, window: Any, **options: Any) -> Case:
    options = {"window": window, **options}
    return Case(op, label, (x, indices), options, batched=(0, 1), images=(0, 1))


INDICES = {"return_indices": True}

_AVERAGE = (
    _adaptive("adaptive_avg_pool2d", "even", normal(2, 4, 6, 3), (2, 3)),
    _adaptive("adaptive_avg_pool2d", "uneven", normal(2, 5, 7, 2), 3),
    _adaptive("adaptive_avg_pool2d", "mixed", normal(1, 6, 7, 2), (3, 5)),
    _adaptive("adaptive_avg_pool2d", "larger", normal(1, 3, 4, 2), (5, 9)),
    _adaptive("adaptive_avg_pool2d", "keep", normal(1, 5, 7, 2), (None, 4)),
    _adaptive("adaptive_avg_pool2d", "keep-all", normal(1, 3, 4, 2), None),
    _adaptive("adaptive_avg_pool2d", "one", normal(2, 5, 3, 2), 1),
    _adaptive("adaptive_avg_pool2d", "one-pixel", normal(1, 1, 1, 2), (2, 1)),
    _adaptive("adaptive_avg_pool2d", "infinite", infinite(1, 5, 7, 1), 3, smooth=False),
    _adaptive("adaptive_avg_pool2d", "empty", normal(0, 5, 7, 2), 3),
    _adaptive("adaptive_avg_pool2d", "nchw", normal(1, 2, 5, 7), (2, 4), layout="NCHW"),
    _adaptive("adaptive_avg_pool1d", "uneven", normal(2, 7, 3), 4),
    _adaptive("adaptive_avg_pool1d", "ncw", normal(1, 2, 5), 2, layout="NCW"),
    _adaptive("adaptive_avg_pool3d", "uneven", normal(1, 4, 5, 3, 2), (3, 2, 5)),
    _adaptive(
        "adaptive_avg_pool3d", "keep-ncdhw", normal(1, 2, 4, 3, 5), (2, None, 3), layout="NCDHW"
    ),
)

_MAXIMUM = (
    _adaptive("adaptive_max_pool2d", "even", normal(2, 4, 6, 3), (2, 3), **INDICES),
    _adaptive("adaptive_max_pool2d", "uneven", normal(2, 5, 7, 2), 3, **INDICES),
    _adaptive("adaptive_max_pool2d", "values", normal(2, 5, 7, 2), (2, 4)),
    _adaptive("adaptive_max_pool2d", "larger", normal(1, 3, 4, 2), (5, 9), **INDICES),
    _adaptive("adaptive_max_pool2d", "keep", normal(1, 5, 7, 2), (None, 4), **INDICES),
    _adaptive("adaptive_max_pool2d", "one", normal(2, 9, 8, 2), 1, **INDICES),
    _adaptive("adaptive_max_pool2d", "ties", ties(2, 5, 7, 2), 3, smooth=False, **INDICES),
    _adaptive("adaptive_max_pool2d", "odd", odd(2, 5, 7, 2), 3, smooth=False, **INDICES),
    _adaptive("adaptive_max_pool2d", "empty", normal(0, 5, 7, 2), 3, **INDICES),
    _adaptive("adaptive_max_pool2d", "nchw", normal(1, 2, 5, 7), (2, 4), layout="NCHW", **INDICES),
    Case(
        "adaptive_max_pool2d",
        "integers",
        (integers(1, 5, 7, 2, low=-9, high=9),),
        {"output_size": 3, **INDICES},
        (),
    ),
    _adaptive("adaptive_max_pool1d", "uneven", normal(2, 7, 3), 4, **INDICES),
    _adaptive("adaptive_max_pool1d", "ncw", normal(1, 2, 5), 2, layout="NCW", **INDICES),
    _adaptive("adaptive_max_pool3d", "uneven", normal(1, 4, 5, 3, 2), (3, 2, 5), **INDICES),
    _adaptive("adaptive_max_pool3d", "ncdhw", normal(1, 2, 4, 3, 5), 2, layout="NCDHW", **INDICES),
)

_FRACTIONAL = (
    _fractional(
        "fractional_max_pool2d",
        "size",
        normal(2, 7, 9, 3),
        (2, 3),
        window=2,
        output_size=(4, 5),
        **INDICES,
    ),
    _fractional(
        "fractional_max_pool2d",
        "ratio",
        normal(1, 7, 9, 2),
        (1, 2),
        window=(2, 3),
        output_ratio=(0.6, 0.5),
        **INDICES,
    ),
    _fractional(
        "fractional_max_pool2d", "values", normal(1, 6, 6, 2), (1, 2), window=2, output_ratio=0.7
    ),
    _fractional(
        "fractional_max_pool2d",
        "one",
        normal(1, 5, 6, 2),
        (1, 2),
        window=3,
        output_size=1,
        **INDICES,
    ),
    _fractional(
        "fractional_max_pool2d",
        "full",
        normal(1, 5, 6, 2),
        (1, 2),
        window=(3, 2),
        output_size=(3, 5),
        **INDICES,
    ),
    _fractional(
        "fractional_max_pool2d",
        "odd",
        odd(1, 7, 7, 3),
        (1, 3),
        window=3,
        output_size=3,
        smooth=False,
        **INDICES,
    ),
    _fractional(
        "fractional_max_pool2d",
        "empty",
        normal(0, 7, 7, 2),
        (0, 2),
        window=2,
        output_size=3,
        **INDICES,
    ),
    _fractional(
        "fractional_max_pool2d",
        "nchw",
        normal(2, 3, 7, 6),
        (2, 3),
        window=2,
        output_size=4,
        layout="NCHW",
        **INDICES,
    ),
    _fractional(
        "fractional_max_pool3d",
        "size",
        normal(1, 5, 7, 6, 2),
        (1, 2),
        window=2,
        output_size=(3, 4, 3),
        **INDICES,
    ),
    _fractional(
        "fractional_max_pool3d",
        "ratio",
        normal(1, 5, 6, 7, 1),
        (1, 1),
        window=(1, 2, 3),
        output_ratio=(0.5, 0.6, 0.7),
        **INDICES,
    ),
)

_UNPOOL = (
    _unpool("max_unpool2d", "plain", normal(2, 2, 3, 2), places(2, 2, 3, 2, plane=24), 2),
    _unpool(
        "max_unpool2d",
        "stride",
        normal(1, 3, 2, 2),
        places(1, 3, 2, 2, plane=35),
        3,
        stride=2,
        padding=((0, 0), (0, 0)),
    ),
    _unpool(
        "max_unpool2d",
        "padding",
        normal(1, 3, 4, 1),
        places(1, 3, 4, 1, plane=35),
        3,
        stride=2,
        padding=1,
    ),
    _unpool(
        "max_unpool2d",
        "output-size",
        normal(1, 2, 3, 1),
        places(1, 2, 3, 1, plane=35),
        2,
        output_size=(5, 7),
    ),
    _unpool(
        "max_unpool2d",
        "smaller",
        normal(1, 2, 3, 1),
        places(1, 2, 3, 1, plane=15),
        2,
        output_size=(3, 5),
    ),
    _unpool(
        "max_unpool2d",
        "valid",
        normal(1, 2, 2, 1),
        places(1, 2, 2, 1, plane=16),
        2,
        padding="valid",
    ),
    _unpool("max_unpool2d", "empty", normal(0, 2, 2, 2), places(0, 2, 2, 2, plane=16), 2),
    _unpool("max_unpool1d", "plain", normal(2, 3, 2), places(2, 3, 2, plane=6), 2),
    _unpool(
        "max_unpool1d", "output-size", normal(1, 3, 2), places(1, 3, 2, plane=7), 2, output_size=7
    ),
    _unpool("max_unpool3d", "plain", normal(1, 2, 1, 2, 2), places(1, 2, 1, 2, 2, plane=32), 2),
    _unpool(
        "max_unpool3d",
        "stride-padding",
        normal(1, 2, 2, 3, 1),
        places(1, 2, 2, 3, 1, plane=45),
        3,
        stride=2,
        padding=1,
        output_size=(3, 3, 5),
    ),
)

CASES = (*_AVERAGE, *_MAXIMUM, *_FRACTIONAL, *_UNPOOL)
