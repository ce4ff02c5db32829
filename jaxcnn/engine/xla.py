"""XLA's own convolution of a problem: for the parts of a larger one that it does best."""

import jax
from jax import lax

from jaxcnn.engine.primitive import convolution
from jaxcnn.engine.problem import Problem

GROUPED = True
"""Whether it convolves groups of channels by itself."""

SPACED = False
"""Whether it convolves pixels that stand apart by itself."""


def refuses(problem: Problem) -> str:
    """Why the algorithm cannot do a case: it can do every one."""
    return ""


def scratch(problem: Problem) -> int:
    """How many numbers are written in between: none that are ours."""
    return 0


def run(problem: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The convolution."""
    rank = problem.rank
    axes = lax.ConvDimensionNumbers(
        (0, rank + 1, *range(1, rank + 1)),
        (rank + 1, rank, *range(rank)),
        (0, rank + 1, *range(1, rank + 1)),
    )
    y: jax.Array = convolution(
        x,
        kernel,
        algorithm="lax",
        window_strides=problem.stride,
        padding=problem.padding,
        lhs_dilation=problem.spacing,
        rhs_dilation=problem.dilation,
        dimension_numbers=axes,
        feature_group_count=problem.groups,
    )
    return y
