"""Winograd's convolution in C++ (``native/winograd.h``), for windows of 3×3.

Its transformations stay inside of blocks that fit a core's cache. It makes a quarter of the
products of a direct sum, and errors that are a few times as large.

See `jaxcnn.engine.portable.winograd` for the method.
"""

import math

import jax

from jaxcnn.engine import direct
from jaxcnn.engine.algorithm import Algorithm
from jaxcnn.engine.portable import winograd
from jaxcnn.engine.problem import Problem
from jaxcnn.engine.row_packing import LANES


def refuses(problem: Problem) -> str:
    """The reason why the algorithm cannot compute a problem; an empty string where it can."""
    if problem.rank != 2:
        return "it knows two spatial axes only"
    if problem.input_dilated or problem.groups > 1:
        return "it knows neither an input dilation nor groups"
    if problem.channels % LANES or problem.features % LANES:
        return f"the channels and the features are not multiples of {LANES}"
    return winograd.refuses(problem) or direct.refuses(problem)


def pays(problem: Problem) -> bool:
    """Whether it is faster than direct sums.

    Results beside the images are computed for nothing, and so are the windows' values where there
    are too few tiles to use them for.
    """
    tiles = math.prod(-(-n // winograd.TILE) for n in problem.out)
    filled = math.prod(problem.out) / (tiles * winograd.TILE**problem.rank)
    return filled >= 0.5 and tiles * problem.batch >= 8


def run(problem: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Compute the convolution."""
    return direct.called("jaxcnn_winograd", problem, problem.result_shape, x, kernel)


def gradient(problem: Problem, x: jax.Array, cotangent: jax.Array) -> jax.Array:
    """Compute the gradient in the kernel."""
    shape = problem.kernel_shape
    return direct.called("jaxcnn_winograd_gradient", problem, shape, x, cotangent)


# Several groups would be given to `run` one by one under `jax.vmap`, for which it has no rule.
WINOGRAD_TILES = Algorithm("winograd_tiles", run, gradient, refuses, handles_groups=True)
