"""Cases of `jaxcnn.pixel_shuffle`, `pixel_unshuffle` and `channel_shuffle`."""

from jaxcnn.reference.cases.case import Case, integers, normal

CASES = (
    Case("pixel_shuffle", "nhwc", (normal(2, 2, 3, 8),), {"factor": 2}),
    Case("pixel_shuffle", "nchw", (normal(1, 18, 2, 1),), {"factor": 3, "layout": "NCHW"}),
    Case("pixel_shuffle", "one", (normal(1, 2, 2, 3),), {"factor": 1}),
    Case(
        "pixel_shuffle",
        "integers",
        (integers(1, 2, 2, 4, high=99),),
        {"factor": 2},
        differentiable=(),
    ),
    Case("pixel_shuffle", "empty", (normal(0, 2, 2, 4),), {"factor": 2}),
    Case("pixel_shuffle", "no-channels", (normal(1, 2, 2, 0),), {"factor": 2}),
    Case("pixel_unshuffle", "nhwc", (normal(2, 4, 6, 2),), {"factor": 2}),
    Case("pixel_unshuffle", "nchw", (normal(1, 2, 6, 3),), {"factor": 3, "layout": "NCHW"}),
    Case("pixel_unshuffle", "one", (normal(1, 2, 3, 2),), {"factor": 1}),
    Case(
        "pixel_unshuffle",
        "integers",
        (integers(1, 2, 4, 1, high=99),),
        {"factor": 2},
        differentiable=(),
    ),
    Case("pixel_unshuffle", "empty", (normal(0, 4, 2, 1),), {"factor": 2}),
    Case("pixel_unshuffle", "no-pixels", (normal(1, 0, 2, 1),), {"factor": 2}),
    Case("channel_shuffle", "images", (normal(2, 2, 1, 6),), {"groups": 2}),
    Case("channel_shuffle", "nchw", (normal(2, 6, 1, 2),), {"groups": 3, "layout": "NCHW"}),
    Case("channel_shuffle", "signals", (normal(2, 3, 8),), {"groups": 4}),
    Case("channel_shuffle", "volumes", (normal(1, 2, 1, 2, 4),), {"groups": 2}),
    Case("channel_shuffle", "one-group", (normal(1, 2, 3),), {"groups": 1}),
    Case("channel_shuffle", "groups-of-one", (normal(1, 2, 3),), {"groups": 3}),
    Case(
        "channel_shuffle",
        "integers",
        (integers(1, 2, 6, high=99),),
        {"groups": 3},
        differentiable=(),
    ),
    Case("channel_shuffle", "empty", (normal(0, 2, 4),), {"groups": 2}),
    Case("channel_shuffle", "no-channels", (normal(2, 3, 0),), {"groups": 2}),
)
