"""Cases of `jaxcnn.conv1d`, `conv2d` and `conv3d`."""

from typing import Any

from jaxcnn.reference.cases.case import Case, Draw, integers, normal


def _case(
    op: str, label: str, x: Draw, kernel: Draw, bias: Draw | None = None, **options: Any
) -> Case:
    arrays = (x, kernel) if bias is None else (x, kernel, bias)
    every = tuple(range(len(arrays)))
    return Case(op, label, arrays, options, differentiable=every, batched=every)


CASES = (
    _case("conv2d", "bias", normal(2, 5, 6, 3), normal(3, 2, 3, 4), normal(4)),
    _case("conv2d", "plain", normal(1, 5, 5, 2), normal(3, 3, 2, 1)),
    _case("conv2d", "padding", normal(1, 4, 5, 2), normal(3, 3, 2, 2), padding=1),
    _case("conv2d", "padding-axes", normal(1, 4, 5, 2), normal(2, 3, 2, 2), padding=(0, 2)),
    _case(
        "conv2d", "padding-pairs", normal(1, 4, 3, 2), normal(2, 3, 2, 2), padding=((0, 2), (1, 0))
    ),
    _case("conv2d", "padding-over-window", normal(1, 2, 2, 1), normal(2, 2, 1, 2), padding=3),
    _case("conv2d", "cropped", normal(1, 6, 5, 2), normal(3, 2, 2, 2), padding=((-1, 2), (1, -2))),
    _case(
        "conv2d",
        "cropped-options",
        normal(1, 9, 8, 4),
        normal(3, 2, 2, 4),
        normal(4),
        padding=((-2, -1), (-1, 3)),
        stride=(2, 1),
        dilation=(1, 2),
        groups=2,
    ),
    _case(
        "conv2d",
        "cropped-reflect",
        normal(1, 5, 6, 2),
        normal(3, 3, 2, 2),
        padding=((-1, 2), (3, -2)),
        padding_mode="reflect",
    ),
    _case(
        "conv2d",
        "cropped-depthwise",
        normal(1, 6, 5, 3),
        normal(3, 3, 1, 3),
        padding=((-1, 1), (1, -1)),
        groups=3,
    ),
    _case("conv2d", "valid", normal(1, 4, 5, 2), normal(2, 3, 2, 2), padding="valid"),
    _case("conv2d", "same", normal(1, 4, 5, 2), normal(3, 3, 2, 2), padding="same"),
    _case("conv2d", "same-even", normal(1, 4, 5, 2), normal(2, 4, 2, 2), padding="same"),
    _case(
        "conv2d",
        "same-stride",
        normal(1, 7, 6, 2),
        normal(3, 2, 2, 2),
        padding="same",
        stride=(2, 3),
    ),
    _case(
        "conv2d",
        "same-dilation",
        normal(1, 5, 6, 1),
        normal(3, 2, 1, 2),
        padding="same",
        dilation=2,
    ),
    _case("conv2d", "full", normal(1, 3, 4, 2), normal(2, 3, 2, 2), padding="full"),
    _case("conv2d", "full-kernel-larger", normal(1, 2, 2, 1), normal(3, 4, 1, 2), padding="full"),
    _case("conv2d", "stride", normal(2, 7, 6, 2), normal(3, 2, 2, 3), stride=2),
    _case("conv2d", "stride-over-window", normal(1, 8, 7, 2), normal(2, 1, 2, 3), stride=3),
    _case(
        "conv2d", "stride-axes", normal(1, 7, 6, 2), normal(3, 2, 2, 3), stride=(1, 3), padding=1
    ),
    _case("conv2d", "dilation", normal(1, 7, 6, 2), normal(3, 2, 2, 2), dilation=(2, 3)),
    _case(
        "conv2d",
        "dilation-stride",
        normal(1, 8, 7, 1),
        normal(3, 3, 1, 2),
        dilation=2,
        stride=2,
        padding=2,
    ),
    # The gradient in x aborted XLA's CPU compiler: see `_breaks_xla` in ops/convolution.py.
    _case(
        "conv2d",
        "padded-pairs-of-pixels",
        normal(1, 4, 3, 2),
        normal(2, 2, 2, 2),
        stride=(2, 1),
        padding=(1, 0),
        dilation=(1, 2),
    ),
    _case(
        "conv2d", "groups", normal(1, 4, 5, 4), normal(3, 2, 2, 6), normal(6), groups=2, padding=1
    ),
    _case("conv2d", "groups-stride", normal(2, 5, 5, 6), normal(2, 2, 2, 3), groups=3, stride=2),
    _case("conv2d", "depthwise", normal(1, 5, 4, 3), normal(3, 3, 1, 3), groups=3, padding=1),
    _case(
        "conv2d", "depthwise-multiplier", normal(1, 5, 4, 2), normal(3, 3, 1, 6), groups=2, stride=2
    ),
    _case(
        "conv2d",
        "reflect",
        normal(1, 4, 5, 2),
        normal(3, 3, 2, 2),
        padding=(2, 1),
        padding_mode="reflect",
    ),
    _case(
        "conv2d",
        "replicate",
        normal(1, 4, 3, 2),
        normal(3, 3, 2, 2),
        padding=4,
        padding_mode="replicate",
        stride=2,
    ),
    _case(
        "conv2d",
        "circular",
        normal(1, 4, 5, 2),
        normal(3, 3, 2, 2),
        padding="same",
        padding_mode="circular",
    ),
    _case(
        "conv2d",
        "circular-pairs",
        normal(1, 4, 3, 1),
        normal(3, 3, 1, 2),
        padding=((4, 0), (1, 2)),
        padding_mode="circular",
        dilation=2,
    ),
    _case("conv2d", "one-by-one", normal(2, 3, 4, 5), normal(1, 1, 5, 2), normal(2)),
    _case(
        "conv2d", "one-by-one-stride", normal(1, 5, 4, 2), normal(1, 1, 2, 3), stride=2, padding=1
    ),
    _case("conv2d", "one-output", normal(2, 3, 4, 2), normal(3, 4, 2, 3)),
    _case("conv2d", "one-pixel", normal(1, 1, 1, 3), normal(1, 1, 3, 1)),
    _case("conv2d", "nchw", normal(2, 3, 5, 4), normal(3, 2, 3, 4), normal(4), layout="NCHW"),
    _case(
        "conv2d",
        "nchw-groups",
        normal(1, 4, 5, 4),
        normal(3, 2, 2, 6),
        layout="NCHW",
        groups=2,
        stride=2,
        padding=1,
    ),
    _case(
        "conv2d",
        "nchw-reflect",
        normal(1, 2, 4, 5),
        normal(3, 3, 2, 2),
        layout="NCHW",
        padding=1,
        padding_mode="reflect",
    ),
    _case("conv2d", "empty", normal(0, 5, 4, 2), normal(3, 2, 2, 3), normal(3)),
    Case(
        "conv2d",
        "integers",
        (integers(1, 4, 5, 2, high=9), integers(2, 3, 2, 3, high=9)),
        {"stride": 2},
        (),
        (0, 1),
    ),
    _case("conv1d", "bias", normal(2, 7, 3), normal(3, 3, 2), normal(2)),
    _case("conv1d", "same-even-stride", normal(1, 8, 2), normal(4, 2, 3), padding="same", stride=3),
    _case("conv1d", "pairs", normal(1, 5, 2), normal(3, 2, 3), padding=((2, 0),), dilation=2),
    _case("conv1d", "cropped", normal(1, 7, 2), normal(3, 2, 3), padding=((-2, 1),), stride=2),
    _case("conv1d", "groups-full", normal(1, 4, 4), normal(3, 2, 4), padding="full", groups=2),
    _case(
        "conv1d", "circular", normal(1, 4, 2), normal(3, 2, 2), padding=2, padding_mode="circular"
    ),
    _case("conv1d", "ncw", normal(2, 3, 7), normal(2, 3, 2), normal(2), layout="NCW", stride=2),
    _case("conv3d", "bias", normal(1, 3, 4, 3, 2), normal(2, 3, 2, 2, 3), normal(3)),
    _case(
        "conv3d",
        "options",
        normal(1, 4, 3, 5, 2),
        normal(2, 2, 3, 2, 2),
        stride=(2, 1, 2),
        padding=(1, 0, 2),
        dilation=(1, 2, 1),
    ),
    _case(
        "conv3d",
        "cropped",
        normal(1, 4, 3, 4, 2),
        normal(2, 2, 2, 2, 2),
        padding=((-1, 0), (1, -1), (-2, 2)),
    ),
    _case(
        "conv3d",
        "groups-same",
        normal(1, 3, 2, 3, 4),
        normal(2, 2, 2, 2, 2),
        groups=2,
        padding="same",
    ),
    _case(
        "conv3d",
        "replicate",
        normal(1, 2, 3, 2, 1),
        normal(2, 2, 2, 1, 2),
        padding=1,
        padding_mode="replicate",
    ),
    _case(
        "conv3d", "ncdhw", normal(1, 2, 3, 3, 3), normal(2, 2, 2, 2, 3), layout="NCDHW", padding=1
    ),
)
