"""Depthwise convolution: the shifted images times the kernel's elements, added up in one loop.

XLA makes vector code of the loop, since neighbouring channels lie side by side. In the kernel
gradient each element of the window wants the sum over all pixels of a product. A reduction over
the pixels of a row is fast, with the elements of one row of the window reduced together; over
whole images it is fifteen times slower.
"""

import functools
import math
import operator
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.engine.algorithm import Algorithm
from jaxcnn.engine.portable.elements import element, with_padding
from jaxcnn.engine.problem import Problem

ROW = 32
"""The longest row of pixels that is summed up at once."""


def refuses(problem: Problem) -> str:
    """The reason why the algorithm cannot compute a problem; an empty string where it can."""
    return "" if problem.groups == problem.channels else "the groups have more than one channel"


def scratch(problem: Problem) -> int:
    """How many numbers are written to memory: the padded images."""
    return problem.batch * math.prod(problem.padded) * problem.channels


def run(problem: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Compute the convolution."""
    problem, x = with_padding(problem, x)
    terms, axes = [], tuple(range(problem.rank + 1))
    for place in np.ndindex(*problem.window):
        tap = element(problem, x, place)
        weights = kernel[place].reshape(problem.channels, *_multiplier(problem))
        terms.append(_per_feature(problem, tap) * jnp.expand_dims(weights, axes))
    y = functools.reduce(operator.add, terms)
    return y.reshape(problem.result_shape)


def gradient(problem: Problem, x: jax.Array, cotangent: jax.Array) -> jax.Array:
    """Compute the gradient in the kernel."""
    problem, x = with_padding(problem, x)
    sides = problem.channels, *_multiplier(problem)
    cotangent = cotangent.reshape(problem.batch, *problem.out, *sides)
    block = max(b for b in range(1, ROW + 1) if problem.out[-1] % b == 0)
    rows = []
    for row in np.ndindex(*problem.window[:-1]):
        taps = [element(problem, x, (*row, b)) for b in range(problem.window[-1])]
        products = [_per_feature(problem, tap) * cotangent for tap in taps]
        rows.append(
            jnp.stack([p.reshape(-1, *sides).sum(0) for p in _sums(products, problem, block)])
        )
    return jnp.stack(rows).reshape(problem.kernel_shape)


def _sums(products: list[jax.Array], problem: Problem, block: int) -> Sequence[jax.Array]:
    """The sums of each over blocks of its last spatial axis, all in one reduction."""
    rank = problem.rank
    blocks = [p.reshape(*p.shape[:rank], -1, block, *p.shape[rank + 1 :]) for p in products]
    zeros = [np.zeros((), p.dtype) for p in blocks]

    def add(left: list[jax.Array], right: list[jax.Array]) -> list[jax.Array]:
        return [a + b for a, b in zip(left, right, strict=True)]

    sums: Sequence[jax.Array] = lax.reduce(blocks, zeros, add, (rank + 1,))
    return lax.optimization_barrier(sums)


def _multiplier(problem: Problem) -> tuple[int, ...]:
    """How many features a channel has, as an axis where there is more than one."""
    each = problem.features // problem.channels
    return (each,) if each > 1 else ()


def _per_feature(problem: Problem, tap: jax.Array) -> jax.Array:
    if not _multiplier(problem):
        return tap
    shape = (*tap.shape, problem.features // problem.channels)
    return lax.broadcast_in_dim(tap, shape, range(tap.ndim))


SHIFTED_TAPS = Algorithm("shifted_taps", run, gradient, refuses, scratch, handles_groups=True)
