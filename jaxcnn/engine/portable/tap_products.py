"""Convolution as one matrix product per element ("tap") of the window, added up.

Only the pixels under each tap are copied. For a window of one element nothing is: its one tap is
the image.
"""

import jax
import numpy as np
from jax import lax

from jaxcnn.engine.algorithm import Algorithm, refuses_nothing
from jaxcnn.engine.portable.elements import element, with_padding
from jaxcnn.engine.portable.products import matmul
from jaxcnn.engine.problem import Problem


def scratch(problem: Problem) -> int:
    """How many numbers are written to memory."""
    if problem.taps == 1 and set(problem.stride) == {1}:
        return 0
    return problem.positions * (problem.channels + 2 * problem.features)


def run(problem: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Compute the convolution."""
    problem, x = with_padding(problem, x)
    total = None
    for place in np.ndindex(*problem.window):
        tap = element(problem, x, place)
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


TAP_PRODUCTS = Algorithm("tap_products", run, None, refuses_nothing, scratch)
