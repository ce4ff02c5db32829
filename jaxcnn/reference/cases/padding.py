"""Cases of `jaxcnn.pad`."""

from jaxcnn.reference.cases.case import Case, normal

CASES = (
    Case("pad", "zeros", (normal(2, 4, 5, 3),), {"padding": 1}),
    Case("pad", "value", (normal(1, 3, 4, 2),), {"padding": (1, 2), "value": -1.5}),
    Case("pad", "pairs", (normal(1, 3, 4, 2),), {"padding": ((0, 2), (1, 0))}),
    Case("pad", "none", (normal(1, 3, 4, 2),), {"padding": 0, "mode": "reflect"}),
    Case("pad", "reflect", (normal(1, 4, 3, 2),), {"padding": (3, 2), "mode": "reflect"}),
    Case("pad", "replicate", (normal(1, 3, 1, 2),), {"padding": (1, 4), "mode": "replicate"}),
    Case(
        "pad", "circular", (normal(1, 4, 3, 2),), {"padding": ((4, 1), (0, 3)), "mode": "circular"}
    ),
    Case("pad", "signals", (normal(2, 5, 3),), {"padding": 2, "mode": "circular"}),
    Case("pad", "volumes", (normal(1, 2, 3, 2, 2),), {"padding": 1, "mode": "reflect"}),
    Case("pad", "nchw", (normal(1, 2, 4, 3),), {"padding": (2, 1), "layout": "NCHW"}),
    Case(
        "pad",
        "nchw-reflect",
        (normal(1, 2, 4, 3),),
        {"padding": (2, 1), "mode": "reflect", "layout": "NCHW"},
    ),
    Case("pad", "cropped", (normal(1, 4, 5, 2),), {"padding": (-1, -2)}),
    Case("pad", "moved", (normal(1, 4, 5, 2),), {"padding": ((-1, 2), (3, -4)), "value": 2.5}),
    Case("pad", "all-cropped", (normal(1, 3, 4, 2),), {"padding": ((-2, -1), (1, 0))}),
    Case("pad", "all-replaced", (normal(1, 3, 4, 2),), {"padding": ((-3, 1), (2, -4))}),
    Case(
        "pad",
        "reflect-moved",
        (normal(1, 4, 5, 2),),
        {"padding": ((-2, 3), (4, -3)), "mode": "reflect"},
    ),
    Case(
        "pad",
        "replicate-moved",
        (normal(1, 4, 5, 2),),
        {"padding": ((-5, 3), (2, -1)), "mode": "replicate"},
    ),
    Case(
        "pad",
        "circular-moved",
        (normal(1, 4, 5, 2),),
        {"padding": ((-1, 1), (2, -2)), "mode": "circular"},
    ),
    Case("pad", "signals-cropped", (normal(2, 5, 3),), {"padding": -1, "mode": "replicate"}),
    Case(
        "pad",
        "volumes-moved",
        (normal(1, 3, 3, 2, 2),),
        {"padding": ((-1, 1), (2, -1), (0, -1)), "mode": "reflect"},
    ),
    Case(
        "pad",
        "nchw-cropped",
        (normal(1, 2, 4, 3),),
        {"padding": ((-2, 1), (0, -1)), "layout": "NCHW"},
    ),
    Case("pad", "empty", (normal(0, 4, 3, 2),), {"padding": 1, "mode": "replicate"}),
)
