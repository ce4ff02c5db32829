"""One matrix product per element ("tap") of the window, added up.

Nothing is copied but the taps themselves, which makes it the form for 1x1 windows: their one tap
is the image.
"""

import jax
import numpy as np
from jax import lax

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
    """How many numbers are written in between."""
    if problem.taps == 1 and set(problem.stride) == {1}:
        return 0
    return problem.positions * (problem.channels + 2 * problem.features)


def run(problem: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The convolution."""
    x = problem.pad(x)
    problem = problem.unpadded()
    total = None
    for place in np.ndindex(*problem.window):
        tap = problem.tap(x, place)
        product = matmul(tap[..., None, :], kernel[place][None])
        if total is None:
            total = product
        elif problem.channels == 1:
            total = total + product
        else:
            # One sum at a time: all products at once would have to be kept until the end.
            total = lax.optimization_barrier(total + product)
    assert total is not None
    return total
