"""Convolution as one product of strips of rows with a banded (Toeplitz) matrix of the kernel.

``T`` neighbouring windows see ``U`` columns together. With the kernel written ``T`` times into a
matrix, each time one stride further down its band, a row of pixels gives ``T`` results at once.
Most of the band is zeros, but the copies are ``T`` times fewer than those of `im2col`, and the
product is ``T`` times as wide: right for images of few channels.
"""

import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.engine.algorithm import Algorithm, refuses_nothing
from jaxcnn.engine.portable.products import matmul
from jaxcnn.engine.problem import Problem

WIDTH, GRADIENT_WIDTH = 96, 48
"""About as many results as a strip should have, in all features; measured."""


def scratch(problem: Problem) -> int:
    """How many numbers are written to memory: the strips, and for each row of the window."""
    t = _strip(problem, WIDTH)
    columns = (t - 1) * problem.stride[-1] + problem.span[-1]
    strips = problem.positions // problem.out[-1] * -(-problem.out[-1] // t)
    rows = problem.taps // problem.window[-1]
    return strips * columns * problem.channels * (rows + 1)


def run(problem: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Compute the convolution."""
    rows, bands = _operands(problem, x, kernel, _strip(problem, WIDTH))
    y = matmul(jnp.concatenate(rows, -1)[..., None, :], jnp.concatenate(bands)[None])
    return _as_image(problem, y)


def gradient(problem: Problem, x: jax.Array, cotangent: jax.Array) -> jax.Array:
    """The gradient in the kernel, for which the rows of the window are better not joined."""

    def forward(kernel: jax.Array) -> jax.Array:
        rows, bands = _operands(problem, x, kernel, _strip(problem, GRADIENT_WIDTH))
        products = [matmul(r[..., None, :], b[None]) for r, b in zip(rows, bands, strict=True)]
        return _as_image(problem, functools.reduce(operator.add, products))

    kernel = jax.ShapeDtypeStruct(problem.kernel_shape, x.dtype)
    result: jax.Array = jax.linear_transpose(forward, kernel)(cotangent)[0]
    return result


def _strip(problem: Problem, width: int) -> int:
    """How many windows a strip holds: a divisor of the row, where one is near the best size."""
    count = problem.out[-1]
    best = min(max(1, width // problem.features), count)
    divisors = [t for t in range(1, count + 1) if count % t == 0 and best / 2 <= t <= best * 1.5]
    return min(divisors, key=lambda t: abs(t - best), default=best)


def _operands(
    problem: Problem, x: jax.Array, kernel: jax.Array, t: int
) -> tuple[list[jax.Array], list[jax.Array]]:
    """For each row of the window: strips of ``t`` windows, and the kernel's band."""
    strips = -(-problem.out[-1] // t)
    step = t * problem.stride[-1]
    columns = (t - 1) * problem.stride[-1] + problem.span[-1]
    widest = max((strips - 1) * step + columns, -(-columns // step) * step + (strips - 1) * step)
    x = _strips(_padded(problem, x, widest), strips, step, columns)
    places = list(np.ndindex(*problem.window[:-1]))
    bands = [band(problem, kernel[place], t, columns) for place in places]
    return [_row(problem, x, place) for place in places], bands


def _as_image(problem: Problem, y: jax.Array) -> jax.Array:
    y = y.reshape(problem.batch, *problem.out[:-1], -1, problem.features)
    return lax.slice_in_dim(y, 0, problem.out[-1], axis=problem.rank)


def _row(problem: Problem, x: jax.Array, place: tuple[int, ...]) -> jax.Array:
    """The strips that lie at ``place`` of every window, counted along all axes but the last."""
    starts, stops, steps = [0], [x.shape[0]], [1]
    for i, a in enumerate(place):
        starts.append(a * problem.dilation[i])
        stops.append(starts[-1] + (problem.out[i] - 1) * problem.stride[i] + 1)
        steps.append(problem.stride[i])
    return lax.slice(x, (*starts, 0, 0), (*stops, *x.shape[-2:]), (*steps, 1, 1))


def _padded(problem: Problem, x: jax.Array, columns: int) -> jax.Array:
    """The images with their padding, and zeros up to ``columns`` for the last strip."""
    widths = [(0, 0, 0), *((low, high, 0) for low, high in problem.padding), (0, 0, 0)]
    low = problem.padding[-1][0]
    widths[-2] = (low, columns - low - problem.sizes[-1], 0)
    return lax.optimization_barrier(lax.pad(x, np.zeros((), x.dtype), widths))


def _strips(x: jax.Array, strips: int, step: int, columns: int) -> jax.Array:
    """Rows of pixels as ``(n, *rows, strips, columns * channels)``, neighbours overlapping."""
    *lead, _, channels = x.shape
    pieces = []
    for start in range(0, columns, step):
        piece = lax.slice_in_dim(x, start, start + strips * step, axis=len(lead))
        piece = piece.reshape(*lead, strips, step * channels)
        pieces.append(piece[..., : min(step, columns - start) * channels])
    return jnp.concatenate(pieces, -1)


def band(problem: Problem, kernel: jax.Array, t: int, columns: int) -> jax.Array:
    """A row of the kernel as ``(columns * channels, t * features)``, once per window."""
    _, channels, features = kernel.shape
    # Written one after the other with a period of columns + stride, and read with a period of
    # columns, each copy starts one stride further on.
    period = columns + problem.stride[-1]
    zero = np.zeros((), kernel.dtype)
    gap = problem.dilation[-1]
    rest = period - (kernel.shape[0] - 1) * gap - 1
    one = lax.pad(kernel, zero, [(0, rest, gap - 1), (0, 0, 0), (0, 0, 0)])
    many = jnp.broadcast_to(one, (t, *one.shape)).reshape(t * period, channels, features)
    skew = many[: t * columns].reshape(t, columns, channels, features)
    return skew.transpose(1, 2, 0, 3).reshape(columns * channels, t * features)


BANDED = Algorithm("banded", run, gradient, refuses_nothing, scratch)
