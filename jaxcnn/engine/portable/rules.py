"""Chooses among the algorithms in JAX's own operations, for machines without native code.

The rules are thresholds on shapes, set where the measured times of the algorithms and of XLA's
own convolution cross (docs/performance.md has the numbers).
"""

import math

from jaxcnn.engine.algorithm import Algorithm, Choice
from jaxcnn.engine.portable import PORTABLE
from jaxcnn.engine.portable.groups import joined
from jaxcnn.engine.portable.row_bands import ROW_BANDS, waste
from jaxcnn.engine.portable.tap_products import TAP_PRODUCTS
from jaxcnn.engine.portable.winograd import TILE, WINOGRAD
from jaxcnn.engine.problem import Problem

LARGE = 4 * 2**20
"""From so many numbers on, an algorithm may write no more than `SPARE` times as many to memory."""

SPARE = 3

_BY_NAME = {algorithm.name: algorithm for algorithm in PORTABLE}


def choose(problem: Problem, gradient: bool) -> Choice:
    """Choose for a problem, or for the gradient in its kernel, what fits into memory."""
    choice = _by_shape(problem, gradient)
    if _fits(problem, _BY_NAME[choice.algorithm]):
        return choice
    reason = f"{choice.algorithm} would need too much memory"
    if problem.groups > 1 and _fits(problem, TAP_PRODUCTS):
        return Choice("tap_products", reason)
    return Choice("lax", reason)


def _fits(problem: Problem, algorithm: Algorithm) -> bool:
    """Whether an algorithm needs no more memory than a large problem may."""
    elements = _elements(problem)
    if elements < LARGE:
        return True
    if algorithm.handles_groups:
        return algorithm.scratch(problem) <= SPARE * elements
    part, count = joined(problem)
    # Images and results of several groups are written twice more, once on either side.
    moved = 2 * elements if count > 1 else 0
    return moved + count * algorithm.scratch(part) <= SPARE * elements


def _elements(problem: Problem) -> int:
    """The numbers in input, kernel and result."""
    image = problem.batch * math.prod(problem.sizes) * problem.channels
    return image + math.prod(problem.kernel_shape) + problem.positions * problem.features


def _by_shape(problem: Problem, gradient: bool) -> Choice:
    if problem.groups == problem.channels > 1:
        if problem.taps <= 128:
            return Choice("shifted_taps", "each channel is convolved by itself")
        return Choice("lax", "the window is too large to write out")
    if problem.groups > 1:
        part, _ = joined(problem)
        if not (part.exact or WINOGRAD.refuses(part) or problem.input_dilated):
            return Choice("winograd", "groups of 3x3 convolutions")
        if part.channels <= 64:
            return Choice("tap_products", "the groups are narrow")
        return Choice("lax", "the groups are wide")
    if problem.taps == 1:
        return Choice("tap_products", "a window of one element is a matrix product")
    if problem.input_dilated and not gradient:
        return Choice("lax", "XLA's own is as fast as any algorithm")
    return _dense_gradient(problem) if gradient else _dense(problem)


def _dense(problem: Problem) -> Choice:
    if problem.channels == 1 and problem.features <= 16 and problem.taps <= 64:
        return Choice("tap_products", "one channel: all in one loop")
    if problem.rank > 1 and problem.channels <= 4 and problem.features <= 32 >= problem.taps:
        return Choice("banded", "few channels: strips of a row make wider products")
    small = problem.features <= 16 and problem.channels * problem.sizes[-1] <= 256
    if small and not ROW_BANDS.refuses(problem) and waste(problem) < 2:
        return Choice("row_bands", "small images of few channels: whole rows at once")
    if _suits_winograd(problem, 32 if problem.rank == 3 else 64):
        return Choice("winograd", "a window of 3: fewer products")
    return Choice("lax", "XLA's own is as fast as any algorithm")


def _dense_gradient(problem: Problem) -> Choice:
    narrow = min(problem.channels, problem.features)
    if problem.input_dilated:
        return Choice("tap_products", "no products with the zeros of the input dilation")
    few = problem.channels <= 8 and problem.features <= 96 and problem.taps <= 64
    if problem.rank > 1 and few:
        return Choice("banded", "few channels: strips of a row make wider products")
    if _suits_winograd(problem, 32):
        return Choice("winograd", "a window of 3: fewer products")
    if narrow >= 16 and max(*problem.stride, *problem.dilation) > 1:
        return Choice("tap_products", "a product per element of the window")
    if narrow >= 256 and math.prod(problem.out) <= 64:
        return Choice("im2col", "wide and small: one product")
    return Choice("lax", "XLA's own is as fast as any algorithm")


def _suits_winograd(problem: Problem, narrowest: int) -> bool:
    """Whether what Winograd's products save is more than what its tiles cost."""
    if problem.exact or WINOGRAD.refuses(problem) or problem.rank == 1:
        return False
    tiled = math.prod(-(-n // TILE) * TILE for n in problem.out)
    filled = math.prod(problem.out) / tiled
    # Memory that is written once costs about as much as the products of 64 channels.
    large = WINOGRAD.scratch(problem) > 2 * LARGE
    narrow = min(problem.channels, problem.features)
    return filled >= 0.8 and narrow >= (2 * narrowest if large else narrowest)
