"""Statistics of a data set: images of each class, image sizes, pixel values."""

import functools
import math
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Int64

from jaxcnn.data.contact_sheet import Samples
from jaxcnn.data.dataset import OpenDataset, StreamedSplit
from jaxcnn.data.image_folder import FolderExamples

PIXELS_AT_ONCE = 2**24
"""The most pixels that are processed at a time, since a data set may not fit into memory."""


@dataclass(frozen=True, eq=False)
class SplitReport:
    """The statistics of one split.

    Attributes:
        counts: images of each class, ``(classes,)``.
        lowest: the smallest pixel.
        highest: the largest pixel.
        mean: the mean pixel.
        deviation: the standard deviation of the pixels.
        samples: the first images of each class.
    """

    counts: Int64[np.ndarray, " classes"]
    lowest: float
    highest: float
    mean: float
    deviation: float
    samples: Samples


@dataclass
class _Sums:
    """Running sums over the images of a split."""

    counts: Int64[np.ndarray, " classes"]
    lowest: float = math.inf
    highest: float = -math.inf
    total: float = 0.0
    squares: float = 0.0
    samples: dict[int, list[np.ndarray]] = field(default_factory=dict)

    def add(self, images: Float32[np.ndarray, "n h w c"], labels: np.ndarray, keep: int) -> None:
        self.counts += np.bincount(labels, minlength=len(self.counts))
        self.lowest = min(self.lowest, float(images.min()))
        self.highest = max(self.highest, float(images.max()))
        self.total += float(images.sum(dtype=np.float64))
        self.squares += float(np.square(images, dtype=np.float64).sum())
        for label in np.unique(labels).tolist():
            kept = self.samples.setdefault(label, [])
            kept.extend(images[labels == label][: keep - len(kept)])


def inspect_split(split: StreamedSplit, classes: int, *, samples: int = 10) -> SplitReport:
    """Read every image of a split, and compute its statistics.

    Args:
        split: what to read.
        classes: how many classes there are.
        samples: how many images of each class to keep.

    Raises:
        DataError: if an image is damaged.

    >>> digits = jc.data.open_dataset("digits")
    >>> inspect_split(digits.test, 10).counts
    array([36, 36, 35, 37, 36, 36, 36, 36, 35, 36])
    """
    sums = _Sums(np.zeros(classes, np.int64))
    at_once = max(1, PIXELS_AT_ONCE // math.prod(split.image_shape))
    for start in range(0, len(split), at_once):
        part = split.read(np.arange(start, min(start + at_once, len(split))))
        sums.add(part.images, part.labels, samples)
    mean = sums.total / split.pixels
    variance = max(sums.squares / split.pixels - mean**2, 0)
    return SplitReport(
        sums.counts, sums.lowest, sums.highest, mean, math.sqrt(variance), sums.samples
    )


def raw_sizes(data: OpenDataset) -> Int64[np.ndarray, "n hw"] | None:
    """The heights and widths of the pictures in an image folder; ``None`` for other data sets.

    Of a large folder these are those that were looked into.
    """
    pieces = data.train.selection.pieces + data.test.selection.pieces
    sizes = [
        np.array(
            [header[:2] for row in rows if (header := examples.headers[row]) is not None], np.int64
        ).reshape(-1, 2)
        for examples, rows in pieces
        if isinstance(examples, FolderExamples)
    ]
    return (
        functools.reduce(lambda one, other: np.concatenate([one, other]), sizes) if sizes else None
    )


def as_text(data: OpenDataset, train: SplitReport, test: SplitReport) -> str:
    """The statistics as text: a table of the classes, and lines for sizes and pixels."""
    width = max(len("class"), *map(len, data.class_names))
    rows = [
        f"{name:<{width}}  {of_train:>8,}  {of_test:>8,}"
        for name, of_train, of_test in zip(data.class_names, train.counts, test.counts, strict=True)
    ]
    height, image_width, channels = data.train.image_shape
    lines = [
        f"data: {data.name} ({data.source})",
        f"{'class':<{width}}  {'train':>8}  {'test':>8}",
        *rows,
        f"{'all':<{width}}  {len(data.train):>8,}  {len(data.test):>8,}",
        f"images: {height}×{image_width}, {'grey' if channels == 1 else 'colour'}",
        *_size_lines(data),
        _pixel_line("train", train),
        _pixel_line("test", test),
    ]
    return "\n".join(lines)


def _size_lines(data: OpenDataset) -> list[str]:
    sizes = raw_sizes(data)
    if sizes is None:
        return []
    return [
        f"{name} of the files: {values.min()} to {values.max()}, median {np.median(values):g}"
        for name, values in zip(("heights", "widths"), sizes.T, strict=True)
    ]


def _pixel_line(name: str, report: SplitReport) -> str:
    return (
        f"pixels ({name}): {report.lowest:.3g} to {report.highest:.3g}, "
        f"mean {report.mean:.4f}, standard deviation {report.deviation:.4f}"
    )
