"""Chooses the algorithm that computes a convolution on a CPU.

The choice is made while a program is traced and costs nothing at run time. Measurements of
`jaxcnn.engine.tune` come first, then native code, then the rules of
`jaxcnn.engine.portable.rules`.
"""

from jaxcnn.engine import tuned
from jaxcnn.engine.algorithm import Algorithm, Choice
from jaxcnn.engine.direct import DIRECT
from jaxcnn.engine.portable import PORTABLE, groups, rules
from jaxcnn.engine.problem import Problem
from jaxcnn.engine.winograd_tiles import WINOGRAD_TILES, pays

NATIVE = (DIRECT, WINOGRAD_TILES)

BY_NAME: dict[str, Algorithm] = {algorithm.name: algorithm for algorithm in (*NATIVE, *PORTABLE)}
"""The algorithms by their names."""

ALGORITHMS = ("auto", *BY_NAME)
"""The values of a convolution's ``algorithm``; ``"auto"`` picks one of the others."""


def choose(problem: Problem, gradient: bool, *, portable: bool = False) -> Choice:
    """Choose what ``"auto"`` means for a problem or for the gradient in its kernel.

    Args:
        problem: the convolution.
        gradient: whether the gradient in its kernel is wanted.
        portable: whether the program has to run on other machines too.
    """
    if not problem.rank:
        return Choice("lax", "it has no spatial axes")
    if problem.empty:
        return Choice("lax", "it is empty")
    if problem.dtype.itemsize == 1:
        return Choice("lax", "XLA rounds numbers of eight bits in its own way")
    measured = tuned.winners().get(problem.key(gradient))
    if measured in BY_NAME and not refuses(problem, measured, portable=portable):
        return Choice(measured, "it was the fastest on this machine")
    if not refuses(problem, "direct", portable=portable):
        return _with_native_code(problem, gradient)
    return rules.choose(problem, gradient)


def refuses(problem: Problem, algorithm: str, *, portable: bool = False) -> str:
    """The reason why an algorithm cannot compute a problem; an empty string where it can."""
    chosen = BY_NAME[algorithm]
    if chosen in NATIVE and portable:
        return "its code is of this machine alone"
    one_group = problem.groups == 1 or chosen.handles_groups
    return chosen.refuses(problem if one_group else groups.joined(problem)[0])


def part_by(wanted: str, part: Problem, gradient: bool, *, portable: bool = False) -> Algorithm:
    """The algorithm ``wanted``; what ``"auto"`` means where that is wanted, or it refuses."""
    if wanted != "auto" and not refuses(part, wanted, portable=portable):
        return BY_NAME[wanted]
    return BY_NAME[choose(part, gradient, portable=portable).algorithm]


def _with_native_code(problem: Problem, gradient: bool) -> Choice:
    pointwise = problem.taps == 1 and problem.groups == 1 and set(problem.stride) == {1}
    if pointwise and not gradient:
        return Choice("tap_products", "a window of one element is a matrix product")
    if not (problem.exact or refuses(problem, "winograd_tiles")) and pays(problem):
        return Choice("winograd_tiles", "a window of 3: fewer products")
    return Choice("direct", "native code needs no windows in memory")
