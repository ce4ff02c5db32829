"""One file that chooses: which algorithm computes a convolution on a CPU.

The rules are thresholds on shapes, set where the measured times of the forms and of XLA's own
convolution cross (docs/performance.md has the numbers). They are followed while a program is
traced and cost nothing at run time. `jaxcnn.engine.tune` replaces them by measurements.
"""

import math
from typing import NamedTuple

from jaxcnn.engine import tuned
from jaxcnn.engine.forms import FORMS
from jaxcnn.engine.groups import joined
from jaxcnn.engine.problem import Problem
from jaxcnn.engine.winograd import TILE

ALGORITHMS = ("auto", *FORMS)
"""What the ``algorithm`` of a convolution may be; ``"auto"`` picks one of the others."""

LARGE = 4 * 2**20
"""From so many numbers on, a form may write no more than `SPARE` times as many in between."""

SPARE = 3


class Choice(NamedTuple):
    """An algorithm, and why it was chosen."""

    algorithm: str
    reason: str


def choose(problem: Problem, gradient: bool, *, portable: bool = False) -> Choice:
    """What ``"auto"`` takes on a CPU, for a problem or for its kernel gradient.

    Args:
        problem: the convolution.
        gradient: whether the gradient in its kernel is wanted.
        portable: whether the program has to run on other machines too.
    """
    if not problem.rank:
        return Choice("lax", "it has no spatial axes")
    if not _known(problem):
        return Choice("lax", "it is empty")
    if problem.dtype.itemsize == 1:
        return Choice("lax", "XLA rounds numbers of eight bits in its own way")
    measured = tuned.winner(problem, gradient)
    if measured in FORMS and not refuses(problem, measured, portable=portable):
        return Choice(measured, "it was the fastest on this machine")
    if not refuses(problem, "direct", portable=portable):
        return _with_native_code(problem, gradient)
    choice = _by_rule(problem, gradient)
    if _fits(problem, choice.algorithm):
        return choice
    reason = f"{choice.algorithm} would need too much memory"
    if problem.groups > 1 and _fits(problem, "tap_products"):
        return Choice("tap_products", reason)
    return Choice("lax", reason)


def refuses(problem: Problem, algorithm: str, *, portable: bool = False) -> str:
    """Why an algorithm cannot do a problem; nothing where it can."""
    if algorithm == "auto":
        return ""
    if algorithm == "direct" and portable:
        return "its code is of this machine alone"
    form = FORMS[algorithm]
    reason: str = form.refuses(problem if form.GROUPED else joined(problem)[0])
    return reason


def scratch(problem: Problem, algorithm: str) -> int:
    """How many numbers an algorithm writes in between."""
    form = FORMS[algorithm]
    part, count = (problem, 1) if form.GROUPED else joined(problem)
    # What `groups` moves is written twice more, once on either side.
    moved = 2 * problem.elements if count > 1 else 0
    own: int = form.scratch(part)
    return moved + count * own


def _fits(problem: Problem, algorithm: str) -> bool:
    few = problem.elements < LARGE
    return few or scratch(problem, algorithm) <= SPARE * problem.elements


def _known(problem: Problem) -> bool:
    sizes = (problem.batch, *problem.sizes, problem.channels, problem.features, *problem.out)
    return min(sizes) > 0


def _with_native_code(problem: Problem, gradient: bool) -> Choice:
    pointwise = problem.taps == 1 and problem.groups == 1 and set(problem.stride) == {1}
    if pointwise and not gradient:
        return Choice("tap_products", "a window of one element is a matrix product")
    return Choice("direct", "native code needs no windows in memory")


def _by_rule(problem: Problem, gradient: bool) -> Choice:
    if problem.depthwise:
        if problem.taps <= 128:
            return Choice("shifted_taps", "each channel is convolved by itself")
        return Choice("lax", "the window is too large to write out")
    if problem.groups > 1:
        part, _ = joined(problem)
        if not FORMS["winograd"].refuses(part) and problem.plain:
            return Choice("winograd", "groups of 3x3 convolutions")
        if part.channels <= 64:
            return Choice("tap_products", "the groups are narrow")
        return Choice("lax", "the groups are wide")
    if problem.taps == 1:
        return Choice("tap_products", "a window of one element is a matrix product")
    if not problem.plain and not gradient:
        return Choice("lax", "XLA's own is as fast as any form")
    return _dense_gradient(problem) if gradient else _dense(problem)


def _dense(problem: Problem) -> Choice:
    if problem.channels == 1 and problem.features <= 16 and problem.taps <= 64:
        return Choice("tap_products", "one channel: all in one loop")
    if problem.rank > 1 and problem.channels <= 4 and problem.features <= 32 >= problem.taps:
        return Choice("banded", "few channels: strips of a row make wider products")
    small = problem.features <= 16 and problem.channels * problem.sizes[-1] <= 256
    if small and not FORMS["row_bands"].refuses(problem) and FORMS["row_bands"].waste(problem) < 2:
        return Choice("row_bands", "small images of few channels: whole rows at once")
    if _suits_winograd(problem, 32 if problem.rank == 3 else 64):
        return Choice("winograd", "a window of 3: fewer products")
    return Choice("lax", "XLA's own is as fast as any form")


def _dense_gradient(problem: Problem) -> Choice:
    narrow = min(problem.channels, problem.features)
    if not problem.plain:
        return Choice("tap_products", "no products with the zeros between the pixels")
    few = problem.channels <= 8 and problem.features <= 96 and problem.taps <= 64
    if problem.rank > 1 and few:
        return Choice("banded", "few channels: strips of a row make wider products")
    if _suits_winograd(problem, 32):
        return Choice("winograd", "a window of 3: fewer products")
    if narrow >= 16 and max(*problem.stride, *problem.dilation) > 1:
        return Choice("tap_products", "a product per element of the window")
    if narrow >= 256 and math.prod(problem.out) <= 64:
        return Choice("im2col", "wide and small: one product")
    return Choice("lax", "XLA's own is as fast as any form")


def _suits_winograd(problem: Problem, narrowest: int) -> bool:
    """Whether what Winograd's products save is more than what its tiles cost."""
    if FORMS["winograd"].refuses(problem) or problem.rank == 1:
        return False
    tiled = math.prod(-(-n // TILE) * TILE for n in problem.out)
    filled = math.prod(problem.out) / tiled
    # Memory that is written once costs about as much as the products of 64 channels.
    large = FORMS["winograd"].scratch(problem) > 2 * LARGE
    narrow = min(problem.channels, problem.features)
    return filled >= 0.8 and narrow >= (2 * narrowest if large else narrowest)
