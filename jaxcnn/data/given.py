"""Makes a data set of arrays that the user passes."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxcnn.data.dataset import Dataset, Split, check_labels
from jaxcnn.data.errors import DataError
from jaxcnn.data.options import DataOptions
from jaxcnn.data.transform import Transform
from jaxcnn.data.validation import stratified

Pairs = Sequence[tuple[Any, Any]]
"""``((images, labels), (test_images, test_labels))``."""


def dataset_of(data: Dataset | Pairs, options: DataOptions | None = None) -> Dataset:
    """The data set of the user's arrays; a `Dataset` is returned unchanged.

    Args:
        data: the pair of training images and labels, and the pair of test images and labels.
            Images are ``(n, h, w, c)`` or ``(n, h, w)``, floats in [0, 1] or bytes; labels are
            ``(n,)``, whole numbers from 0.
        options: for arrays, the share of validation images and its seed; others are refused.

    Raises:
        DataError: if images and labels do not fit together, or an option has no use.

    >>> images, labels = np.zeros((4, 8, 8)), np.array([0, 1, 0, 1])
    >>> dataset_of(((images, labels), (images, labels))).image_shape
    (8, 8, 1)
    """
    used = () if isinstance(data, Dataset) else ("validation", "validation_seed")
    for field in dataclasses.fields(DataOptions):
        if field.name not in used and getattr(options, field.name, field.default) != field.default:
            raise DataError(
                f"{field.name} is for data sets that are opened by their names: those that are "
                f"given as they are stay so"
            )
    if isinstance(data, Dataset):
        return data
    try:
        train, test = (_split(*pair) for pair in data)
    except (TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            "data must be ((images, labels), (test_images, test_labels)), arrays in two pairs"
        ) from None
    if train.image_shape != test.image_shape:
        raise DataError(f"test images are {test.image_shape}, expected {train.image_shape}")
    names = tuple(map(str, range(1 + max(int(train.labels.max()), int(test.labels.max())))))
    for split, what in ((train, "labels"), (test, "test labels")):
        check_labels(split.labels, names, what)
    share = None if options is None else options.validation
    held = None
    if share is not None and options is not None:
        mask = stratified(train.labels, share, options.validation_seed)
        if not mask.any() or mask.all():
            raise DataError(f"validation {share:g} of {len(train):,} training images is not some")
        held, train = train.read(np.flatnonzero(mask)), train.read(np.flatnonzero(~mask))
    return Dataset("arrays", train, test, names, Transform(None, 1.0), "arrays", held)


def _split(images: Any, labels: Any) -> Split:
    images, labels = np.asarray(images), np.asarray(labels)
    images = images[..., np.newaxis] if images.ndim == 3 else images
    if images.ndim != 4 or labels.shape != images.shape[:1] or not len(labels):
        raise DataError(
            f"images must be (n, h, w, c) and labels (n,), got {images.shape} and {labels.shape}"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"labels must be whole numbers, got {labels.dtype}")
    pixels = images.astype(np.float32) / (255 if images.dtype == np.uint8 else 1)
    if not np.isfinite(pixels).all():
        raise DataError("images must be finite")
    return Split(pixels, labels.astype(np.int32))
