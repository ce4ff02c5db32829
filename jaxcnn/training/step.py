"""One pure step of training, and one of evaluation."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxcnn.layers import Layer, Params, State
from jaxcnn.training.augmentation import Augment
from jaxcnn.training.state import TrainState


class Batch(NamedTuple):
    """Some examples.

    Attributes:
        images: ``(n, h, w, c)``, float, in [0, 1].
        labels: ``(n,)``, int.
    """

    images: jax.Array
    labels: jax.Array


NEVER = 2**31 - 1
"""The step at which nothing has happened."""

TOP = 5
"""How many guesses the top-5 accuracy allows."""


class Totals(NamedTuple):
    """Sums over examples and steps, never means of means.

    Attributes:
        loss: the sum of the examples' losses.
        correct: how many examples were classified rightly.
        examples: how many there were.
        top5: how many have their class among the five with the largest logits.
        steps: how many optimizer steps were taken.
        gradient_norm: the sum of the steps' gradient norms, before any clipping.
        skipped: how many steps were left out because they were not finite.
        nonfinite: the first step that was not finite, counted from 0; `NEVER` if all were.
    """

    loss: jax.Array
    correct: jax.Array
    examples: jax.Array
    top5: jax.Array
    steps: jax.Array
    gradient_norm: jax.Array
    skipped: jax.Array
    nonfinite: jax.Array

    @classmethod
    def zero(cls) -> "Totals":
        """The sums over no examples."""
        real, whole = ("loss", "gradient_norm"), ("correct", "examples", "top5", "steps", "skipped")
        return cls(
            **{name: jnp.zeros((), jnp.float32) for name in real},
            **{name: jnp.zeros((), jnp.int32) for name in whole},
            nonfinite=jnp.full((), NEVER, jnp.int32),
        )

    def __add__(self, other: Any) -> "Totals":
        sums = Totals(*(mine + its for mine, its in zip(self, other, strict=True)))
        return sums._replace(nonfinite=jnp.minimum(self.nonfinite, other.nonfinite))


Step = Callable[[TrainState, Batch], tuple[TrainState, Totals]]


def totals_of(
    logits: jax.Array,
    labels: jax.Array,
    mask: jax.Array | None = None,
    *,
    targets: jax.Array | None = None,
) -> Totals:
    """The sums for one batch of logits ``(n, classes)``, over the examples that ``mask`` keeps.

    With ``targets``, a distribution over the classes for each example, the loss is that of these
    rather than of the labels.
    """
    if targets is None:
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    else:
        losses = optax.softmax_cross_entropy(logits, targets)
    right = logits.argmax(-1) == labels
    # Written so that a NaN is never among the first five.
    ahead = ~(logits <= jnp.take_along_axis(logits, labels[:, None], -1))
    keep = jnp.ones(labels.shape, bool) if mask is None else mask
    return Totals.zero()._replace(
        loss=jnp.where(keep, losses, 0).sum(),
        correct=(right & keep).sum(dtype=jnp.int32),
        examples=keep.sum(dtype=jnp.int32),
        top5=((ahead.sum(-1) < TOP) & keep).sum(dtype=jnp.int32),
    )


def make_train_step(
    model: Layer,
    optimizer: optax.GradientTransformation,
    noise_key: jax.Array,
    *,
    augment: Augment | None = None,
    skip_nonfinite: bool = False,
) -> Step:
    """The step ``(state, batch) -> (state, totals)``: softmax cross-entropy, its gradient, optax.

    Args:
        model: the network; it gives logits.
        optimizer: the optax transformation.
        noise_key: dropout and its like draw from ``fold_in(noise_key, state.step)``.
        augment: changes the images, and with mixup the labels; then the label that counts as
            right is the one that has the larger share.
        skip_nonfinite: whether a step whose loss, gradient or new parameters are not finite
            changes nothing but the count of steps; it adds nothing to the sums but to ``skipped``.

    Returns:
        A pure function. The totals are those of the parameters *before* the step, as in a
        running training accuracy.
    """

    def mean_loss(
        params: Params,
        model_state: State,
        batch: Batch,
        targets: jax.Array | None,
        key: jax.Array,
    ) -> tuple[jax.Array, tuple[State, Totals]]:
        logits, model_state = model.apply(params, model_state, batch.images, train=True, key=key)
        totals = totals_of(logits, batch.labels, targets=targets)
        return totals.loss / batch.labels.shape[0], (model_state, totals)

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Totals]:
        key = jax.random.fold_in(noise_key, state.step)
        targets = None
        if augment is not None:
            images, targets = augment(key, batch.images, batch.labels)
            batch = Batch(images, targets.argmax(-1).astype(batch.labels.dtype))
        gradient = jax.grad(mean_loss, has_aux=True)
        grads, (model_state, totals) = gradient(
            state.params, state.model_state, batch, targets, key
        )
        # Adam of optax raises a float to the power of its integer count, which promotes.
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        norm = optax.tree.norm(grads)
        finite = jnp.isfinite(totals.loss + norm + optax.tree.norm(params))
        totals = totals._replace(
            steps=jnp.ones((), jnp.int32),
            gradient_norm=norm.astype(jnp.float32),
            nonfinite=jnp.where(finite, NEVER, state.step),
        )
        new = TrainState(params, model_state, opt_state, state.step + 1)
        if skip_nonfinite:
            new, totals = _unless(finite, new, totals, state)
        return new, totals

    return step


def _unless(
    finite: jax.Array, new: TrainState, totals: Totals, old: TrainState
) -> tuple[TrainState, Totals]:
    """The step where it is finite, else the old state with one more step counted."""
    nothing = Totals.zero()._replace(skipped=jnp.ones((), jnp.int32), nonfinite=old.step)
    kept = old._replace(step=new.step)
    state, totals = jax.tree.map(
        lambda mine, its: jnp.where(finite, mine, its), (new, totals), (kept, nothing)
    )
    return state, totals
