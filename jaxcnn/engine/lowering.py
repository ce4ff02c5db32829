"""Lowers convolutions for CPUs: this file hooks the algorithms into JAX's compilation.

For other platforms nothing is registered, so their convolutions are XLA's own.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import mlir

from jaxcnn.engine import parts
from jaxcnn.engine.algorithm import Algorithm, Chooser, Order
from jaxcnn.engine.choice import part_by
from jaxcnn.engine.name_stacks import KERNEL_GRADIENT, RESULT
from jaxcnn.engine.partitioned_convolution import on_parts
from jaxcnn.engine.portable.xla import has_fast_axes, with_fast_axes
from jaxcnn.engine.primitive import conv_p, reversed_window
from jaxcnn.engine.problem import Task, as_task, summed_in
from jaxcnn.engine.single_device import devices_of, lower, sharded

# JAX has no public way to ask for a registered rule; it is needed as what to fall back on.
_XLA = mlir._platform_specific_lowerings["cpu"][lax.conv_general_dilated_p].rule


def on_cpu(
    ctx: Any,
    x: Any,
    kernel: Any,
    *,
    algorithm: str,
    written_out: bool,
    flipped: bool,
    rounded: bool,
    **params: Any,
) -> Any:
    """Lower a convolution by an algorithm of the engine, or by XLA's own rule."""
    (left, right), (result,) = ctx.avals_in, ctx.avals_out
    numbers = jnp.issubdtype(result.dtype, jnp.floating)
    own = {"algorithm": algorithm, "written_out": written_out, "flipped": flipped}
    own["rounded"] = rounded
    if summed_in(result.dtype) != result.dtype:
        # It is lowered once more, in float32, so that sums over devices are in float32 as well.
        # GPUs and TPUs have units for halves, which sum so.
        rule = functools.partial(_in_float32, dtype=result.dtype, **own, **params)
        return mlir.lower_fun(rule, multiple_results=False)(ctx, x, kernel)
    shapes = (*left.shape, *right.shape, *result.shape)
    # Sizes that are not known yet are those of an export with a symbolic shape.
    known = all(isinstance(n, int) and n > 0 for n in shapes)
    devices = devices_of(ctx)
    beyond = devices == "elsewhere" and sharded(result)
    ours = algorithm != "lax" and numbers and known and not beyond
    if ours:
        task = as_task(left, right, params)
        compute = computation(task, algorithm, portable=devices == "elsewhere")
        params["out_sharding"] = None
        if devices == "several devices":
            # XLA's own convolution too: its partitioner counts the gradient in the kernel several
            # times where the height is sharded over some of the mesh (jax 0.10 and 0.12).
            return on_parts(ctx, conv_p.bind, x, kernel, **own, **params)
        if compute is not None:
            rule = functools.partial(compute, flipped=flipped, dtype=result.dtype)
            return lower(ctx, rule, x, kernel)
    if flipped:
        # It is lowered once more, with the kernel reversed.
        rule = functools.partial(_with_reversed_kernel, **{**own, **params})
        return mlir.lower_fun(rule, multiple_results=False)(ctx, x, kernel)
    if ours and not has_fast_axes(params["dimension_numbers"]):
        rule = functools.partial(with_fast_axes, **params)
        return lower(ctx, rule, x, kernel)
    return _XLA(ctx, x, kernel, **params)


def _in_float32(x: Any, kernel: Any, *, dtype: Any, **params: Any) -> Any:
    x, kernel = x.astype(jnp.float32), kernel.astype(jnp.float32)
    return conv_p.bind(x, kernel, **{**params, "preferred_element_type": None}).astype(dtype)


def _with_reversed_kernel(x: Any, kernel: Any, **params: Any) -> Any:
    return conv_p.bind(x, reversed_window(kernel, params), **{**params, "flipped": False})


def computation(task: Task, algorithm: str, *, portable: bool) -> Callable[..., Any] | None:
    """A function of the operands that computes a task on a CPU; None where XLA's own does.

    A derivative of a convolution may be one that its algorithm refuses; then one is chosen.
    """
    wanted = part_by(algorithm, task.problem, task.gradient, portable=portable).name
    if wanted == "lax":
        return None
    by_wanted = functools.partial(part_by, wanted, portable=portable)
    return functools.partial(carry_out, task, by_wanted)


def carry_out(
    task: Task,
    choose: Chooser,
    x: jax.Array,
    other: jax.Array,
    dtype: Any,
    *,
    flipped: bool = False,
) -> Any:
    """Compute what XLA's convolution of ``x`` and ``other`` gives, in ``dtype``.

    Args:
        task: the convolution, or the gradient in its kernel.
        choose: chooses its algorithm.
        x: the left operand.
        other: the right operand.
        dtype: the type of the result.
        flipped: whether the window of the right operand is to be reversed.
    """
    # Operands may be of 16 bits, and are cast explicitly: the user's JAX may forbid to promote.
    x, other = jnp.transpose(x, task.x).astype(dtype), other.astype(dtype)
    algorithm = choose(task.problem, task.gradient)
    with jax.named_scope(KERNEL_GRADIENT if task.gradient else RESULT):
        if flipped and _reads_mirrored(task, algorithm):
            assert algorithm.ordered is not None
            *window, channels, features = task.other
            mirrored = jnp.transpose(other, (*window, features, channels))
            y = algorithm.ordered(task.problem, x, mirrored, Order.MIRRORED, None)
        else:
            if flipped:
                other = _reversed(task, other)
            y = _computed(task, choose, algorithm, x, jnp.transpose(other, task.other))
    return jnp.transpose(y, task.y)


def _reversed(task: Task, other: jax.Array) -> jax.Array:
    """The right operand of a task, with its window reversed."""
    window = task.other[1:-1] if task.gradient else task.other[:-2]
    return lax.rev(other, [axis for axis in window if other.shape[axis] > 1])


def _reads_mirrored(task: Task, algorithm: Algorithm) -> bool:
    """Whether the algorithm reads a kernel that is mirrored as it is."""
    return not (task.gradient or algorithm.ordered is None or _in_parts(task, algorithm))


def _in_parts(task: Task, algorithm: Algorithm) -> bool:
    """Whether the algorithm computes the task in parts, or not at all by itself."""
    dilated = task.problem.input_dilated and not algorithm.handles_input_dilation
    grouped = task.problem.groups > 1 and not algorithm.handles_groups
    compute = algorithm.gradient if task.gradient else algorithm.run
    return compute is None or dilated or grouped


def _computed(
    task: Task, choose: Chooser, algorithm: Algorithm, x: jax.Array, other: jax.Array
) -> jax.Array:
    if _in_parts(task, algorithm):
        return (parts.gradient if task.gradient else parts.result)(task.problem, choose, x, other)
    compute = algorithm.gradient if task.gradient else algorithm.run
    assert compute is not None
    return compute(task.problem, x, other)


mlir.register_lowering(conv_p, on_cpu, platform="cpu")
