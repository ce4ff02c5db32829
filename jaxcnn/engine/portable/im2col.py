"""Convolution as one matrix product: every window is written to memory as a row (im2col)."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.engine.algorithm import Algorithm, refuses_nothing
from jaxcnn.engine.portable.elements import element, with_padding
from jaxcnn.engine.portable.products import matmul
from jaxcnn.engine.problem import Problem


def scratch(problem: Problem) -> int:
    """How many numbers are written to memory: the windows."""
    return problem.positions * problem.taps * problem.channels


def run(problem: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Compute the convolution."""
    problem, x = with_padding(problem, x)
    taps = [element(problem, x, place) for place in np.ndindex(*problem.window)]
    patches = jnp.stack(taps, axis=-2)
    return matmul(patches, kernel.reshape(-1, *kernel.shape[-2:]))


IM2COL = Algorithm("im2col", run, None, refuses_nothing, scratch)
