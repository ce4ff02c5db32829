"""Cases of `jaxcnn.resize`."""

import numpy as np

from jaxcnn.reference.cases.case import Case, Draw, integers, normal


def _spoilt(*shape: int) -> Draw:
    """Numbers with a NaN and an infinity, which must not spread beyond their neighbours."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        x = rng.standard_normal(shape)
        x[0, 1, 1, 0], x[0, -2, 2, 0] = np.nan, np.inf
        return x

    return draw


def _resize(label: str, shape: tuple[int, ...], **options: object) -> Case:
    return Case("resize", label, (normal(*shape),), options)


def _values(label: str, shape: tuple[int, ...], **options: object) -> Case:
    return Case("resize", label, (normal(*shape),), options, differentiable=())


CASES = (
    _resize("bilinear", (2, 4, 5, 3), size=(7, 3)),
    _resize("bilinear-aligned", (1, 4, 5, 2), size=(7, 3), align_corners=True),
    _resize("bilinear-antialiased", (1, 7, 5, 2), size=(3, 8), antialias=True),
    _resize(
        "bilinear-antialiased-aligned",
        (1, 7, 5, 2),
        size=(3, 8),
        antialias=True,
        align_corners=True,
    ),
    _resize("bicubic", (1, 4, 6, 2), size=(7, 4), method="bicubic"),
    _resize("bicubic-aligned", (1, 4, 6, 2), size=(7, 4), method="bicubic", align_corners=True),
    _resize("bicubic-antialiased", (1, 9, 5, 2), size=(3, 8), method="bicubic", antialias=True),
    _resize("nearest", (1, 4, 7, 2), size=(9, 3), method="nearest"),
    _resize("area", (1, 7, 3, 2), size=(3, 5), method="area"),
    _resize("nearest-exact", (1, 4, 7, 2), size=(9, 3), method="nearest_exact"),
    _resize("signals-nearest-exact", (2, 7, 3), size=5, method="nearest_exact"),
    _resize("volumes-nearest-exact", (1, 2, 3, 4, 2), size=(3, 5, 2), method="nearest_exact"),
    _resize("scale", (2, 4, 5, 3), scale=1.7),
    _resize("scale-axes", (1, 4, 5, 2), scale=(2.3, 0.7)),
    _resize("scale-to-the-same-size", (1, 4, 5, 2), scale=(1.2, 1.1)),
    # torch's gradients of the next three are not those of its results.
    _values("scale-to-the-same-size-bicubic", (1, 4, 5, 2), scale=(1.2, 1.1), method="bicubic"),
    _values("scale-to-the-same-size-antialiased", (1, 4, 5, 2), scale=(0.5, 1.1), antialias=True),
    _values("signals-scale-nearest", (1, 30, 2), scale=1.02, method="nearest"),
    _resize("signals-scale-nearest-fewer", (1, 9, 2), scale=0.7, method="nearest"),
    _resize("volumes-scale-to-the-same-size", (1, 2, 3, 4, 1), scale=(1.4, 1.3, 1.6)),
    _resize("scale-aligned", (1, 4, 5, 2), scale=(1.8, 0.7), align_corners=True),
    _resize("scale-antialiased", (1, 9, 7, 2), scale=(0.4, 1.3), antialias=True),
    _resize("scale-bicubic", (1, 4, 6, 2), scale=(1.9, 0.6), method="bicubic"),
    _resize("scale-bicubic-aligned", (1, 4, 6, 2), scale=1.4, method="bicubic", align_corners=True),
    _resize(
        "scale-bicubic-antialiased",
        (1, 9, 5, 2),
        scale=(0.4, 1.5),
        method="bicubic",
        antialias=True,
    ),
    _resize("scale-area", (1, 7, 5, 2), scale=(0.5, 1.3), method="area"),
    _resize("scale-nearest", (1, 7, 5, 2), scale=(0.6, 2.3), method="nearest"),
    _resize("scale-nearest-twice", (1, 30, 5, 1), scale=(2.03, 1.1), method="nearest"),
    _resize("scale-nearest-exact", (1, 7, 5, 2), scale=(0.6, 2.3), method="nearest_exact"),
    _resize("signals-scale", (2, 5, 3), scale=1.7),
    _resize("signals-scale-nearest-exact", (1, 30, 2), scale=1.02, method="nearest_exact"),
    _resize("volumes-scale", (1, 2, 3, 4, 2), scale=(1.6, 2.4, 0.6)),
    _resize("volumes-scale-nearest", (1, 2, 3, 4, 2), scale=(1.6, 2, 0.6), method="nearest"),
    _resize(
        "volumes-scale-nearest-exact", (1, 2, 3, 4, 2), scale=(1.6, 2, 0.6), method="nearest_exact"
    ),
    _resize("volumes-scale-area", (1, 2, 3, 4, 2), scale=(1.6, 2.4, 0.6), method="area"),
    _resize("nchw-scale", (2, 3, 4, 5), scale=(1.8, 0.7), layout="NCHW"),
    _resize("empty-scale", (0, 3, 4, 2), scale=1.5),
    _resize("nearest-twice", (1, 7, 1), size=14, method="nearest"),
    _resize("nearest-fewer", (1, 29, 1), size=23, method="nearest"),
    _resize("signals", (2, 5, 3), size=8),
    _resize("signals-area", (2, 5, 3), size=3, method="area"),
    _resize("signals-bicubic", (2, 5, 3), size=8, method="bicubic"),
    _resize("volumes", (1, 2, 3, 4, 2), size=(3, 5, 2)),
    _resize("volumes-aligned", (1, 2, 3, 4, 2), size=(3, 5, 2), align_corners=True),
    _resize("volumes-nearest", (1, 2, 3, 4, 2), size=(3, 5, 2), method="nearest"),
    _resize("volumes-area", (1, 2, 3, 4, 2), size=(3, 2, 3), method="area"),
    _resize("volumes-antialiased", (1, 4, 3, 5, 2), size=2, method="bicubic", antialias=True),
    _resize("nchw", (2, 3, 4, 5), size=(7, 3), layout="NCHW"),
    _resize("nchw-area", (2, 3, 5, 4), size=(2, 3), method="area", layout="NCHW"),
    _resize("same", (1, 3, 4, 2), size=(3, 4), method="bicubic"),
    _resize("one-axis", (1, 3, 4, 2), size=(5, 4)),
    _resize("to-one", (1, 3, 4, 2), size=1),
    _resize("to-one-aligned", (1, 3, 4, 2), size=1, align_corners=True),
    _resize("to-one-antialiased", (1, 3, 4, 2), size=1, antialias=True),
    _resize("to-one-area", (1, 3, 4, 2), size=1, method="area"),
    _resize("from-one", (1, 1, 1, 2), size=(3, 2)),
    _resize("from-one-bicubic", (1, 1, 2, 2), size=(3, 2), method="bicubic", align_corners=True),
    _resize("empty", (0, 3, 4, 2), size=(5, 2)),
    Case("resize", "spoilt", (_spoilt(1, 6, 6, 1),), {"size": (9, 4)}, smooth=False),
    Case(
        "resize",
        "spoilt-area",
        (_spoilt(1, 6, 6, 1),),
        {"size": (4, 3), "method": "area"},
        smooth=False,
    ),
    Case(
        "resize",
        "integers",
        (integers(1, 4, 5, 2, low=-9, high=9),),
        {"size": (7, 3), "method": "nearest"},
        differentiable=(),
    ),
)
