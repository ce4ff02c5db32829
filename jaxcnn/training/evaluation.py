"""Scores of a model on every test image: the sums, and what was taken for what."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Integer

from jaxcnn.data import Dataset
from jaxcnn.layers import Layer
from jaxcnn.runs.folder import RunFolder, write_whole
from jaxcnn.training.epoch import compile_evaluation
from jaxcnn.training.state import TrainState
from jaxcnn.training.step import TOP, Batch, Totals

EVALUATION_BATCH = 1000
"""Test images that are scored at once; the accuracy does not depend on it."""


class Score(NamedTuple):
    """What a model makes of the test images.

    Attributes:
        totals: the sums over them.
        guesses: the class that it gives each of them, ``(n,)``.
    """

    totals: Totals
    guesses: Integer[np.ndarray, " n"]


def scorer(model: Layer, state: TrainState, data: Dataset) -> Callable[[TrainState], Score]:
    """A compiled function from a state to the score on every test image."""
    test_set = Batch(jnp.asarray(data.test.images), jnp.asarray(data.test.labels))
    program = compile_evaluation(model, state.params, state.model_state, test_set, EVALUATION_BATCH)

    def score(state: TrainState) -> Score:
        totals, guesses = program(state.params, state.model_state, test_set)
        return Score(totals, np.asarray(guesses))

    return score


def means(prefix: str, totals: Totals, classes: int) -> dict[str, float]:
    """Mean loss and accuracy from sums; top-5 accuracy where there are more than 5 classes."""
    count = int(totals.examples)
    values = {
        f"{prefix}_loss": float(totals.loss) / count,
        f"{prefix}_accuracy": int(totals.correct) / count,
    }
    if classes > TOP:
        values[f"{prefix}_top5_accuracy"] = int(totals.top5) / count
    return values


def confusion_matrix(
    labels: Integer[np.ndarray, " n"], guesses: Integer[np.ndarray, " n"], classes: int
) -> Integer[np.ndarray, "classes classes"]:
    """How many images of each class (row) were taken for each class (column).

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    counts = np.bincount(labels * classes + guesses, minlength=classes**2)
    return counts.reshape(classes, classes)


def by_class(score: Score, data: Dataset) -> dict[str, Any]:
    """Accuracy class by class, and the confusion matrix, as ``evaluation.json`` has them."""
    matrix = confusion_matrix(data.test.labels, score.guesses, data.num_classes)
    images, right = matrix.sum(axis=1), matrix.diagonal()
    return {
        "classes": [
            {
                "name": name,
                "images": int(count),
                "correct": int(hits),
                "accuracy": int(hits) / int(count) if count else None,
            }
            for name, count, hits in zip(data.class_names, images, right, strict=True)
        ],
        "confusion_matrix": matrix.tolist(),
    }


def write_evaluation(folder: RunFolder, facts: dict[str, Any], score: Score, data: Dataset) -> None:
    """Write ``evaluation.json``: ``facts``, the means and what was taken for what."""
    content = {**facts, **means("test", score.totals, data.num_classes), **by_class(score, data)}
    write_whole(folder.evaluation, json.dumps(content) + "\n")
