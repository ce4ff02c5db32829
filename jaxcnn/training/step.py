"""One step of training as a pure function: loss, gradient, update."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from jaxcnn.layers import Layer, Params, State
from jaxcnn.training.augmentation import Augment
from jaxcnn.training.averaging import averaged
from jaxcnn.training.losses import Loss, cross_entropy
from jaxcnn.training.precision import FLOAT32, Precision
from jaxcnn.training.state import Batch, TrainState
from jaxcnn.training.totals import NEVER, Metrics, Totals, totals_of

Step = Callable[[TrainState, Batch], tuple[TrainState, Totals]]


def make_train_step(
    model: Layer,
    optimizer: optax.GradientTransformation,
    noise_key: jax.Array,
    *,
    loss: Loss = cross_entropy,
    metrics: Metrics | None = None,
    augment: Augment | None = None,
    precision: Precision = FLOAT32,
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
        precision: the type that the model computes in.
        skip_nonfinite: whether a step whose loss, gradient or new parameters are not finite
            changes nothing but the count of steps; it adds nothing to the sums but to ``skipped``.
        average: the decay of the state's moving average, if it has one.

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
        params, images = precision.lowered((params, batch.images))
        logits, model_state = model.apply(params, model_state, images, train=True, key=key)
        logits = logits.astype(jnp.float32) if logits.dtype.itemsize < 4 else logits
        totals = totals_of(logits, batch.labels, targets=targets, loss=loss, metrics=metrics)
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
        mean = state.average
        if average is not None and mean is not None:
            mean = averaged(mean, params, model_state, average, state.step)
        new = TrainState(params, model_state, opt_state, state.step + 1, mean)
        return _unless(finite, new, totals, state) if skip_nonfinite else (new, totals)

    return step


def _unless(
    finite: jax.Array, new: TrainState, totals: Totals, old: TrainState
) -> tuple[TrainState, Totals]:
    """The step where it is finite, else the old state with one more step counted."""
    nothing = jax.tree.map(jnp.zeros_like, totals)
    nothing = nothing._replace(skipped=jnp.ones((), jnp.int32), nonfinite=old.step)
    kept = old._replace(step=new.step)
    state, totals = jax.tree.map(
        lambda mine, its: jnp.where(finite, mine, its), (new, totals), (kept, nothing)
    )
    return state, totals
