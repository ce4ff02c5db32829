"""Computes a task by an algorithm, with the axes of its operands in the order of the algorithm."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.engine import parts
from jaxcnn.engine.algorithm import Chooser
from jaxcnn.engine.name_stacks import KERNEL_GRADIENT, RESULT
from jaxcnn.engine.task import Task


def carry_out(task: Task, choose: Chooser, x: jax.Array, other: jax.Array, dtype: Any) -> Any:
    """Compute what XLA's convolution of ``x`` and ``other`` gives, in ``dtype``."""
    # Halves are summed up in float32, and cast explicitly: the user's JAX may forbid to promote.
    wide = np.dtype(np.float32) if dtype.itemsize < 4 else dtype
    x = jnp.transpose(x, task.x).astype(wide)
    other = jnp.transpose(other, task.other).astype(wide)
    with jax.named_scope(KERNEL_GRADIENT if task.gradient else RESULT):
        y = _computed(task, choose, x, other)
    return jnp.transpose(y, task.y).astype(dtype)


def _computed(task: Task, choose: Chooser, x: jax.Array, other: jax.Array) -> jax.Array:
    problem = task.problem
    algorithm = choose(problem, task.gradient)
    dilated = problem.input_dilated and not algorithm.handles_input_dilation
    grouped = problem.groups > 1 and not algorithm.handles_groups
    compute = algorithm.gradient if task.gradient else algorithm.run
    if compute is None or dilated or grouped:
        return (parts.gradient if task.gradient else parts.result)(problem, choose, x, other)
    return compute(problem, x, other)
