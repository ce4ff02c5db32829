"""The algorithms by name, and how one of them carries out a task."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import linear_call

from jaxcnn.engine import (
    banded,
    direct,
    groups,
    im2col,
    phases,
    row_bands,
    shifted_taps,
    tap_products,
    winograd,
    xla,
)
from jaxcnn.engine.name_stacks import KERNEL_GRADIENT, RESULT
from jaxcnn.engine.problem import Problem
from jaxcnn.engine.reading import Reading

FORMS: dict[str, Any] = {
    "direct": direct,
    "tap_products": tap_products,
    "shifted_taps": shifted_taps,
    "im2col": im2col,
    "banded": banded,
    "row_bands": row_bands,
    "winograd": winograd,
    "lax": xla,
}

Chooser = Callable[[Problem, bool], str]
"""Which form computes a problem, or its kernel gradient."""


def carry_out(reading: Reading, choose: Chooser, x: jax.Array, other: jax.Array, dtype: Any) -> Any:
    """XLA's result for a task, by the forms that ``choose`` names for its parts."""
    # Halves are summed up in float32, and cast explicitly: the user's JAX may forbid to promote.
    wide = np.dtype(np.float32) if dtype.itemsize < 4 else dtype
    x = jnp.transpose(x, reading.x).astype(wide)
    other = jnp.transpose(other, reading.other).astype(wide)
    task, scope = (gradient, KERNEL_GRADIENT) if reading.gradient else (result, RESULT)
    with jax.named_scope(scope):
        y = task(reading.problem, choose, x, other)
    return jnp.transpose(y, reading.y).astype(dtype)


def result(problem: Problem, choose: Chooser, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The convolution of a problem."""

    def solve(form: Any, part: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
        y: jax.Array = form.run(part, x, kernel)
        return y

    return _in_parts(problem, x, kernel, lambda part: FORMS[choose(part, False)], solve)


def gradient(problem: Problem, choose: Chooser, x: jax.Array, cotangent: jax.Array) -> jax.Array:
    """The gradient of a problem in its kernel."""

    def solve(form: Any, part: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
        # Joined groups are batched by vmap, for which `linear_call` has no rule.
        if not hasattr(form, "gradient") or part.groups < problem.groups:
            y: jax.Array = form.run(part, x, kernel)
            return y
        return linear_call(
            functools.partial(form.run, part), functools.partial(form.gradient, part), x, kernel
        )

    def forward(kernel: jax.Array) -> jax.Array:
        return _in_parts(problem, x, kernel, lambda part: FORMS[choose(part, True)], solve)

    like = jax.ShapeDtypeStruct(problem.kernel_shape, x.dtype)
    (g,) = jax.linear_transpose(forward, like)(cotangent)
    return g


def _in_parts(
    problem: Problem,
    x: jax.Array,
    kernel: jax.Array,
    pick: Callable[[Problem], Any],
    solve: Callable[[Any, Problem, jax.Array, jax.Array], jax.Array],
) -> jax.Array:
    """The convolution by ``solve``, which is given parts that the form picked can do.

    In these, pixels stand apart and there are groups only for a form that knows them.
    """

    def deeper(part: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
        return _in_parts(part, x, kernel, pick, solve)

    form = pick(problem)
    if not problem.plain and not form.SPACED:
        if set(problem.stride) == {1}:
            return phases.run(problem, x, kernel, deeper)
        return deeper(*phases.spread(problem, x), kernel)
    if problem.groups > 1 and not form.GROUPED:
        return groups.run(problem, x, kernel, deeper)
    return solve(form, problem, x, kernel)
