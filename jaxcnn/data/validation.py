"""Holds out a share of the training images for validation."""

import numpy as np
from jaxtyping import Int64, Integer

from jaxcnn.data.errors import DataError
from jaxcnn.data.selection import Selection


def hold_out(train: Selection, share: float, seed: int) -> tuple[Selection, Selection]:
    """Split the training images into those that stay and those that are held out.

    Args:
        train: the training images.
        share: how much of each class is held out, between 0 and 1.
        seed: of the choice.

    Raises:
        DataError: if no image would be held out, or none would be left.
    """
    held = stratified(train.labels(), share, seed)
    if not held.any() or held.all():
        what = "every image" if held.all() else "no image"
        raise DataError(f"--validation {share:g} of {len(train):,} training images is {what}")
    return train.at(np.flatnonzero(~held)), train.at(np.flatnonzero(held))


def stratified(labels: Integer[np.ndarray, " n"], share: float, seed: int) -> np.ndarray:
    """A mask of the examples that are held out: the same share of each class, at random.

    Args:
        labels: the class of each example.
        share: between 0 and 1. All classes together give ``share`` of the examples, rounded;
            the classes with the largest fractions are rounded up.
        seed: of the choice.

    Returns:
        A mask, ``(n,)``.

    >>> mask = stratified(np.array([0, 1, 0, 1, 0, 1, 0, 1]), 0.25, seed=0)
    >>> int(mask.sum()), int(mask[0::2].sum())
    (2, 1)
    """
    classes, sizes = np.unique(labels, return_counts=True)
    counts = _rounded(sizes * share)
    order = np.random.default_rng(seed).permutation(len(labels))
    held = np.zeros(len(labels), bool)
    for label, count in zip(classes, counts, strict=True):
        its = order[labels[order] == label]
        held[its[:count]] = True
    return held


def _rounded(wanted: np.ndarray) -> Int64[np.ndarray, " n"]:
    """Round each number up or down, such that their sum is the rounded sum."""
    counts = np.floor(wanted).astype(np.int64)
    missing = round(float(wanted.sum())) - int(counts.sum())
    largest = np.argsort(counts - wanted, kind="stable")[:missing]
    counts[largest] += 1
    return counts
