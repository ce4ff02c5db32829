"""Averages a model's parameters over the steps of its training (EMA)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxcnn.layers import Params, State


class Average(NamedTuple):
    """The moving average of what a model learns.

    Attributes:
        params: of the parameters.
        model_state: of the running statistics.
    """

    params: Params
    model_state: State


def averaged(
    average: Average, params: Params, model_state: State, decay: float, step: jax.Array
) -> Average:
    r"""Add the parameters after a step to the exponential moving average.

    It is :math:`a \leftarrow d\,a + (1 - d)\,p` with :math:`d = \min(decay, (1 + t)/(10 + t))`
    after :math:`t` steps, so that the first parameters, which are noise, are soon forgotten.

    Args:
        average: of the steps before.
        params: the parameters after the step.
        model_state: the running statistics after the step; what is not a float is taken over.
        decay: the share of the old average, below 1.
        step: the number of steps before this one.

    Returns:
        The new average.

    >>> old = Average({"scale": jnp.zeros(1)}, {})
    >>> averaged(old, {"scale": jnp.ones(1)}, {}, 0.999, jnp.int32(0)).params["scale"]
    Array([0.9], dtype=float32)

    Reference: B. T. Polyak, A. B. Juditsky, Acceleration of Stochastic Approximation by Averaging,
    1992; the rising decay is that of TensorFlow's ``ExponentialMovingAverage``.
    """
    count = step.astype(jnp.float32)
    share = jnp.minimum(decay, (1 + count) / (10 + count))

    def mixed(old: jax.Array, new: jax.Array) -> jax.Array:
        if not jnp.issubdtype(new.dtype, jnp.inexact):
            return new
        return old + (1 - share).astype(old.dtype) * (new - old)

    made: Average = jax.tree.map(mixed, average, Average(params, model_state))
    return made
