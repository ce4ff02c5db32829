"""What a trained network says of every test image."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float32, Int32, Integer

from jaxcnn.data import Split
from jaxcnn.layers import Params, State
from jaxcnn.runs import Trained

_BATCH = 500
"""Test images that are scored at once; the outcome does not depend on it."""


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

    @jax.jit
    def logits_of(params: Params, state: State, images: jax.Array) -> jax.Array:
        return trained.model.apply(params, state, images)[0]

    size = min(_BATCH, len(split))
    pieces = []
    for start in range(0, len(split), size):
        images = split.images[start : start + size]
        # One compiled program: the last batch is filled up, and the filling thrown away.
        filled = np.concatenate([images, np.zeros_like(split.images[: size - len(images)])])
        logits = logits_of(trained.params, trained.model_state, jnp.asarray(filled))
        pieces.append(np.asarray(logits, np.float32)[: len(images)])
    logits = np.concatenate(pieces)
    labels: Int32[np.ndarray, " n"] = np.asarray(split.labels)
    return Scores(
        labels,
        logits.argmax(-1),
        np.asarray(jax.nn.softmax(logits)),
        np.asarray(optax.softmax_cross_entropy_with_integer_labels(jnp.asarray(logits), labels)),
    )
