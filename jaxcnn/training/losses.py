"""Losses: one number for each example, so that sums over any batches add up exactly."""

from collections.abc import Callable

import jax
import optax
from jaxtyping import Array, Float, Int

Labels = Int[Array, " n"] | Float[Array, "n classes"]
"""The class of each example, or a distribution over the classes where labels are mixed."""

Loss = Callable[[jax.Array, jax.Array], jax.Array]
"""``(logits (n, classes), labels) -> losses (n,)``; `Labels` says what labels are."""


def cross_entropy(logits: Float[Array, "n classes"], labels: Labels) -> Float[Array, " n"]:
    """The softmax cross-entropy of each example, in nats: −Σₖ tₖ log softmax(z)ₖ.

    Args:
        logits: ``(n, classes)``.
        labels: the class of each example ``(n,)``, or a distribution over the classes
            ``(n, classes)``, as mixup makes them.

    Returns:
        One number for each example, ``(n,)``.

    >>> cross_entropy(jnp.zeros((1, 4)), jnp.array([2]))
    Array([1.3862944], dtype=float32)
    """
    if labels.ndim == 1:
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    return optax.softmax_cross_entropy(logits, labels)
