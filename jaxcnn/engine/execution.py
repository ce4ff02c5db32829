"""Computes a task by algorithms: reorders the operands' axes, and splits what one cannot do.

A problem with groups or with an input dilation is split into smaller problems where the algorithm
cannot handle these by itself; for each part an algorithm is chosen again.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import linear_call

from jaxcnn.engine.algorithm import Algorithm
from jaxcnn.engine.name_stacks import KERNEL_GRADIENT, RESULT
from jaxcnn.engine.portable import groups, input_dilation
from jaxcnn.engine.problem import Problem
from jaxcnn.engine.task import Task

Chooser = Callable[[Problem, bool], Algorithm]
"""Chooses the algorithm for a problem, or for the gradient in its kernel."""

Solve = Callable[[Algorithm, Problem, jax.Array, jax.Array], jax.Array]


def carry_out(task: Task, choose: Chooser, x: jax.Array, other: jax.Array, dtype: Any) -> Any:
    """Compute what XLA's convolution of ``x`` and ``other`` gives, in ``dtype``."""
    # Halves are summed up in float32, and cast explicitly: the user's JAX may forbid to promote.
    wide = np.dtype(np.float32) if dtype.itemsize < 4 else dtype
    x = jnp.transpose(x, task.x).astype(wide)
    other = jnp.transpose(other, task.other).astype(wide)
    compute, scope = (_gradient, KERNEL_GRADIENT) if task.gradient else (_result, RESULT)
    with jax.named_scope(scope):
        y = compute(task.problem, choose, x, other)
    return jnp.transpose(y, task.y).astype(dtype)


def _result(problem: Problem, choose: Chooser, x: jax.Array, kernel: jax.Array) -> jax.Array:
    def solve(algorithm: Algorithm, part: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
        return algorithm.run(part, x, kernel)

    return _in_parts(problem, x, kernel, lambda part: choose(part, False), solve)


def _gradient(problem: Problem, choose: Chooser, x: jax.Array, cotangent: jax.Array) -> jax.Array:
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
