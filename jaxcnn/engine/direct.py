"""Direct convolution by native code: each result summed up in registers, no windows written out.

The code is C++ (``native/``), called by XLA as a custom call with the threads of XLA's own pool. It
knows strides, dilation, spacing and groups, and reads images where they lie. Few features fill only
a part of a vector: then neighbouring results of a row are computed together, as the features of
one result of a wider window.

See Zhang, Franchetti and Low, "High Performance Zero-Memory Overhead Direct Convolutions", 2018.
"""

import dataclasses
import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.engine import compiler
from jaxcnn.engine.problem import Problem

GROUPED = True
"""Whether it convolves groups of channels by itself."""

SPACED = True
"""Whether it convolves pixels that stand apart by itself."""

LANES = 16
"""The features that are computed at once; processors with narrower vectors take several."""


def refuses(problem: Problem) -> str:
    """Why the algorithm cannot do a case; nothing where it can."""
    if problem.dtype != np.float32:
        return "it computes in float32 only"
    if problem.rank > 3:
        return "it knows at most three spatial axes"
    if any(step > 1 < gap for step, gap in zip(problem.stride, problem.spacing, strict=True)):
        return "it does not know strides among pixels that stand apart"
    return compiler.native().reason


def scratch(problem: Problem) -> int:
    """How many numbers are written in between: the kernel, in the order of the products."""
    each = -(-problem.features // problem.groups // LANES) * LANES
    return problem.taps * problem.channels // problem.groups * each * problem.groups


def run(problem: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The convolution."""
    row = Row(problem, together(problem))
    shape = (problem.batch, *row.wide.out, row.wide.features)
    y = _called("jaxcnn_convolution", row.wide, shape, x, row.spread(kernel))
    return y.reshape(problem.batch, *problem.out, problem.features)


def gradient(problem: Problem, x: jax.Array, cotangent: jax.Array) -> jax.Array:
    """The gradient in the kernel."""
    row = Row(problem, together(problem))
    sums = _called("jaxcnn_kernel_gradient", row.wide, row.wide.kernel_shape, x, cotangent)
    return row.gathered(sums)


def together(problem: Problem) -> int:
    """How many neighbouring results of a row are computed as one, of more features."""
    if problem.groups > 1:
        return 1
    gap, count = problem.spacing[-1], problem.out[-1]
    fit = [n for n in range(1, LANES + 1) if count % n == 0 and n * problem.stride[-1] % gap == 0]
    use = {many: _use(problem, many) for many in fit}
    best = max(fit, key=lambda many: (use[many], -many), default=1)
    # Alone, results are computed without the zeros between the pixels.
    alone = _filled(problem.features)
    return best if use and use[best] > 1.2 * alone else 1


class Row:
    """``many`` neighbouring results of a row as the features of one, of a wider window.

    Attributes:
        problem: the problem.
        many: how many are computed together.
        wide: the problem that computes them: ``(*rest, pixels, channels, many * features)``.
        tap: which element of the window each pixel meets in each of the results, or -1: the shape
            is ``(pixels, many)``.
    """

    def __init__(self, problem: Problem, many: int):
        self.problem, self.many = problem, many
        self.wide = problem
        if many == 1:
            return
        first, self.tap = _taps(problem, many)
        pixels, gap = len(self.tap), problem.spacing[-1]
        stride = many * problem.stride[-1] // gap
        reach = (problem.out[-1] // many - 1) * stride + pixels
        self.wide = dataclasses.replace(
            problem,
            window=(*problem.window[:-1], pixels),
            stride=(*problem.stride[:-1], stride),
            padding=(*problem.padding[:-1], (-first, reach + first - problem.sizes[-1])),
            dilation=(*problem.dilation[:-1], 1),
            spacing=(*problem.spacing[:-1], 1),
            features=many * problem.features,
        )

    def spread(self, kernel: jax.Array) -> jax.Array:
        """The kernel of `wide`, with zeros where a pixel meets no element of the window."""
        if self.many == 1:
            return kernel
        axis = self.problem.rank - 1
        met = jnp.take(kernel, np.maximum(self.tap, 0), axis)
        own = (self.tap >= 0)[..., None, None]
        return jnp.moveaxis(jnp.where(own, met, 0), axis + 1, -2).reshape(self.wide.kernel_shape)

    def gathered(self, sums: jax.Array) -> jax.Array:
        """The gradient in a kernel, from that in its `spread`."""
        if self.many == 1:
            return sums
        axis, features = self.problem.rank - 1, self.problem.features
        parts = jnp.moveaxis(sums.reshape(*sums.shape[:-1], self.many, features), -2, 0)
        total = []
        for tap in range(self.problem.window[-1]):
            places = np.argwhere(self.tap == tap)
            met = [lax.index_in_dim(parts[i], t, axis, keepdims=False) for t, i in places]
            total.append(functools.reduce(operator.add, met))
        return jnp.stack(total, axis)


def _taps(problem: Problem, many: int) -> tuple[int, np.ndarray]:
    """The first pixel that the first ``many`` results of a row are made from, and `Row.tap`."""
    gap, dilation, low = problem.spacing[-1], problem.dilation[-1], problem.padding[-1][0]
    met = {}
    for i in range(many):
        for tap in range(problem.window[-1]):
            pixel, between = divmod(i * problem.stride[-1] + tap * dilation - low, gap)
            if not between:
                met[pixel, i] = tap
    first = min(pixel for pixel, _ in met)
    table = np.full((max(pixel for pixel, _ in met) - first + 1, many), -1)
    for (pixel, i), tap in met.items():
        table[pixel - first, i] = tap
    return first, table


def _use(problem: Problem, many: int) -> float:
    """The share of useful products, of those for ``many`` results together."""
    _, table = _taps(problem, many)
    return _filled(many * problem.features) * float((table >= 0).mean())


def _filled(features: int) -> float:
    return features / (-(-features // LANES) * LANES)


def _called(
    name: str, problem: Problem, shape: tuple[int, ...], x: jax.Array, other: jax.Array
) -> jax.Array:
    result = jax.ShapeDtypeStruct(shape, jnp.float32)
    call = jax.ffi.ffi_call(compiler.native().targets[name], result)
    y: jax.Array = call(x, other, sizes=_sizes(problem))
    return y


def _sizes(problem: Problem) -> np.ndarray:
    """The problem as the native code reads it, with three spatial axes."""
    axes = [(1, 1, 1, 0, 1, 1, 1)] * (3 - problem.rank)
    low = [low for low, _ in problem.padding]
    axes += zip(
        problem.sizes, problem.window, problem.stride, low, problem.dilation, problem.spacing,
        problem.out, strict=True,
    )  # fmt: skip
    own = (problem.batch, problem.channels, problem.features, problem.groups)
    return np.array([*own, *(number for axis in axes for number in axis)], np.int64)
