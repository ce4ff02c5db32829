"""What a trained network says of every test image."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float32, Int32, Integer

from jaxcnn.data import Split
from jaxcnn.runs import Trained
from jaxcnn.training.evaluation import logits_of


class Scores(NamedTuple):
    """What a network says of some images.

    Attributes:
        labels: what they show, ``(n,)``.
        predicted: the class it takes them for, ``(n,)``.
        probabilities: its softmax outputs, ``(n, classes)``.
        losses: the cross-entropy of each, in nats, ``(n,)``.
    """

    labels: Integer[np.ndarray, " n"]
    predicted: Integer[np.ndarray, " n"]
    probabilities: Float32[np.ndarray, "n k"]
    losses: Float32[np.ndarray, " n"]

    @property
    def accuracy(self) -> float:
        """The share of images that it takes for what they are."""
        return float((self.predicted == self.labels).mean())


def score(trained: Trained, split: Split) -> Scores:
    """What the network says of every image of ``split``."""
    logits = logits_of(trained.model, trained.params, trained.model_state, split.images)
    labels: Int32[np.ndarray, " n"] = np.asarray(split.labels)
    return Scores(
        labels,
        logits.argmax(-1),
        np.asarray(jax.nn.softmax(logits)),
        np.asarray(optax.softmax_cross_entropy_with_integer_labels(jnp.asarray(logits), labels)),
    )
