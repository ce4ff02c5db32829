"""Winograd's convolution: fewer multiplications for windows of 3, with any number of axes.

``m`` neighbouring results of a window of 3 take ``m + 2`` products instead of ``3 m``: with the
matrices of Lavin and Gray (2016), *Fast algorithms for convolutional neural networks*,

    y = A^T [(G g) * (B^T d)]

along each axis in turn, and in between one matrix product over the channels per point.
"""

import functools
import math
import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.engine.algorithm import Algorithm
from jaxcnn.engine.problem import Problem

POINTS = (0.0, 0.5**0.5, -(0.5**0.5), 2**0.5, -(2**0.5))
"""Where the polynomials are evaluated, and at infinity: the errors are a quarter of what the
usual 0, 1, -1, 2, -2 give. A tile has one result less than there are points here."""

TILE = len(POINTS) - 1


def matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``B^T``, ``G`` and ``A^T`` for windows of 3, after Toom and Cook."""
    count = TILE + 2
    powers = np.array([[point**j for j in range(count)] for point in POINTS])
    powers = np.vstack([powers, np.eye(count)[-1]])
    window, results = powers[:, :3].copy(), powers[:, :TILE].copy()
    window[-1], results[-1] = np.eye(3)[-1], np.eye(TILE)[-1]
    return np.linalg.inv(powers).T, window, results.T


def refuses(problem: Problem) -> str:
    """The reason why the algorithm cannot compute a problem; an empty string where it can."""
    if set(problem.window) != {3}:
        return "the window is not 3 on every axis"
    if set(problem.stride) != {1} or set(problem.dilation) != {1}:
        return "the stride or the dilation is not 1"
    return ""


def scratch(problem: Problem) -> int:
    """How many numbers are written to memory: both sides of the product."""
    tiles = math.prod(-(-n // TILE) for n in problem.out) * problem.batch
    return tiles * (TILE + 2) ** problem.rank * (problem.channels + problem.features)


def run(problem: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Compute the convolution."""
    rank, m, points = problem.rank, TILE, TILE + 2
    tiles = [-(-n // m) for n in problem.out]
    data, weights, back = (matrix.astype(x.dtype) for matrix in matrices())
    x = _padded(problem, x, [m * t + 2 for t in tiles])
    for i, count in enumerate(tiles):
        # The points of the axes go first, in their order; the tiles stay in the axes' places.
        axis, last = 2 * i + 1, (count - 1) * m + 1
        pieces = [lax.slice_in_dim(x, j, j + last, m, axis) for j in range(points)]
        x = lax.optimization_barrier(_combine(data, pieces, i))
    for i in range(rank):
        kernel = jnp.moveaxis(jnp.tensordot(weights, kernel, ((1,), (i,))), 0, i)
    pairs = (((2,), (1,)), ((0,), (0,)))
    flat = x.reshape(points**rank, -1, problem.channels)
    y = lax.dot_general(flat, kernel.reshape(points**rank, problem.channels, -1), pairs)
    y = y.reshape(*(points,) * rank, problem.batch, *tiles, problem.features)
    for i in reversed(range(rank)):
        # The first i axes are points, then images, tiles, and behind these their results.
        pieces = [lax.index_in_dim(y, j, i, keepdims=False) for j in range(points)]
        y = _combine(back, pieces, 2 * i + 2)
        y = lax.optimization_barrier(y) if i else y
    y = y.reshape(problem.batch, *[t * m for t in tiles], problem.features)
    return lax.slice(y, (0,) * (rank + 2), problem.result_shape)


def _padded(problem: Problem, x: jax.Array, sizes: list[int]) -> jax.Array:
    """The images with their padding, and zeros up to ``sizes`` for the last tiles."""
    widths = [
        (low, size - old - low, 0)
        for size, old, (low, _) in zip(sizes, problem.sizes, problem.padding, strict=True)
    ]
    return lax.optimization_barrier(
        lax.pad(x, np.zeros((), x.dtype), [(0, 0, 0), *widths, (0, 0, 0)])
    )


def _combine(matrix: np.ndarray, pieces: list[jax.Array], axis: int) -> jax.Array:
    """The rows of ``matrix`` times the pieces, along a new axis."""
    rows = []
    for row in matrix:
        terms = [c * piece for c, piece in zip(row, pieces, strict=True) if abs(c) > 1e-12]
        rows.append(functools.reduce(operator.add, terms))
    return jnp.stack(rows, axis)


WINOGRAD = Algorithm("winograd", run, None, refuses, scratch)
