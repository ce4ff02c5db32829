"""Where a network goes wrong: the confusion matrix, each class, the worst single images."""

from typing import NamedTuple

import numpy as np

from jaxcnn.data import Split
from jaxcnn.report import pictures
from jaxcnn.report.scores import Scores
from jaxcnn.training.evaluation import confusion_matrix

MOST_CELLS = 20
"""Classes up to which the matrix has its numbers written in it; beyond, it is a picture."""

_WORST = 24
_PAIRS = 6


class Cell(NamedTuple):
    """One number of the confusion matrix.

    Attributes:
        images: those of the row's class that were taken for the column's.
        share: the colour's strength, 0 to 1.
        right: whether row and column are one class.
        missed: whether they are, and no image of the class is recognised.
        says: the whole of it in words.
    """

    images: int
    share: float
    right: bool
    missed: bool
    says: str


class Class(NamedTuple):
    """How well one class is told from the others; a ratio without a denominator is ``None``."""

    name: str
    images: int
    recall: float | None
    precision: float | None


class Pair(NamedTuple):
    """A class that is taken for another."""

    actual: str
    predicted: str
    images: int
    share: float


class Confusion(NamedTuple):
    """Which class is taken for which.

    Attributes:
        rows: the cells, by class and by predicted class; empty where there are too many.
        picture: the matrix as an image; ``None`` where there are cells.
        classes: the single classes.
        pairs: the pairs that are most often confused, first the most frequent.
    """

    rows: list[list[Cell]]
    picture: str | None
    classes: list[Class]
    pairs: list[Pair]


class Mistake(NamedTuple):
    """An image that was taken for something else; ``place`` is its place in the test set."""

    picture: str
    place: int
    actual: str
    predicted: str
    predicted_probability: float
    actual_probability: float


def confusion_of(scores: Scores, names: tuple[str, ...]) -> Confusion:
    """The confusion matrix over all images, ready to be shown."""
    counts = confusion_matrix(scores.labels, scores.predicted, len(names))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    right = np.eye(len(names), dtype=bool)
    # Mistakes are rare next to hits: the root, and the largest one in full colour.
    wrong = np.sqrt(np.where(right, 0, shares))
    strength = np.where(right, shares, wrong / (wrong.max() or 1))
    large = len(names) > MOST_CELLS
    return Confusion(
        rows=[] if large else _cells(counts, strength, names),
        picture=pictures.matrix(strength, right) if large else None,
        classes=_classes(counts, names),
        pairs=_pairs(np.where(right, 0, counts), shares, names),
    )


def _cells(counts: np.ndarray, strength: np.ndarray, names: tuple[str, ...]) -> list[list[Cell]]:
    return [
        [
            Cell(
                int(count),
                float(strength[actual, predicted]),
                actual == predicted,
                actual == predicted and not count and bool(row.any()),
                f"{count:,} images of {names[actual]} taken for {names[predicted]}",
            )
            for predicted, count in enumerate(row)
        ]
        for actual, row in enumerate(counts)
    ]


def _classes(counts: np.ndarray, names: tuple[str, ...]) -> list[Class]:
    hits, actual, predicted = counts.diagonal(), counts.sum(1), counts.sum(0)
    return [
        Class(
            name,
            int(actual[index]),
            float(hits[index] / actual[index]) if actual[index] else None,
            float(hits[index] / predicted[index]) if predicted[index] else None,
        )
        for index, name in enumerate(names)
    ]


def _pairs(wrong: np.ndarray, shares: np.ndarray, names: tuple[str, ...]) -> list[Pair]:
    order = np.argsort(-wrong, axis=None, kind="stable")[:_PAIRS]
    found = [divmod(int(position), len(names)) for position in order]
    return [
        Pair(names[row], names[column], int(wrong[row, column]), float(shares[row, column]))
        for row, column in found
        if wrong[row, column]
    ]


def worst_mistakes(scores: Scores, split: Split, names: tuple[str, ...]) -> list[Mistake]:
    """The wrongly classified images with the largest losses, first the largest."""
    wrong = np.flatnonzero(scores.predicted != scores.labels)
    # A loss that is no number is the worst of all.
    losses = np.nan_to_num(scores.losses[wrong], nan=np.inf)
    worst = wrong[np.argsort(-losses, kind="stable")[:_WORST]]
    return [
        Mistake(
            pictures.photograph(split.images[index]),
            int(index),
            names[scores.labels[index]],
            names[scores.predicted[index]],
            float(scores.probabilities[index, scores.predicted[index]]),
            float(scores.probabilities[index, scores.labels[index]]),
        )
        for index in worst
    ]
