"""Cases of `jaxcnn.depthwise_conv2d` and `separable_conv2d`."""

from typing import Any

from jaxcnn.reference.cases.case import Case, Draw, normal


def _case(op: str, label: str, *arrays: Draw, **options: Any) -> Case:
    every = tuple(range(len(arrays)))
    # The separable one rounds between its two convolutions too.
    roundings = 4 if op == "separable_conv2d" else 1
    return Case(op, label, arrays, options, every, every, roundings=roundings)


CASES = (
    _case("depthwise_conv2d", "bias", normal(2, 4, 5, 3), normal(3, 2, 1, 3), normal(3)),
    _case("depthwise_conv2d", "multiplier", normal(1, 5, 4, 2), normal(3, 3, 1, 6), padding=1),
    _case(
        "depthwise_conv2d",
        "options",
        normal(1, 6, 7, 3),
        normal(2, 3, 1, 3),
        stride=2,
        padding="same",
        dilation=2,
    ),
    _case(
        "depthwise_conv2d",
        "circular",
        normal(1, 4, 3, 2),
        normal(3, 3, 1, 4),
        padding=(1, 2),
        padding_mode="circular",
    ),
    _case(
        "depthwise_conv2d",
        "cropped",
        normal(1, 5, 6, 2),
        normal(3, 2, 1, 4),
        padding=((-1, 1), (2, -2)),
    ),
    _case("depthwise_conv2d", "one-channel", normal(1, 4, 3, 1), normal(3, 3, 1, 2)),
    _case(
        "depthwise_conv2d",
        "nchw",
        normal(1, 3, 4, 5),
        normal(3, 3, 1, 6),
        normal(6),
        stride=(2, 1),
        layout="NCHW",
    ),
    _case("depthwise_conv2d", "empty", normal(0, 4, 5, 3), normal(3, 2, 1, 3)),
    _case(
        "separable_conv2d",
        "bias",
        normal(2, 4, 5, 3),
        normal(3, 2, 1, 3),
        normal(1, 1, 3, 4),
        normal(4),
    ),
    _case(
        "separable_conv2d",
        "multiplier",
        normal(1, 5, 4, 2),
        normal(3, 3, 1, 4),
        normal(1, 1, 4, 3),
        padding="same",
        stride=2,
    ),
    _case(
        "separable_conv2d",
        "reflect",
        normal(1, 4, 4, 2),
        normal(3, 3, 1, 2),
        normal(1, 1, 2, 1),
        padding=2,
        dilation=2,
        padding_mode="reflect",
    ),
    _case(
        "separable_conv2d",
        "nchw",
        normal(1, 3, 4, 5),
        normal(3, 3, 1, 3),
        normal(1, 1, 3, 2),
        normal(2),
        layout="NCHW",
    ),
)
