"""The predictions of a trained network for every test image."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float32, Int32, Integer

from jaxcnn.data import Split
from jaxcnn.runs import Trained
from jaxcnn.training.evaluation import logits_of


class Predictions(NamedTuple):
    """The predictions of a network for some images, and their labels.

    Attributes:
        labels: the true class of each image, ``(n,)``.
        predicted: the predicted class of each image, ``(n,)``.
        probabilities: the softmax outputs, ``(n, classes)``.
        losses: the cross-entropy of each image, in nats, ``(n,)``.
    """

    labels: Integer[np.ndarray, " n"]
    predicted: Integer[np.ndarray, " n"]
    probabilities: Float32[np.ndarray, "n k"]
    losses: Float32[np.ndarray, " n"]

    @property
    def accuracy(self) -> float:
        """The share of images that are classified correctly."""
        return float((self.predicted == self.labels).mean())


def predict(trained: Trained, split: Split) -> Predictions:
    """The predictions of the network for every image of ``split``."""
    logits = logits_of(trained.model, trained.params, trained.model_state, split.images)
    labels: Int32[np.ndarray, " n"] = np.asarray(split.labels)
    return Predictions(
        labels,
        logits.argmax(-1),
        np.asarray(jax.nn.softmax(logits)),
        np.asarray(optax.softmax_cross_entropy_with_integer_labels(jnp.asarray(logits), labels)),
    )
