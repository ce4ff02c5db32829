"""Scores of a model on every example of a split, in batches of one compiled program."""

import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float32, Integer

from jaxcnn.data import Split
from jaxcnn.layers import Layer, Params, State
from jaxcnn.training.losses import Loss, cross_entropy
from jaxcnn.training.state import Batch
from jaxcnn.training.totals import Metrics, Totals, totals_of

EVALUATION_BATCH = 1000
"""Examples that are scored at once; the accuracy does not depend on it."""


class Score(NamedTuple):
    """What a model makes of the examples of a split, on the host.

    Attributes:
        totals: the sums over them.
        guesses: the class that it gives each of them, int32, ``(n,)``.
    """

    totals: Totals
    guesses: Integer[np.ndarray, "... n"]


def guesses_of(logits: jax.Array) -> jax.Array:
    """The classes with the largest logits, int32, ``(n,)``."""
    return logits.argmax(-1).astype(jnp.int32)


def make_evaluation(
    model: Layer,
    count: int,
    batch_size: int,
    *,
    loss: Loss = cross_entropy,
    metrics: Metrics | None = None,
    keep: Callable[[jax.Array], jax.Array] = guesses_of,
    share: Callable[[Batch], Batch] = lambda batch: batch,
) -> Callable[[Params, State, Batch], tuple[Totals, jax.Array]]:
    """The function ``(params, model_state, data) -> (totals, kept)`` over all of ``data``.

    The set is padded to whole batches, and a mask keeps the padding out of the sums.

    Args:
        model: the network.
        count: the number of examples.
        batch_size: examples per batch.
        loss: one number for each example.
        metrics: further ones.
        keep: what is kept of the logits of a batch, one row for each example.
        share: spreads the examples of a batch over devices.
    """
    size = min(batch_size, count)
    batches = -(-count // size)

    def evaluate(params: Params, model_state: State, data: Batch) -> tuple[Totals, jax.Array]:
        def body(totals: Totals, start: jax.Array) -> tuple[Totals, jax.Array]:
            positions = start + jnp.arange(size)
            mask = positions < count
            indices = jnp.where(mask, positions, 0)
            images, labels = share(Batch(data.images[indices], data.labels[indices]))
            logits, _ = model.apply(params, model_state, images)
            more = totals_of(logits, labels, mask, loss=loss, metrics=metrics)
            return totals + more, keep(logits)

        starts = size * jnp.arange(batches)
        totals, kept = lax.scan(body, Totals.zero(metrics), starts)
        return totals, kept.reshape(-1, *kept.shape[2:])[:count]

    return evaluate


def score_of(
    model: Layer,
    params: Params,
    state: State,
    split: Split,
    *,
    loss: Loss = cross_entropy,
    metrics: Metrics | None = None,
) -> tuple[Score, float]:
    """The score of a model on every example of a split.

    Args:
        model: the network.
        params: its parameters.
        state: its running statistics.
        split: the examples.
        loss: one number for each example.
        metrics: further ones.

    Returns:
        The score, and how many seconds the scoring took, without the compilation.
    """
    data = Batch(jnp.asarray(split.images), jnp.asarray(split.labels))
    evaluate = make_evaluation(model, len(split), EVALUATION_BATCH, loss=loss, metrics=metrics)
    program = jax.jit(evaluate).lower(params, state, data).compile()
    begun = time.perf_counter()
    score = Score(*jax.device_get(program(params, state, data)))
    return score, time.perf_counter() - begun


def logits_of(
    model: Layer, params: Params, state: State, images: Float32[np.ndarray, "n h w c"]
) -> Float32[np.ndarray, "n k"]:
    """The logits of every image, for whoever wants more than sums.

    Args:
        model: the network.
        params: its parameters.
        state: its running statistics.
        images: any number of them.

    Returns:
        One row for each image, in their order.
    """
    count = max(len(images), 1)
    some = images if len(images) else np.zeros((1, *images.shape[1:]), np.float32)
    evaluate = make_evaluation(model, count, EVALUATION_BATCH, keep=lambda logits: logits)
    data = Batch(jnp.asarray(some), jnp.zeros(count, jnp.int32))
    _, logits = jax.jit(evaluate)(params, state, data)
    return np.asarray(logits, np.float32)[: len(images)]


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
