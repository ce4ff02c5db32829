"""Winograd's convolution in C++ (``native/winograd.h``), for windows of 3×3.

Its transformations stay inside of blocks that fit a core's cache. It makes a quarter of the
products of a direct sum, and errors that are a few times as large.

See `jaxcnn.engine.portable.winograd` for the method.
"""

import math

import jax

from jaxcnn.engine import direct
from jaxcnn.engine.algorithm import Algorithm, Epilogue, Order, Packing
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
    tiles = _tiles(problem)
    filled = problem.positions / (tiles * winograd.TILE**problem.rank)
    return filled >= 0.5 and tiles >= 8


def run(
    problem: Problem,
    x: jax.Array,
    kernel: jax.Array,
    order: Order = Order.PLAIN,
    epilogue: Epilogue | None = None,
) -> jax.Array:
    """Compute the convolution, and complete its results while they are in registers."""
    return direct.convolved("winograd", problem, x, kernel, order, epilogue)


def gradient(problem: Problem, x: jax.Array, cotangent: jax.Array) -> jax.Array:
    """Compute the gradient in the kernel."""
    shape = problem.kernel_shape
    return direct.called("jaxcnn_winograd_gradient", problem, shape, x, cotangent)


def pack(problem: Problem, kernel: jax.Array) -> jax.Array:
    """The values of the kernel's windows at the points: four times as many numbers."""
    numbers = (winograd.TILE + 2) ** 2 * problem.channels * problem.features
    return direct.called("jaxcnn_winograd_pack", problem, (numbers,), kernel)


def _packing_pays(problem: Problem) -> bool:
    """Many channels and tiles read the values faster where they are made anew, in a core's cache.

    The native code then takes 56 tiles at a time (`Tiles` in ``native/winograd.h``).
    """
    return problem.channels <= 170 or _tiles(problem) <= 56


def _tiles(problem: Problem) -> int:
    """The number of tiles of all images."""
    return problem.batch * math.prod(-(-n // winograd.TILE) for n in problem.out)


# Several groups would be given to `run` one by one under `jax.vmap`, for which it has no rule.
WINOGRAD_TILES = Algorithm(
    "winograd_tiles",
    run,
    gradient,
    refuses,
    handles_groups=True,
    packing=Packing(pack, lambda problem: None, _packing_pays),
    ordered=run,
)
