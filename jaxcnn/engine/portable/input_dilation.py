"""Convolutions of images with an input dilation, without products with the zeros between pixels.

The input gradient of a strided convolution is one, and so is a transposed convolution. A window at
position ``o`` meets pixels at some of its elements only, and at which ones depends on the phase:
``o`` modulo the input dilation. Each phase is a small convolution of the image without zeros, with
the elements that meet pixels; the results of the phases interleave.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.engine.problem import Problem


class Phase(NamedTuple):
    """The elements of a window that meet pixels in one phase of one axis, as a convolution."""

    taps: slice
    window: int
    padding: tuple[int, int]
    dilation: int


def run(
    problem: Problem,
    x: jax.Array,
    kernel: jax.Array,
    solve: Callable[[Problem, jax.Array, jax.Array], jax.Array],
) -> jax.Array:
    """Compute the convolution, each of its phases by ``solve``; the stride must be 1."""
    axes = [_axis(problem, i) for i in range(problem.rank)]
    counts = tuple(-(-n // gap) for n, gap in zip(problem.out, problem.input_dilation, strict=True))
    shape = (problem.batch, *counts, problem.features)
    results = []
    for phases in itertools.product(*axes):
        if not all(phase.window for phase in phases):
            results.append(jnp.zeros(shape, x.dtype))
            continue
        part = dataclasses.replace(
            problem,
            window=tuple(phase.window for phase in phases),
            padding=tuple(phase.padding for phase in phases),
            dilation=tuple(phase.dilation for phase in phases),
            input_dilation=(1,) * problem.rank,
        )
        results.append(solve(part, x, kernel[tuple(phase.taps for phase in phases)]))
    return _interleave(problem, results, counts)


def _axis(problem: Problem, i: int) -> list[Phase]:
    """The phases of spatial axis ``i``."""
    gap, step = problem.input_dilation[i], problem.dilation[i]
    low, size, window = problem.padding[i][0], problem.sizes[i], problem.window[i]
    count = -(-problem.out[i] // gap)
    every = gap // math.gcd(gap, step)
    phases = []
    for phase in range(gap):
        # Element k meets a pixel where phase + k step - low is a multiple of the dilation.
        first = next((k for k in range(every) if (phase + k * step - low) % gap == 0), window)
        taps = slice(first, None, every)
        held = len(range(window)[taps])
        start = (phase + first * step - low) // gap
        dilation = every * step // gap
        reach = start + (count - 1) + (held - 1) * dilation + 1
        phases.append(Phase(taps, held, (-start, reach - size), dilation))
    return phases


def _interleave(problem: Problem, results: list[Any], counts: tuple[int, ...]) -> jax.Array:
    """One image of the phases' results, which come last axis fastest."""
    if len(results) == 1:
        return results[0]
    rank, gaps = problem.rank, problem.input_dilation
    y = jnp.stack(results).reshape(*gaps, problem.batch, *counts, problem.features)
    order = [rank]
    for i in range(rank):
        order += [rank + 1 + i, i]
    y = y.transpose(*order, 2 * rank + 1)
    sizes = [n * gap for n, gap in zip(counts, gaps, strict=True)]
    y = y.reshape(problem.batch, *sizes, problem.features)
    return lax.slice(y, (0,) * (rank + 2), problem.result_shape)


def write_out(problem: Problem, x: jax.Array) -> tuple[Problem, jax.Array]:
    """The same problem with zeros written between the pixels, for what `run` cannot do."""
    widths = [(0, 0, gap - 1) for gap in problem.input_dilation]
    dilated = lax.pad(x, np.zeros((), x.dtype), [(0, 0, 0), *widths, (0, 0, 0)])
    plain = dataclasses.replace(
        problem, sizes=dilated.shape[1:-1], input_dilation=(1,) * problem.rank
    )
    return plain, dilated
