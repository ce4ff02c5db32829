"""The types of a data set and its splits, and the checks that all data sets share."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, Integer

from jaxcnn.data.errors import DataError
from jaxcnn.data.options import DataOptions
from jaxcnn.data.random_crops import RandomCrops
from jaxcnn.data.selection import Selection
from jaxcnn.data.split_syntax import select
from jaxcnn.data.transform import Transform
from jaxcnn.data.validation import hold_out

MAX_PIXELS = 2**30
"""The most pixels that a split held in memory may have (4 bytes a pixel); larger ones stream."""

_CHUNK = 1024
"""How many images are read at a time when a split is loaded into memory."""


@dataclass(frozen=True, eq=False)
class Split:
    """The images of a split and their labels, in memory.

    Attributes:
        images: pixels in [0, 1], float32, ``(n, h, w, c)``.
        labels: the class of each image, int32, ``(n,)``.
    """

    images: Float32[np.ndarray, "n h w c"]
    labels: Int32[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(h, w, c)`` of every image."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def load(self) -> "Split":
        """The split itself, since it is in memory already."""
        return self

    def read(self, rows: Integer[np.ndarray, " n"]) -> "Split":
        """The images and labels at ``rows``, in that order."""
        return Split(self.images[rows], self.labels[rows])


@dataclass(frozen=True, eq=False)
class StreamedSplit:
    """The images of a split, read when they are asked for.

    Attributes:
        selection: which images of which source.
        where: the beginning of an error message about it.
        random_crop: the smallest share of an image that a training sees of it, at random; ``None``
            for whole images.
    """

    selection: Selection
    where: str
    random_crop: float | None = None

    def __len__(self) -> int:
        return len(self.selection)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(h, w, c)`` of every image."""
        return self.selection.pieces[0][0].image_shape

    @property
    def labels(self) -> Int32[np.ndarray, " n"]:
        """The class of each image; the images are read for it where only they tell it."""
        return self.selection.labels()

    @property
    def pixels(self) -> int:
        """The number of pixels of all images together, over all channels."""
        return len(self) * math.prod(self.image_shape)

    def read(self, rows: Integer[np.ndarray, " n"], crops: RandomCrops | None = None) -> Split:
        """The images, or parts of them, and labels at ``rows``, in that order; from any thread.

        Raises:
            DataError: if one of them is damaged.
        """
        return Split(*self.selection.read(rows, crops))

    def load(self) -> Split:
        """The split in memory; its arrays are read-only, since runs share the data.

        Raises:
            DataError: if it is too large, or damaged.
        """
        check_fits_memory(self.pixels, self.where)
        images = np.empty((len(self), *self.image_shape), np.float32)
        labels = np.empty(len(self), np.int32)
        for start in range(0, len(self), _CHUNK):
            part = slice(start, min(start + _CHUNK, len(self)))
            images[part], labels[part] = self.selection.read(np.arange(part.start, part.stop))
        images.flags.writeable = labels.flags.writeable = False
        return Split(images, labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory, or whose images are streamed from disk, split by split.

    Attributes:
        name: the name it is loaded by.
        train: the training images.
        test: the test images, none of which is in ``train``.
        class_names: one name per class, in the order of the labels.
        transform: how the raw pixels were resized and scaled.
        source: where the data come from, as a fragment of a sentence.
        validation: the validation images, held out of the training images, or ``None``.
    """

    name: str
    train: Split | StreamedSplit
    test: Split | StreamedSplit
    class_names: tuple[str, ...]
    transform: Transform
    source: str
    validation: Split | StreamedSplit | None = None

    @property
    def scored(self) -> dict[str, Split | StreamedSplit]:
        """The splits that a model is evaluated on, by name."""
        own = {} if self.validation is None else {"validation": self.validation}
        return {**own, "test": self.test}

    @property
    def num_classes(self) -> int:
        """The number of classes, including those without an image."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(h, w, c)`` of every image."""
        return self.train.image_shape


@dataclass(frozen=True, eq=False)
class OpenDataset:
    """A data set whose images are read when they are needed; its fields are those of `Dataset`."""

    name: str
    train: StreamedSplit
    test: StreamedSplit
    class_names: tuple[str, ...]
    transform: Transform
    source: str
    validation: StreamedSplit | None = None

    def load(self, *, streaming: bool = False, scored_too: bool = False) -> Dataset:
        """The data set in memory.

        Args:
            streaming: whether the training images stay where they are, to be read when they are
                asked for; those of which random parts are asked for always do.
            scored_too: whether the validation and test images do so, too.

        Raises:
            DataError: if a split is too large for memory, or an image is damaged.
        """
        streaming = streaming or self.train.random_crop is not None
        return Dataset(
            self.name,
            self.train if streaming else self.train.load(),
            self.test if scored_too else self.test.load(),
            self.class_names,
            self.transform,
            f"{self.source}, training images streamed" if streaming else self.source,
            self.validation if scored_too or not self.validation else self.validation.load(),
        )


@dataclass(frozen=True, eq=False)
class Source:
    """A data set with all its splits, before the user's options select some of them.

    Attributes:
        name: the name it is loaded by.
        parts: its splits by name.
        class_names: one name per class, in the order of the labels.
        transform: what is done to the raw pixels.
        origin: where the data come from, as a fragment of a sentence.
    """

    name: str
    parts: Mapping[str, Selection]
    class_names: tuple[str, ...]
    transform: Transform
    origin: str

    def chosen(self, options: DataOptions) -> OpenDataset:
        """The data set with the splits that ``options`` select.

        Raises:
            DataError: if they are not there, or share an image.
        """
        train = select(options.split, self.parts, "--split")
        test = select(options.test_split, self.parts, "--test-split")
        if shared := train.shared_with(test):
            raise DataError(
                f"--split {options.split!r} and --test-split {options.test_split!r} share "
                f"{shared:,} images, expected none, so that nothing is tested that was learned"
            )
        validation = None
        if options.validation is not None:
            train, held = hold_out(train, options.validation, options.validation_seed)
            validation = StreamedSplit(held, f"{self.origin}, validation images")
        return OpenDataset(
            self.name,
            StreamedSplit(train, f"{self.origin}, split {options.split}", options.random_crop),
            StreamedSplit(test, f"{self.origin}, split {options.test_split}"),
            self.class_names,
            self.transform,
            self.origin,
            validation,
        )


def check_labels(labels: Integer[np.ndarray, " n"], class_names: Sequence[str], where: str) -> None:
    """Refuse a label that is no class; ``where`` begins the sentence."""
    for position in np.flatnonzero((labels < 0) | (labels >= len(class_names)))[:1]:
        check_label(int(labels[position]), int(position), len(class_names), where)


def check_label(label: int, position: int, num_classes: int, where: str) -> None:
    """Refuse a label that is no class; ``where`` begins the sentence."""
    if not 0 <= label < num_classes:
        raise DataError(
            f"{where}: label {label} at position {position} is outside the classes, "
            f"expected 0 to {num_classes - 1}"
        )


def check_fits_memory(pixels: int, where: str) -> None:
    """Refuse a split that is too large to be held in memory; ``where`` begins the sentence."""
    if pixels > MAX_PIXELS:
        raise DataError(
            f"{where}: {pixels:,} pixels are too many to hold in memory, "
            f"expected at most {MAX_PIXELS:,}"
        )
