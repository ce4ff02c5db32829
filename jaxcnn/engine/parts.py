"""Splits a problem that its algorithm cannot do as a whole, and transposes for want of a gradient.

A problem with groups or with an input dilation is split into smaller problems where the algorithm
cannot handle these by itself; for each part an algorithm is chosen again.
"""

import functools
from collections.abc import Callable

import jax
from jax.custom_derivatives import linear_call

from jaxcnn.engine.algorithm import Algorithm, Chooser
from jaxcnn.engine.portable import groups, input_dilation
from jaxcnn.engine.problem import Problem

Solve = Callable[[Algorithm, Problem, jax.Array, jax.Array], jax.Array]


def result(problem: Problem, choose: Chooser, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Compute a convolution, each of its parts by an algorithm of its own."""

    def solve(algorithm: Algorithm, part: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
        return algorithm.run(part, x, kernel)

    return _in_parts(problem, x, kernel, lambda part: choose(part, False), solve)


def gradient(problem: Problem, choose: Chooser, x: jax.Array, cotangent: jax.Array) -> jax.Array:
    """Compute the gradient in the kernel, by transposing the convolution where needed."""

    def solve(algorithm: Algorithm, part: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
        # Joined groups are batched by vmap, for which `linear_call` has no rule.
        if algorithm.gradient is None or part.groups < problem.groups:
            return algorithm.run(part, x, kernel)
        run, transposed = (functools.partial(f, part) for f in (algorithm.run, algorithm.gradient))
        y: jax.Array = linear_call(run, transposed, x, kernel)
        return y

    def forward(kernel: jax.Array) -> jax.Array:
        return _in_parts(problem, x, kernel, lambda part: choose(part, True), solve)

    like = jax.ShapeDtypeStruct(problem.kernel_shape, x.dtype)
    (g,) = jax.linear_transpose(forward, like)(cotangent)
    return g


def _in_parts(
    problem: Problem,
    x: jax.Array,
    kernel: jax.Array,
    choose: Callable[[Problem], Algorithm],
    solve: Solve,
) -> jax.Array:
    """Compute a convolution by ``solve``, which gets only parts that their algorithm handles."""

    def deeper(part: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
        return _in_parts(part, x, kernel, choose, solve)

    algorithm = choose(problem)
    if problem.input_dilated and not algorithm.handles_input_dilation:
        if set(problem.stride) == {1}:
            return input_dilation.run(problem, x, kernel, deeper)
        return deeper(*input_dilation.write_out(problem, x), kernel)
    if problem.groups > 1 and not algorithm.handles_groups:
        return groups.run(problem, x, kernel, deeper)
    return solve(algorithm, problem, x, kernel)
