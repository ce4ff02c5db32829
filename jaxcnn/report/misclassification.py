"""The confusion matrix, the recall and precision of each class, and the worst single images."""

from typing import NamedTuple

import numpy as np

from jaxcnn.data import Split
from jaxcnn.report import pictures
from jaxcnn.report.predictions import Predictions
from jaxcnn.training.evaluation import confusion_matrix

MOST_CELLS = 20
"""Up to this many classes the matrix is a table with numbers; with more it is a picture."""

_WORST = 24
_PAIRS = 6


class Cell(NamedTuple):
    """One cell of the confusion matrix.

    Attributes:
        images: how many images of the row's class were classified as the column's.
        share: the strength of the colour, 0 to 1.
        right: whether the cell is on the diagonal.
        missed: whether it is, and no image of its class is classified correctly.
        description: the cell in words.
    """

    images: int
    share: float
    right: bool
    missed: bool
    description: str


class ClassMetrics(NamedTuple):
    """The recall and precision of one class; a ratio without a denominator is ``None``."""

    name: str
    images: int
    recall: float | None
    precision: float | None


class ConfusedPair(NamedTuple):
    """Two classes that are confused: images of ``actual`` are classified as ``predicted``."""

    actual: str
    predicted: str
    images: int
    share: float


class Confusion(NamedTuple):
    """The confusion matrix and what follows from it.

    Attributes:
        rows: the cells, by class and by predicted class; empty if there are too many.
        picture: the matrix as an image; ``None`` if there are cells.
        classes: recall and precision of each class.
        pairs: the pairs that are confused most often, the most frequent first.
    """

    rows: list[list[Cell]]
    picture: str | None
    classes: list[ClassMetrics]
    pairs: list[ConfusedPair]


class Misclassified(NamedTuple):
    """A misclassified image; ``place`` is its index in the test set."""

    picture: str
    place: int
    actual: str
    predicted: str
    predicted_probability: float
    actual_probability: float


def confusion_of(predictions: Predictions, names: tuple[str, ...]) -> Confusion:
    """The confusion matrix over all images, as the page shows it."""
    counts = confusion_matrix(predictions.labels, predictions.predicted, len(names))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    right = np.eye(len(names), dtype=bool)
    # Errors are rare beside correct predictions: take the root, the largest in full colour.
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


def _classes(counts: np.ndarray, names: tuple[str, ...]) -> list[ClassMetrics]:
    hits, actual, predicted = counts.diagonal(), counts.sum(1), counts.sum(0)
    return [
        ClassMetrics(
            name,
            int(actual[index]),
            float(hits[index] / actual[index]) if actual[index] else None,
            float(hits[index] / predicted[index]) if predicted[index] else None,
        )
        for index, name in enumerate(names)
    ]


def _pairs(wrong: np.ndarray, shares: np.ndarray, names: tuple[str, ...]) -> list[ConfusedPair]:
    order = np.argsort(-wrong, axis=None, kind="stable")[:_PAIRS]
    found = [divmod(int(position), len(names)) for position in order]
    return [
        ConfusedPair(names[row], names[column], int(wrong[row, column]), float(shares[row, column]))
        for row, column in found
        if wrong[row, column]
    ]


def worst_misclassified(
    predictions: Predictions, split: Split, names: tuple[str, ...]
) -> list[Misclassified]:
    """The misclassified images with the largest losses, the largest first."""
    wrong = np.flatnonzero(predictions.predicted != predictions.labels)
    # A NaN is the largest loss of all.
    losses = np.nan_to_num(predictions.losses[wrong], nan=np.inf)
    worst = wrong[np.argsort(-losses, kind="stable")[:_WORST]]
    return [
        Misclassified(
            pictures.photograph(split.images[index]),
            int(index),
            names[predictions.labels[index]],
            names[predictions.predicted[index]],
            float(predictions.probabilities[index, predictions.predicted[index]]),
            float(predictions.probabilities[index, predictions.labels[index]]),
        )
        for index in worst
    ]
