"""What changes while a model is trained."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxcnn.layers import Layer, Params, State


class TrainState(NamedTuple):
    """Everything that a step reads and writes.

    Attributes:
        params: the model's parameters.
        model_state: the model's running statistics.
        opt_state: the optimizer's moments and counts.
        step: the number of optimizer steps taken, int32.
    """

    params: Params
    model_state: State
    opt_state: optax.OptState
    step: jax.Array


class Keys(NamedTuple):
    """One random stream for each use, so that no use disturbs another."""

    init: jax.Array
    order: jax.Array
    noise: jax.Array


def keys_of(seed: int) -> Keys:
    """The random streams of a run."""
    return Keys(*jax.random.split(jax.random.key(seed), 3))


def init_state(
    model: Layer,
    optimizer: optax.GradientTransformation,
    key: jax.Array,
    input_shape: Sequence[int],
) -> TrainState:
    """A fresh state: drawn parameters, step zero.

    Args:
        model: the network.
        optimizer: the optax transformation.
        key: draws the parameters.
        input_shape: the shape of a batch, the batch axis included.
    """
    params, model_state = model.init(key, input_shape)
    return TrainState(params, model_state, optimizer.init(params), jnp.zeros((), jnp.int32))


def tree_sha256(tree: Any) -> str:
    """A digest of every array in ``tree``: its path, dtype, shape and bytes."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.asarray(leaf)
        digest.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
