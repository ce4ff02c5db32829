"""The type of a convolution algorithm, and of the choice of one."""

import enum
from collections.abc import Callable, Hashable
from typing import NamedTuple

import jax

from jaxcnn.engine.problem import Problem

Compute = Callable[[Problem, jax.Array, jax.Array], jax.Array]
"""A function of a problem, the images, and the kernel or a cotangent of the result."""


class Epilogue(NamedTuple):
    """What becomes of the results ``y`` of a convolution: ``cut(y * factor + offset + residual)``.

    Attributes:
        factor: one number per feature.
        offset: one number per feature.
        residual: an array of the results' shape; None for none.
        low: the least that a result becomes.
        high: the most.
    """

    factor: jax.Array
    offset: jax.Array
    residual: jax.Array | None
    low: float
    high: float


class Order(enum.IntEnum):
    """How a kernel lies in memory; the numbers are those of ``native/convolution.h``."""

    PLAIN = 0
    """``(*window, channels, features)``."""
    MIRRORED = 1
    """``(*window, features, channels)`` with the window reversed: as the gradient in the images
    reads the kernel of its convolution."""
    PACKED = 2
    """As its algorithm has packed it."""


def refuses_nothing(problem: Problem) -> str:
    """The ``refuses`` of an algorithm that can compute every problem."""
    return ""


def writes_nothing(problem: Problem) -> int:
    """The ``scratch`` of an algorithm that writes no numbers to memory beside its result."""
    return 0


Ordered = Callable[[Problem, jax.Array, jax.Array, Order, Epilogue | None], jax.Array]
"""A function of a problem, the images, a kernel, its order, and what becomes of the results."""


class Packing(NamedTuple):
    """How an algorithm keeps a kernel in the order in which it reads it, for many calls.

    Attributes:
        pack: makes the packed kernel, one axis of numbers, from a problem and the kernel.
        kind: what of a problem the packed kernel depends on. Problems of one kind share it.
        pays: whether a packed kernel saves time in a problem.
    """

    pack: Callable[[Problem, jax.Array], jax.Array]
    kind: Callable[[Problem], Hashable]
    pays: Callable[[Problem], bool] = lambda problem: True


class Algorithm(NamedTuple):
    """One way to compute a convolution on a CPU.

    Attributes:
        name: what users give as ``algorithm=``.
        run: computes the convolution from the images and the kernel.
        gradient: computes the gradient in the kernel from the images and the cotangent of the
            result; None where JAX derives it from ``run``.
        refuses: the reason why the algorithm cannot compute a problem; an empty string where it
            can.
        scratch: how many numbers the algorithm writes to memory beside its result, which
            `jaxcnn.engine.portable.rules` asks for.
        ordered: computes the convolution from a kernel in any order, to the same bits, and
            completes its results; None where it cannot. A mirrored kernel has one group.
        handles_groups: whether ``run`` takes problems of several groups; others get one group.
        handles_input_dilation: whether ``run`` takes problems with an input dilation.
        packing: how the kernel is packed once for many calls; None where that saves nothing.
    """

    name: str
    run: Compute
    gradient: Compute | None
    refuses: Callable[[Problem], str]
    scratch: Callable[[Problem], int] = writes_nothing
    ordered: Ordered | None = None
    handles_groups: bool = False
    handles_input_dilation: bool = False
    packing: Packing | None = None


Chooser = Callable[[Problem, bool], Algorithm]
"""Chooses the algorithm for a problem, or for the gradient in its kernel."""


class Choice(NamedTuple):
    """The name of an algorithm, and why it was chosen."""

    algorithm: str
    reason: str
