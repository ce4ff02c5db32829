"""Direct convolution by native code: each result summed up in registers, no windows written out.

The code is C++ (``native/``), called by XLA as a custom call with the threads of XLA's own pool. It
knows strides, dilation, spacing and groups, and reads images where they lie. A few features fill
only a part of a vector: then neighbouring results of a row are computed together, as the features
of one wider window, as in `jaxcnn.engine.banded`.

See Zhang, Franchetti and Low, "High Performance Zero-Memory Overhead Direct Convolutions", 2018.
"""

import dataclasses
import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.engine.compiler import native
from jaxcnn.engine.problem import Problem
from jaxcnn.engine.result_types import made_from

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
    return native().reason


def scratch(problem: Problem) -> int:
    """How many numbers are written in between: the kernel, in the order of the products."""
    each = -(-problem.features // problem.groups // LANES) * LANES
    return problem.taps * problem.channels // problem.groups * each * problem.groups


def run(problem: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The convolution."""
    many = together(problem)
    wide = strips(problem, many)
    shape = (wide.batch, *wide.out, wide.features)
    y = _called("jaxcnn_convolution", wide, shape, x, spread(problem, many, kernel))
    return y.reshape(problem.batch, *problem.out, problem.features)


def gradient(problem: Problem, x: jax.Array, cotangent: jax.Array) -> jax.Array:
    """The gradient in the kernel."""
    many = together(problem)
    wide = strips(problem, many)
    sums = _called("jaxcnn_kernel_gradient", wide, wide.kernel_shape, x, cotangent)
    return gathered(problem, many, sums)


def together(problem: Problem) -> int:
    """How many neighbouring results of a row are computed as one."""
    if problem.groups > 1 or problem.dilation[-1] > 1 or problem.spacing[-1] > 1:
        return 1
    best = max(_divisors(problem.out[-1]), key=lambda many: (_use(problem, many), -many))
    return best if _use(problem, best) > 1.2 * _use(problem, 1) else 1


def strips(problem: Problem, many: int) -> Problem:
    """The problem with ``many`` results of a row as the features of one."""
    *rest, last = problem.window
    *steps, step = problem.stride
    *edges, (low, _) = problem.padding
    window = last + (many - 1) * step
    # Its last window ends where the last of the problem does.
    reach = (problem.out[-1] - 1) * step + last
    return dataclasses.replace(
        problem,
        window=(*rest, window),
        stride=(*steps, step * many),
        padding=(*edges, (low, reach - low - problem.sizes[-1])) if many > 1 else problem.padding,
        features=problem.features * many,
    )


def spread(problem: Problem, many: int, kernel: jax.Array) -> jax.Array:
    """The kernel of `strips`: copies, each shifted by a stride, with zeros beside them."""
    if many == 1:
        return kernel
    axis, step = problem.rank - 1, problem.stride[-1]
    copies = []
    for i in range(many):
        widths = [(0, 0)] * kernel.ndim
        widths[axis] = (i * step, (many - 1 - i) * step)
        copies.append(jnp.pad(kernel, widths))
    return jnp.concatenate(copies, -1)


def gathered(problem: Problem, many: int, sums: jax.Array) -> jax.Array:
    """The gradient in a kernel, from that in its `spread`."""
    if many == 1:
        return sums
    axis, step = problem.rank - 1, problem.stride[-1]
    parts = jnp.split(sums, many, -1)
    own = [
        lax.slice_in_dim(part, i * step, i * step + problem.window[-1], axis=axis)
        for i, part in enumerate(parts)
    ]
    return functools.reduce(operator.add, own)


def _called(
    name: str, problem: Problem, shape: tuple[int, ...], x: jax.Array, other: jax.Array
) -> jax.Array:
    call = jax.ffi.ffi_call(native().targets[name], made_from(shape, x, other))
    y: jax.Array = call(x, other, problem=_sizes(problem))
    return y


def _use(problem: Problem, many: int) -> float:
    """The share of useful products."""
    features = many * problem.features
    lanes = -(-features // LANES) * LANES
    window = problem.window[-1] + (many - 1) * problem.stride[-1]
    return features / lanes * problem.window[-1] / window


def _divisors(number: int) -> list[int]:
    return [d for d in range(1, min(number, LANES) + 1) if number % d == 0]


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
