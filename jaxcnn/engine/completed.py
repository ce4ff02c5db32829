"""A convolution and what becomes of its results, as one JAX primitive.

On CPUs native code completes the results while they are in the cache. Elsewhere, and in derivatives
and batches, it is a convolution and JAX's own operations.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import ad, batching

from jaxcnn.engine.algorithm import Algorithm, Epilogue, Order, Ordered
from jaxcnn.engine.choice import part_by, refuses
from jaxcnn.engine.direct import DIRECT
from jaxcnn.engine.native_primitive import Compute, NativePrimitive
from jaxcnn.engine.problem import Task, as_task


def complete(*operands: jax.Array, **params: Any) -> jax.Array:
    """Compute ``cut(conv(x, kernel) * factor + offset + residual)``.

    Args:
        *operands: the images; the kernel; a factor and an offset for each feature; an array that is
            added, if there is one; and the arguments of ``steps``.
        **params: ``conv``, the parameters of the convolution, those of `jaxcnn.engine.primitive`,
            as pairs; ``residual``, whether an array is added; ``low`` and ``high``, the least and
            the most that a result becomes; and ``steps``, a function that computes the same in the
            separate operations that are joined, and gives a list of one array. Its derivatives and
            batches are those of the primitive.
    """
    y: jax.Array = _completed(*operands, **params)
    return y


def _in_steps(*operands: jax.Array, residual: bool, steps: Any, **params: Any) -> jax.Array:
    y: jax.Array = steps(*operands[5 if residual else 4 :])[0]
    return y


class _Completed(NativePrimitive):
    """The primitive; its operands are those of `completed_convolution`."""

    def in_cpp(self, ctx: Any, **params: Any) -> Compute | None:
        """A function that computes the result in C++; None where that is not possible."""
        x, kernel = ctx.avals_in[:2]
        conv = dict(params.pop("conv"))
        shapes = (*x.shape, *kernel.shape, *ctx.avals_out[0].shape)
        if not all(isinstance(n, int) and n > 0 for n in shapes):
            return None
        task = as_task(x, kernel, conv)
        if task.gradient:
            return None
        ordered = completing(task, conv["algorithm"]).ordered
        return None if ordered is None else functools.partial(_at_once, task, ordered, params)


def completing(task: Task, wanted: str) -> Algorithm:
    """The algorithm for a convolution that completes its results.

    A window of one element is a matrix product, but one that leaves the rest to be done.
    """
    algorithm = part_by(wanted, task.problem, gradient=False)
    product = wanted == "auto" and algorithm.name == "tap_products"
    if product and not refuses(task.problem, "direct"):
        return DIRECT
    return algorithm


def epilogue_of(
    task: Task,
    params: dict[str, Any],
    factor: jax.Array,
    offset: jax.Array,
    *further: jax.Array,
) -> Epilogue:
    """What becomes of a task's results, for operands and parameters of the primitive."""
    order = tuple(task.y.index(i) for i in range(len(task.y)))
    added = jnp.transpose(further[0], order) if params["residual"] else None
    return Epilogue(factor, offset, added, params["low"], params["high"])


def _at_once(
    task: Task,
    ordered: Ordered,
    params: dict[str, Any],
    x: jax.Array,
    kernel: jax.Array,
    *further: jax.Array,
) -> jax.Array:
    x, kernel = jnp.transpose(x, task.x), jnp.transpose(kernel, task.other)
    epilogue = epilogue_of(task, params, *further)
    return jnp.transpose(ordered(task.problem, x, kernel, Order.PLAIN, epilogue), task.y)


_completed = _Completed("jaxcnn_completed_conv", _in_steps)
completed_p = _completed.primitive


def _derivative(primals: Any, tangents: Any, **params: Any) -> Any:
    dense = [ad.instantiate_zeros(tangent) for tangent in tangents]
    return jax.jvp(functools.partial(_in_steps, **params), tuple(primals), tuple(dense))


def _batched(operands: Any, dims: Any, **params: Any) -> Any:
    return jax.vmap(functools.partial(_in_steps, **params), tuple(dims))(*operands), 0


ad.primitive_jvps[completed_p] = _derivative
batching.primitive_batchers[completed_p] = _batched
