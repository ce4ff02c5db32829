"""Convolution as products of whole rows of pixels with banded (Toeplitz) matrices.

Nothing is copied before the product: a row of pixels is a row of the matrix. Each row of the
kernel gives its own share of every row of results, and the shares are added where they belong.
Right for small images of few channels, as the input gradient of a LeNet's second convolution.
"""

import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.engine.algorithm import Algorithm
from jaxcnn.engine.portable.banded import band
from jaxcnn.engine.problem import Problem


def refuses(problem: Problem) -> str:
    """The reason why the algorithm cannot compute a problem; an empty string where it can."""
    if problem.rank != 2:
        return "there are not two spatial axes"
    if problem.stride[0] != 1:
        return "the stride of the rows is not 1"
    if min(problem.padding[-1]) < 0:
        return "the padding crops the rows"
    return ""


def scratch(problem: Problem) -> int:
    """How many numbers are written to memory: the shares of the kernel's rows."""
    rows = problem.batch * problem.sizes[0]
    return rows * problem.window[0] * problem.out[-1] * problem.features


def waste(problem: Problem) -> float:
    """How many products are computed for each one that is needed."""
    taken = problem.sizes[0] * problem.sizes[1] * problem.window[0] * problem.out[1]
    return taken / max(1, problem.taps * problem.out[0] * problem.out[1])


def run(problem: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Compute the convolution."""
    height, width = problem.sizes
    low, high = problem.padding[-1]
    bands = []
    for row in kernel:
        whole = band(problem, row, problem.out[-1], low + width + high)
        bands.append(whole[low * problem.channels : (low + width) * problem.channels])
    pixels = x.reshape(problem.batch * height, width * problem.channels)
    shares = jnp.dot(pixels, jnp.concatenate(bands, 1))
    # Without the barrier XLA multiplies once per share.
    shares = lax.optimization_barrier(shares).reshape(problem.batch, height, len(bands), -1)
    moved = []
    for a in range(len(bands)):
        before = problem.padding[0][0] - a * problem.dilation[0]
        config = [(0, 0, 0), (before, problem.out[0] - height - before, 0), (0, 0, 0)]
        moved.append(lax.pad(shares[:, :, a], np.zeros((), x.dtype), config))
    y = functools.reduce(operator.add, moved)
    return y.reshape(problem.result_shape)


ROW_BANDS = Algorithm("row_bands", run, None, refuses, scratch)
