"""What changes while a model is trained, and the random streams that it draws from."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxcnn.layers import Layer, Params, State
from jaxcnn.training.averaging import Average
from jaxcnn.training.loss_scale import LossScale, first_scale


class Batch(NamedTuple):
    """Some examples.

    Attributes:
        images: ``(n, h, w, c)``, float, in [0, 1].
        labels: ``(n,)``, int.
    """

    images: jax.Array
    labels: jax.Array


class TrainState(NamedTuple):
    """Everything that a step reads and writes.

    Attributes:
        params: the model's parameters.
        model_state: the model's running statistics.
        opt_state: the optimizer's moments and counts.
        step: the number of optimizer steps taken, int32.
        average: the moving average of parameters and statistics; ``None`` where none is kept.
        loss_scale: what the loss is multiplied by; ``None`` where it is not.
    """

    params: Params
    model_state: State
    opt_state: optax.OptState
    step: jax.Array
    average: Average | None = None
    loss_scale: LossScale | None = None

    @property
    def used(self) -> Average:
        """The parameters and statistics that are scored and given back: the averages, if any."""
        return self.average or Average(self.params, self.model_state)


class Keys(NamedTuple):
    """One random stream for each use, so that no use disturbs another.

    Attributes:
        init: draws the parameters.
        order: draws the order of the examples, by the number of the epoch.
        noise: draws dropout and augmentation, by the number of the step.
    """

    init: jax.Array
    order: jax.Array
    noise: jax.Array


def keys_of(seed: int) -> Keys:
    """The random streams that follow from a seed."""
    return Keys(*jax.random.split(jax.random.key(seed), 3))


def init_state(
    model: Layer,
    optimizer: optax.GradientTransformation,
    key: jax.Array,
    input_shape: Sequence[int],
    given: Mapping[str, Any] | None = None,
    average: bool = False,
    scales_loss: bool = False,
) -> TrainState:
    """A fresh state: drawn parameters, step zero.

    Args:
        model: the network.
        optimizer: the optax transformation.
        key: draws the parameters.
        input_shape: the shape of a batch, the batch axis included.
        given: arrays to take in place of drawn ones, by their paths (``conv1/kernel``), those of
            running statistics with ``state/`` before.
        average: whether a moving average is kept.
        scales_loss: whether the loss is scaled, as float16 needs it.
    """
    params, model_state = model.init(key, input_shape)
    if given:
        params = _with_given(params, given, "")
        model_state = _with_given(model_state, given, "state/")
    # A copy: a step reuses the memory of each array of the state.
    mean = jax.tree.map(jnp.copy, Average(params, model_state)) if average else None
    step, scale = jnp.zeros((), jnp.int32), first_scale() if scales_loss else None
    return TrainState(params, model_state, optimizer.init(params), step, mean, scale)


def _with_given(tree: Any, given: Mapping[str, Any], prefix: str) -> Any:
    """Nested dicts with the given arrays; copies of them, since a step reuses their memory."""

    def taken(path: Any, leaf: jax.Array) -> jax.Array:
        name = prefix + "/".join(step.key for step in path)
        return jnp.array(given.get(name, leaf), leaf.dtype, copy=True)

    return jax.tree_util.tree_map_with_path(taken, tree)
