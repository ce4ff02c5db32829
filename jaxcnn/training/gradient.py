"""The gradient of the mean loss over a batch, computed at once or part by part."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxcnn.layers import Layer, Params, State
from jaxcnn.training.losses import Loss, cross_entropy
from jaxcnn.training.state import Batch
from jaxcnn.training.totals import Metrics, Totals, totals_of


class Gradient(NamedTuple):
    """What a batch has to say.

    Attributes:
        grads: the gradient of the mean loss, times the scale of the loss.
        model_state: the new running statistics.
        totals: the sums over the examples.
    """

    grads: Params
    model_state: State
    totals: Totals


class Given(NamedTuple):
    """A batch as the loss wants it.

    Attributes:
        batch: images and labels.
        targets: what the loss compares with, where that is not the labels.
        key: draws the noise of the layers.
    """

    batch: Batch
    targets: jax.Array | None
    key: jax.Array


GradientOf = Callable[[Params, State, Given, jax.Array | float], Gradient]
"""``(params, model_state, given, scale) -> Gradient``."""


def make_gradient(
    model: Layer,
    *,
    loss: Loss = cross_entropy,
    metrics: Metrics | None = None,
    at_most: int | None = None,
) -> GradientOf:
    """The function that gives the gradient of the mean loss over a batch.

    Args:
        model: the network; it gives logits.
        loss: one number for each example.
        metrics: further ones, for the totals alone.
        at_most: how many examples are computed at once; left out, all of them. Of a larger batch
            the gradients of parts are added, which needs the memory of one part and gives the same
            to rounding, but for layers that look at the batch: a batch normalization normalizes
            each part by itself and moves its running statistics once for each part, and each part
            draws noise of its own.

    Returns:
        A pure function.
    """

    def of_part(
        params: Params, model_state: State, given: Given, scale: jax.Array | float, count: int
    ) -> Gradient:
        def mean_loss(params: Params) -> tuple[jax.Array, tuple[State, Totals]]:
            batch = given.batch
            applied = model.apply(params, model_state, batch.images, train=True, key=given.key)
            logits, new = applied
            logits = logits.astype(jnp.float32) if logits.dtype.itemsize < 4 else logits
            totals = totals_of(
                logits, batch.labels, targets=given.targets, loss=loss, metrics=metrics
            )
            return totals.loss / count * scale, (new, totals)

        grads, (new, totals) = jax.grad(mean_loss, has_aux=True)(params)
        return Gradient(grads, new, totals)

    def gradient(
        params: Params, model_state: State, given: Given, scale: jax.Array | float
    ) -> Gradient:
        count = given.batch.labels.shape[0]
        if at_most is None or count <= at_most:
            return of_part(params, model_state, given, scale, count)

        def add(sums: Gradient, index: jax.Array | int, batch: Batch, targets: Any) -> Gradient:
            part = Given(batch, targets, jax.random.fold_in(given.key, index))
            more = of_part(params, sums.model_state, part, scale, count)
            grads = jax.tree.map(jnp.add, sums.grads, more.grads)
            return Gradient(grads, more.model_state, sums.totals + more.totals)

        nothing = jax.tree.map(jnp.zeros_like, params)
        sums = Gradient(nothing, model_state, Totals.zero(metrics))
        parts = count // at_most
        pieces = (given.batch, given.targets)
        whole = jax.tree.map(lambda leaf: _dealt(leaf, parts, at_most), pieces)
        sums, _ = lax.scan(
            lambda sums, each: (add(sums, each[0], *each[1]), None),
            sums,
            (jnp.arange(parts), whole),
        )
        if not count % at_most:
            return sums
        rest = jax.tree.map(lambda leaf: leaf[parts * at_most :], pieces)
        return add(sums, parts, *rest)

    return gradient


def _dealt(examples: jax.Array, parts: int, size: int) -> jax.Array:
    """The examples dealt out in turn to so many parts of a size; those that remain are left out.

    Devices that share the batch then share each of its parts, and no image changes its device.
    """
    dealt = examples[: size * parts].reshape(size, parts, *examples.shape[1:])
    return dealt.swapaxes(0, 1)
