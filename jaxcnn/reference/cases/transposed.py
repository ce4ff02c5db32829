"""Cases of `jaxcnn.conv_transpose1d`, `conv_transpose2d` and `conv_transpose3d`."""

from typing import Any

from jaxcnn.reference.cases.case import Case, Draw, integers, normal


def _case(
    rank: int, label: str, x: Draw, kernel: Draw, bias: Draw | None = None, **options: Any
) -> Case:
    arrays = (x, kernel) if bias is None else (x, kernel, bias)
    every = tuple(range(len(arrays)))
    op = f"conv_transpose{rank}d"
    return Case(op, label, arrays, options, differentiable=every, batched=every)


X, K = normal(1, 3, 4, 2), normal(3, 2, 2, 3)

CASES = (
    _case(2, "bias", normal(2, 3, 4, 2), K, normal(3), stride=2),
    _case(2, "plain", X, K),
    _case(2, "padding", X, K, padding=1),
    _case(2, "padding-axes", X, K, padding=(2, 1), stride=(2, 3)),
    _case(2, "padding-pairs", X, K, padding=((0, 2), (1, 0)), stride=2),
    _case(2, "padding-over-window", normal(1, 5, 6, 1), normal(2, 2, 1, 2), padding=2, stride=2),
    _case(
        2,
        "padding-one-side",
        normal(1, 2, 1, 1),
        normal(1, 2, 1, 2),
        padding=((3, 0), (0, 1)),
        stride=4,
    ),
    _case(2, "added", X, K, normal(3), padding=((-2, 1), (0, -1)), stride=2),
    _case(
        2,
        "added-replicate",
        X,
        normal(3, 2, 2, 1),
        padding=((-4, 1), (2, -3)),
        padding_mode="replicate",
        stride=2,
    ),
    _case(2, "output-padding", X, K, stride=3, padding=1, output_padding=(2, 1)),
    _case(2, "output-padding-dilation", X, K, dilation=2, output_padding=1),
    _case(2, "output-padding-beyond", X, normal(1, 2, 2, 1), stride=3, output_padding=2),
    _case(2, "stride-over-window", X, normal(2, 1, 2, 2), stride=(3, 2)),
    _case(2, "dilation", X, K, dilation=(2, 3)),
    _case(2, "dilation-stride", X, K, dilation=2, stride=2, padding=(1, 2)),
    _case(2, "valid", X, K, padding="valid", stride=2),
    _case(2, "same", X, K, padding="same"),
    _case(2, "same-stride", X, normal(5, 3, 2, 2), padding="same", stride=2),
    _case(2, "same-stride-over-window", X, normal(2, 1, 2, 2), padding="same", stride=3),
    _case(2, "full", normal(1, 4, 5, 2), normal(2, 3, 2, 2), padding="full"),
    _case(2, "full-stride", normal(1, 3, 3, 1), normal(2, 3, 1, 2), padding="full", stride=2),
    _case(2, "groups", normal(1, 3, 3, 4), normal(3, 2, 4, 3), normal(6), groups=2, stride=2),
    _case(2, "groups-fewer-outputs", normal(2, 2, 3, 6), normal(2, 2, 6, 1), groups=3, padding=1),
    _case(2, "depthwise", normal(1, 3, 3, 3), normal(3, 3, 3, 1), groups=3, stride=2, padding=1),
    _case(2, "reflect", X, normal(3, 4, 2, 2), padding=1, padding_mode="reflect"),
    _case(
        2,
        "replicate",
        X,
        normal(5, 3, 2, 1),
        stride=2,
        padding=1,
        output_padding=1,
        padding_mode="replicate",
    ),
    _case(2, "circular", X, normal(4, 3, 2, 2), stride=2, padding="same", padding_mode="circular"),
    _case(
        2,
        "circular-dilation",
        X,
        normal(2, 3, 2, 1),
        stride=2,
        dilation=2,
        padding=((0, 1), (2, 0)),
        padding_mode="circular",
    ),
    _case(2, "circular-nothing-reaches", X, normal(2, 2, 2, 1), stride=2, padding_mode="circular"),
    _case(2, "one-by-one", X, normal(1, 1, 2, 3), normal(3)),
    _case(2, "one-by-one-stride", X, normal(1, 1, 2, 3), stride=2),
    _case(2, "one-pixel", normal(2, 1, 1, 3), normal(4, 4, 3, 2), normal(2)),
    _case(2, "one-output", normal(1, 2, 2, 2), normal(2, 2, 2, 3), padding=1),
    _case(2, "nchw", normal(2, 2, 3, 4), K, normal(3), layout="NCHW", stride=2, padding=1),
    _case(
        2,
        "nchw-groups-circular",
        normal(1, 4, 3, 4),
        normal(3, 3, 4, 1),
        layout="NCHW",
        groups=2,
        padding=1,
        padding_mode="circular",
    ),
    _case(2, "empty", normal(0, 3, 4, 2), K, normal(3), stride=2),
    Case(
        "conv_transpose2d",
        "integers",
        (integers(1, 2, 3, 2, high=9), integers(2, 3, 2, 2, high=9)),
        {"stride": 2},
        differentiable=(),
        batched=(0, 1),
    ),
    _case(1, "bias", normal(2, 4, 3), normal(3, 3, 2), normal(2), stride=2, padding=1),
    _case(1, "same-groups", normal(1, 4, 4), normal(4, 4, 1), groups=2, padding="same", stride=3),
    _case(1, "replicate", normal(1, 3, 2), normal(6, 2, 2), stride=2, padding_mode="replicate"),
    _case(1, "ncw", normal(1, 2, 4), normal(3, 2, 2), layout="NCW", stride=2, output_padding=1),
    _case(3, "bias", normal(1, 2, 3, 2, 2), normal(2, 3, 2, 2, 3), normal(3), stride=2),
    _case(
        3,
        "options",
        normal(1, 2, 2, 3, 4),
        normal(3, 2, 2, 4, 1),
        stride=(2, 1, 3),
        padding=(1, 0, 2),
        output_padding=(1, 0, 2),
        dilation=(1, 2, 1),
        groups=2,
    ),
    _case(
        3,
        "circular",
        normal(1, 2, 3, 2, 1),
        normal(3, 3, 3, 1, 1),
        padding=1,
        padding_mode="circular",
    ),
    _case(
        3,
        "ncdhw",
        normal(1, 2, 2, 2, 3),
        normal(2, 2, 2, 2, 1),
        layout="NCDHW",
        stride=2,
        padding=1,
    ),
)
