"""Cases of `jaxcnn.unfold` and `fold`."""

from jaxcnn.reference.cases.case import Case, integers, normal

CASES = (
    Case("unfold", "oblong", (normal(2, 4, 5, 2),), {"window": (2, 3)}),
    Case("unfold", "padding", (normal(1, 3, 4, 2),), {"window": 3, "padding": (1, 2)}),
    Case("unfold", "pairs", (normal(1, 3, 4, 1),), {"window": 2, "padding": ((0, 1), (2, 0))}),
    Case("unfold", "cropped", (normal(1, 5, 4, 1),), {"window": 2, "padding": ((-1, 1), (1, -2))}),
    Case("unfold", "same", (normal(1, 5, 4, 1),), {"window": 3, "padding": "same", "stride": 2}),
    Case("unfold", "stride", (normal(1, 6, 5, 2),), {"window": 2, "stride": (3, 2)}),
    Case("unfold", "dilation", (normal(1, 6, 5, 2),), {"window": (2, 3), "dilation": (3, 2)}),
    Case("unfold", "one-pixel", (normal(1, 2, 3, 2),), {"window": 1}),
    Case("unfold", "whole", (normal(1, 2, 3, 2),), {"window": (2, 3)}),
    Case("unfold", "signals", (normal(2, 6, 3),), {"window": 3, "stride": 2, "padding": 1}),
    Case(
        "unfold", "volumes", (normal(1, 3, 2, 4, 2),), {"window": (2, 1, 3), "padding": (1, 0, 0)}
    ),
    Case(
        "unfold", "nchw", (normal(2, 3, 4, 5),), {"window": (2, 3), "stride": 2, "layout": "NCHW"}
    ),
    Case("unfold", "ncw", (normal(1, 2, 5),), {"window": 2, "layout": "NCW"}),
    Case("unfold", "empty", (normal(0, 4, 5, 2),), {"window": 2}),
    Case("unfold", "integers", (integers(1, 3, 4, 2, high=9),), {"window": 2, "padding": 1}, ()),
    Case("fold", "oblong", (normal(2, 3, 3, 2, 3, 2),), {"output_size": (4, 5), "window": (2, 3)}),
    Case(
        "fold",
        "options",
        (normal(1, 3, 2, 2, 3, 2),),
        {
            "output_size": (5, 6),
            "window": (2, 3),
            "stride": 2,
            "padding": ((1, 0), (0, 1)),
            "dilation": (1, 2),
        },
    ),
    Case(
        "fold",
        "cropped",
        (normal(1, 4, 2, 2, 2, 2),),
        {"output_size": (5, 4), "window": 2, "padding": ((-1, 1), (1, -2))},
    ),
    Case(
        "fold",
        "gaps",
        (normal(1, 2, 2, 2, 1, 2),),
        {"output_size": (6, 5), "window": (2, 1), "stride": 3},
    ),
    Case(
        "fold",
        "same",
        (normal(1, 3, 2, 3, 3, 1),),
        {"output_size": (5, 4), "window": 3, "stride": 2, "padding": "same"},
    ),
    Case("fold", "signals", (normal(1, 4, 3, 2),), {"output_size": 6, "window": 3}),
    Case(
        "fold",
        "volumes",
        (normal(1, 2, 1, 3, 2, 2, 1, 1),),
        {"output_size": (3, 2, 3), "window": (2, 2, 1)},
    ),
    Case(
        "fold",
        "nchw",
        (normal(2, 3, 2, 3, 2, 2),),
        {"output_size": (4, 5), "window": (2, 3), "stride": 2, "layout": "NCHW"},
    ),
    Case("fold", "empty", (normal(0, 2, 2, 2, 2, 3),), {"output_size": 3, "window": 2}),
    Case(
        "fold",
        "integers",
        (integers(1, 2, 2, 2, 2, 1, high=9),),
        {"output_size": 3, "window": 2},
        (),
    ),
)
