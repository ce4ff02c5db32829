"""All windows written out as the rows of one matrix, then one matrix product."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.engine.problem import Problem
from jaxcnn.engine.products import matmul

GROUPED = False
"""Whether it convolves groups of channels by itself."""

SPACED = False
"""Whether it convolves pixels that stand apart by itself."""


def refuses(problem: Problem) -> str:
    """Why the algorithm cannot do a case: it can do every one."""
    return ""


def scratch(problem: Problem) -> int:
    """How many numbers are written in between: the windows."""
    return problem.positions * problem.taps * problem.channels


def run(problem: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The convolution."""
    x = problem.pad(x)
    problem = problem.unpadded()
    taps = [problem.tap(x, place) for place in np.ndindex(*problem.window)]
    patches = jnp.stack(taps, axis=-2)
    return matmul(patches, kernel.reshape(-1, *kernel.shape[-2:]))
