"""Lowers convolutions for CPUs: this file hooks the algorithms into JAX's compilation.

For other platforms nothing is registered, so their convolutions are XLA's own.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.interpreters import mlir

from jaxcnn.engine import parts
from jaxcnn.engine.algorithm import Chooser
from jaxcnn.engine.choice import part_by
from jaxcnn.engine.name_stacks import KERNEL_GRADIENT, RESULT
from jaxcnn.engine.partitioned_convolution import on_parts
from jaxcnn.engine.portable.xla import has_fast_axes, with_fast_axes
from jaxcnn.engine.primitive import conv_p
from jaxcnn.engine.problem import Task, as_task
from jaxcnn.engine.single_device import devices_of, lower, sharded

# JAX has no public way to ask for a registered rule; it is needed as what to fall back on.
_XLA = mlir._platform_specific_lowerings["cpu"][lax.conv_general_dilated_p].rule


def on_cpu(
    ctx: Any, x: Any, kernel: Any, *, algorithm: str, written_out: bool, **params: Any
) -> Any:
    """Lower a convolution by an algorithm of the engine, or by XLA's own rule."""
    (left, right), (result,) = ctx.avals_in, ctx.avals_out
    numbers = jnp.issubdtype(result.dtype, jnp.floating)
    shapes = (*left.shape, *right.shape, *result.shape)
    # Sizes that are not known yet are those of an export with a symbolic shape.
    known = all(isinstance(n, int) and n > 0 for n in shapes)
    devices = devices_of(ctx)
    beyond = devices == "elsewhere" and sharded(result)
    if algorithm != "lax" and numbers and known and not beyond:
        task = as_task(left, right, params)
        compute = computation(task, algorithm, portable=devices == "elsewhere")
        params["out_sharding"] = None
        if compute is not None and devices == "several devices":
            own = {"algorithm": algorithm, "written_out": written_out}
            return on_parts(ctx, conv_p.bind, x, kernel, **own, **params)
        if compute is not None:
            return lower(ctx, functools.partial(compute, dtype=result.dtype), x, kernel)
        if not has_fast_axes(params["dimension_numbers"]):
            rule = functools.partial(with_fast_axes, written_out=written_out, **params)
            return lower(ctx, rule, x, kernel)
    return _XLA(ctx, x, kernel, **params)


def computation(task: Task, algorithm: str, *, portable: bool) -> Callable[..., Any] | None:
    """A function of the operands that computes a task on a CPU; None where XLA's own does.

    A derivative of a convolution may be one that its algorithm refuses; then one is chosen.
    """
    wanted = part_by(algorithm, task.problem, task.gradient, portable=portable).name
    if wanted == "lax":
        return None
    by_wanted = functools.partial(part_by, wanted, portable=portable)
    return functools.partial(carry_out, task, by_wanted)


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


mlir.register_lowering(conv_p, on_cpu, platform="cpu")
