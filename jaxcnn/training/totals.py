"""Sums over examples and steps, from which means follow; never means of means."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Num

from jaxcnn.training.losses import Loss, cross_entropy

NEVER = 2**31 - 1
"""The step at which nothing has happened."""

TOP = 5
"""How many guesses the top-5 accuracy allows."""

Sum = Num[Any, "..."]
"""One number, or one for each member of a sweep; of NumPy once it is on the host."""

Metrics = Mapping[str, Callable[[jax.Array, jax.Array], jax.Array]]
"""Further metrics by name, each ``(logits, labels) -> (n,)``, one number for each example."""


class Totals(NamedTuple):
    """Sums over examples and steps.

    Attributes:
        loss: the sum of the examples' losses.
        correct: how many examples were classified rightly.
        examples: how many there were.
        top5: how many have their class among the five with the largest logits.
        steps: how many optimizer steps were taken.
        gradient_norm: the sum of the steps' gradient norms, before any clipping.
        skipped: how many steps were left out because they were not finite.
        nonfinite: the first step that was not finite, counted from 0; `NEVER` if all were.
        further: the sums of further metrics by name.
    """

    loss: Sum
    correct: Sum
    examples: Sum
    top5: Sum
    steps: Sum
    gradient_norm: Sum
    skipped: Sum
    nonfinite: Sum
    further: dict[str, Sum]

    @classmethod
    def zero(cls, metrics: Metrics | None = None) -> "Totals":
        """The sums over no examples."""
        real, whole = ("loss", "gradient_norm"), ("correct", "examples", "top5", "steps", "skipped")
        return cls(
            **{name: jnp.zeros((), jnp.float32) for name in real},
            **{name: jnp.zeros((), jnp.int32) for name in whole},
            nonfinite=jnp.full((), NEVER, jnp.int32),
            further={name: jnp.zeros((), jnp.float32) for name in metrics or {}},
        )

    def __add__(self, other: Any) -> "Totals":
        sums = Totals(*jax.tree.map(lambda mine, its: mine + its, tuple(self), tuple(other)))
        return sums._replace(nonfinite=jnp.minimum(self.nonfinite, other.nonfinite))


def totals_of(
    logits: jax.Array,
    labels: jax.Array,
    mask: jax.Array | None = None,
    *,
    targets: jax.Array | None = None,
    loss: Loss = cross_entropy,
    metrics: Metrics | None = None,
) -> Totals:
    """The sums for one batch of logits ``(n, classes)``.

    Args:
        logits: ``(n, classes)``.
        labels: the class of each example, ``(n,)``.
        mask: which examples count; all, where it is left out.
        targets: what the loss compares with, where that is not the labels: a distribution over
            the classes for each example, ``(n, classes)``.
        loss: one number for each example.
        metrics: further ones.
    """
    keep = jnp.ones(labels.shape, bool) if mask is None else mask
    right = logits.argmax(-1).astype(labels.dtype) == labels
    # Written so that a NaN is never among the first five.
    ahead = ~(logits <= jnp.take_along_axis(logits, labels[:, None], -1))

    def summed(values: jax.Array) -> jax.Array:
        return jnp.where(keep, values, 0).sum(dtype=jnp.float32)

    return Totals.zero()._replace(
        loss=summed(loss(logits, labels if targets is None else targets)),
        correct=(right & keep).sum(dtype=jnp.int32),
        examples=keep.sum(dtype=jnp.int32),
        top5=((ahead.sum(-1) < TOP) & keep).sum(dtype=jnp.int32),
        further={name: summed(f(logits, labels)) for name, f in (metrics or {}).items()},
    )


def means(prefix: str, totals: Totals, classes: int) -> dict[str, float]:
    """Mean loss, accuracy and further metrics from the sums of one model, by name.

    Args:
        prefix: what the names begin with, such as ``"test"``.
        totals: sums on the host.
        classes: with more than five there is a top-5 accuracy, too.
    """
    # Where every step was left out there are no examples, and the sums are zero.
    count = max(int(totals.examples), 1)
    values = {
        f"{prefix}_loss": float(totals.loss) / count,
        f"{prefix}_accuracy": int(totals.correct) / count,
    }
    if classes > TOP:
        values[f"{prefix}_top5_accuracy"] = int(totals.top5) / count
    return values | {f"{prefix}_{name}": float(s) / count for name, s in totals.further.items()}
