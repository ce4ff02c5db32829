"""One step of training as a pure function: loss, gradient, update."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from jaxcnn.layers import Layer
from jaxcnn.training.augmentation import Augment
from jaxcnn.training.averaging import averaged
from jaxcnn.training.gradient import Given, make_gradient
from jaxcnn.training.loss_scale import next_scale
from jaxcnn.training.losses import Loss, cross_entropy
from jaxcnn.training.state import Batch, TrainState
from jaxcnn.training.totals import NEVER, Metrics, Totals

Step = Callable[[TrainState, Batch], tuple[TrainState, Totals]]


def make_train_step(
    model: Layer,
    optimizer: optax.GradientTransformation,
    noise_key: jax.Array,
    *,
    loss: Loss = cross_entropy,
    metrics: Metrics | None = None,
    augment: Augment | None = None,
    at_most: int | None = None,
    skip_nonfinite: bool = False,
    average: float | None = None,
) -> Step:
    """The step ``(state, batch) -> (state, totals)``: the mean loss, its gradient, the update.

    Args:
        model: the network; it gives logits.
        optimizer: the optax transformation.
        noise_key: dropout and its like draw from ``fold_in(noise_key, state.step)``.
        loss: one number for each example.
        metrics: further ones, for the totals alone.
        augment: changes the images, and with mixup the labels; then the label that counts as
            right is the one that has the larger share.
        at_most: how many examples are computed at once, as in `make_gradient`.
        skip_nonfinite: whether a step whose loss, gradient or new parameters are not finite
            changes nothing but the count of steps; it adds nothing to the sums but to ``skipped``.
        average: the decay of the state's moving average, if it has one.

    Returns:
        A pure function. The totals are those of the parameters *before* the step, as in a
        running training accuracy.
    """
    gradient = make_gradient(model, loss=loss, metrics=metrics, at_most=at_most)

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Totals]:
        key = jax.random.fold_in(noise_key, state.step)
        targets = None
        if augment is not None:
            images, targets = augment(key, batch.images, batch.labels)
            batch = Batch(images, targets.argmax(-1).astype(batch.labels.dtype))
        scale = 1.0 if state.loss_scale is None else state.loss_scale.scale
        given = Given(batch, targets, key)
        grads, model_state, totals = gradient(state.params, state.model_state, given, scale)
        if state.loss_scale is not None:
            grads = jax.tree.map(lambda leaf: leaf / scale, grads)
        # Adam of optax raises a float to the power of its integer count, which promotes.
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        norm = optax.tree.norm(grads)
        numbers = totals.loss, norm, optax.tree.norm(params)
        finite = jnp.stack([jnp.isfinite(number) for number in numbers]).all()
        totals = totals._replace(
            steps=jnp.ones((), jnp.int32),
            gradient_norm=norm.astype(jnp.float32),
            nonfinite=jnp.where(finite, NEVER, state.step),
        )
        mean = state.average
        if average is not None and mean is not None:
            mean = averaged(mean, params, model_state, average, state.step)
        new = TrainState(params, model_state, opt_state, state.step + 1, mean, state.loss_scale)
        if state.loss_scale is not None:
            return _scaled(finite, new, totals, state, skip_nonfinite)
        return _unless(~finite, new, totals, state) if skip_nonfinite else (new, totals)

    return step


def _scaled(
    finite: jax.Array, new: TrainState, totals: Totals, old: TrainState, skip_nonfinite: bool
) -> tuple[TrainState, Totals]:
    """The step of a scaled loss: left out where a smaller scale may still help, which is taken."""
    now = old.loss_scale
    assert now is not None
    overflow = ~finite & (now.scale > 1)
    totals = totals._replace(nonfinite=jnp.where(overflow, NEVER, totals.nonfinite))
    skipped = ~finite if skip_nonfinite else overflow
    state, totals = _unless(skipped, new, totals, old)
    return state._replace(loss_scale=next_scale(now, finite)), totals


def _unless(
    skipped: jax.Array, new: TrainState, totals: Totals, old: TrainState
) -> tuple[TrainState, Totals]:
    """The step, unless it is left out: then the old state with one more step counted."""
    nothing = jax.tree.map(jnp.zeros_like, totals)
    nothing = nothing._replace(skipped=jnp.ones((), jnp.int32), nonfinite=totals.nonfinite)
    kept = old._replace(step=new.step)
    state, totals = jax.tree.map(
        lambda mine, its: jnp.where(skipped, its, mine), (new, totals), (kept, nothing)
    )
    return state, totals
