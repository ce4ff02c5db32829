"""Cases of the hand-written cross-correlations, such as `jaxcnn.corr2d`."""

from typing import Any

from jaxcnn.reference.cases.case import Case, Draw, integers, normal


def _case(op: str, label: str, x: Draw, kernel: Draw, **options: Any) -> Case:
    return Case(op, label, (x, kernel), options, differentiable=(0, 1), batched=(0, 1))


CASES = (
    _case("corr1d", "valid", normal(7), normal(3)),
    _case("corr1d", "same", normal(7), normal(4), padding="same"),
    _case("corr1d", "full", normal(5), normal(3), padding="full"),
    _case("corr1d", "full-kernel-longer", normal(2), normal(4), padding="full"),
    _case("corr1d", "stride", normal(8), normal(3), stride=2),
    _case("corr1d", "same-stride", normal(8), normal(3), padding="same", stride=3),
    _case("corr1d", "pair", normal(5), normal(2), padding=(0, 3), stride=2),
    _case("corr1d", "int", normal(5), normal(3), padding=2),
    _case("corr1d", "one-output", normal(4), normal(4)),
    _case("corr2d", "oblong", normal(4, 6), normal(2, 3)),
    _case("corr2d", "edge", normal(6, 8), normal(1, 2)),
    _case("corr2d", "one-output", normal(3, 2), normal(3, 2)),
    Case("corr2d", "integers", (integers(4, 5, high=9), integers(2, 3, high=9)), {}, (), (0, 1)),
    _case("corr2d_multi_in", "three", normal(4, 5, 3), normal(2, 3, 3)),
    _case("corr2d_multi_in", "one", normal(3, 3, 1), normal(2, 2, 1)),
    _case("corr2d_multi_in_out", "three-to-two", normal(4, 5, 3), normal(2, 3, 3, 2)),
    _case("corr2d_multi_in_out", "one-by-one", normal(3, 4, 2), normal(1, 1, 2, 3)),
    _case("corr2d_multi_in_out_1x1", "three-to-two", normal(3, 4, 3), normal(1, 1, 3, 2)),
    _case("convolve2d", "oblong", normal(4, 5), normal(2, 3)),
    _case("convolve2d", "one-output", normal(2, 3), normal(2, 3)),
    Case("pool2d", "max", (normal(4, 5),), {"window": (2, 3), "mode": "max"}),
    Case("pool2d", "avg", (normal(4, 5),), {"window": (3, 2), "mode": "avg"}),
    Case("pool2d", "one-element", (normal(3, 2),), {"window": 1, "mode": "max"}),
    Case("pool2d", "whole", (normal(3, 3),), {"window": 3, "mode": "avg"}),
    Case("pool2d", "integers", (integers(4, 5, high=20),), {"window": 2}, ()),
)
