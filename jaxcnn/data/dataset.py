"""What a data set is, and the checks that all of them share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, Integer, Shaped

from jaxcnn.data.errors import DataError
from jaxcnn.data.transform import Transform

MAX_PIXELS = 2**30
"""The most pixels a split may have, since all of it is held in memory (4 bytes a pixel)."""


@dataclass(frozen=True, eq=False)
class Split:
    """The images of a split and what they show.

    Attributes:
        images: pixels in [0, 1], float32, ``(n, h, w, c)``.
        labels: the class of each image, int32, ``(n,)``.
    """

    images: Float32[np.ndarray, "n h w c"]
    labels: Int32[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory.

    Attributes:
        name: the name it is loaded by.
        train: what to learn from.
        test: what to measure on; never part of ``train``.
        class_names: one name per class, in the order of the labels.
        transform: what was done to the raw pixels.
        source: where it came from, as a fragment of a sentence.
    """

    name: str
    train: Split
    test: Split
    class_names: tuple[str, ...]
    transform: Transform
    source: str

    @property
    def num_classes(self) -> int:
        """The number of classes, whether or not each has an image."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(h, w, c)`` of every image."""
        height, width, channels = self.train.images.shape[1:]
        return height, width, channels


def split_of(
    raw: Shaped[np.ndarray, "n h w ..."], labels: Integer[np.ndarray, " n"], transform: Transform
) -> Split:
    """A `Split` of raw images, frozen so that no run can change the data of another."""
    images, numbers = transform(raw), labels.astype(np.int32)
    images.flags.writeable = numbers.flags.writeable = False
    return Split(images, numbers)


def check_labels(labels: Integer[np.ndarray, " n"], class_names: Sequence[str], where: str) -> None:
    """Refuse a label that is no class; ``where`` begins the sentence."""
    wrong = np.flatnonzero((labels < 0) | (labels >= len(class_names)))
    if wrong.size:
        raise DataError(
            f"{where}: label {labels[wrong[0]]} at position {wrong[0]} is outside the classes, "
            f"expected 0 to {len(class_names) - 1}"
        )


def check_fits_memory(pixels: int, where: str) -> None:
    """Refuse a split that is too large to be held in memory; ``where`` begins the sentence."""
    if pixels > MAX_PIXELS:
        raise DataError(
            f"{where}: {pixels:,} pixels are too many to hold in memory, "
            f"expected at most {MAX_PIXELS:,}"
        )
