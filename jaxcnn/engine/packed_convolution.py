"""The convolution with a packed kernel, as a JAX primitive.

It has three operands: the images, the kernel, and the same kernel as its algorithm reads it
(`jaxcnn.engine.algorithm.Packing`). On one CPU the packed kernel alone is read. Derivatives,
batches of `jax.vmap`, other devices and exports take the kernel instead, and compute what they
compute in a program that was not prepared.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jaxcnn.engine.algorithm import Packing
from jaxcnn.engine.choice import BY_NAME, part_by
from jaxcnn.engine.lowering import on_cpu
from jaxcnn.engine.name_stacks import RESULT
from jaxcnn.engine.primitive import conv_p
from jaxcnn.engine.problem import Task, as_task
from jaxcnn.engine.single_device import devices_of, lower, trace

packed_conv_p = Primitive("jaxcnn_packed_conv")


class PackedBy(NamedTuple):
    """How a convolution's kernel is packed.

    Attributes:
        task: the convolution.
        algorithm: the name of the algorithm that packs the kernel.
    """

    task: Task
    algorithm: str

    @property
    def packing(self) -> Packing:
        """The algorithm's way to pack kernels."""
        packing = BY_NAME[self.algorithm].packing
        assert packing is not None, "`packed_by` gives algorithms with a packing"
        return packing

    @property
    def kind(self) -> Any:
        """What the packed kernel depends on besides the kernel."""
        return self.algorithm, self.task.other, self.packing.kind(self.task.problem)

    def pack(self, kernel: jax.Array) -> jax.Array:
        """The packed kernel, ``(numbers,)``, of a kernel as the convolution takes it."""
        ordered = jnp.transpose(kernel, self.task.other).astype(jnp.float32)
        return self.packing.pack(self.task.problem, ordered)

    def run(self, x: jax.Array, packed: jax.Array) -> jax.Array:
        """The result of the convolution, as `jaxcnn.engine.lowering.carry_out` gives it."""
        x = jnp.transpose(x, self.task.x).astype(jnp.float32)
        with jax.named_scope(RESULT):
            y = self.packing.run_packed(self.task.problem, x, packed)
        return jnp.transpose(y, self.task.y)


def packed_by(x: Any, kernel: Any, params: dict[str, Any]) -> PackedBy | None:
    """How the kernel of a convolution is packed on a CPU; None where that saves nothing.

    Args:
        x: the images, or their type.
        kernel: the kernel, or its type.
        params: the parameters of `jaxcnn.engine.primitive.conv_p`.
    """
    known = all(isinstance(size, int) for size in x.shape)
    if not (known and jnp.issubdtype(x.dtype, jnp.floating)):
        return None
    task = as_task(x, kernel, params)
    # The algorithms that pack compute in float32 only; what is wider or narrower, others compute.
    if task.gradient or task.problem.dtype != np.float32:
        return None
    algorithm = part_by(params["algorithm"], task.problem, gradient=False)
    packing = algorithm.packing
    return PackedBy(task, algorithm.name) if packing and packing.pays(task.problem) else None


def _unpacked(x: Any, kernel: Any, packed: Any, *, by: PackedBy, **params: Any) -> Any:
    return conv_p.bind(x, kernel, **params)


def _on_cpu(ctx: Any, x: Any, kernel: Any, packed: Any, *, by: PackedBy, **params: Any) -> Any:
    if devices_of(ctx) == "one device":
        return lower(ctx, lambda x, _, packed: by.run(x, packed), x, kernel, packed)
    own = ctx.replace(primitive=conv_p, avals_in=ctx.avals_in[:2])
    return on_cpu(own, x, kernel, **params)


def _elsewhere(ctx: Any, *operands: Any, **params: Any) -> Any:
    return mlir.lower_fun(functools.partial(_unpacked, **params), multiple_results=False)(
        ctx, *operands
    )


def _abstract(x: Any, kernel: Any, packed: Any, *, by: PackedBy, **params: Any) -> Any:
    return trace(functools.partial(conv_p.bind, **params), (x, kernel)).out_avals[0]


def _derivative(primals: Any, tangents: Any, **params: Any) -> tuple[Any, Any]:
    """The derivative in the images: the kernel was known before, so it does not change."""
    y = packed_conv_p.bind(*primals, **params)
    change = tangents[0]
    if isinstance(change, ad.Zero):
        return y, ad.zeros_like_aval(jax.typeof(y))
    return y, _unpacked(change, *primals[1:], **params)


def _batched(operands: Any, dims: Any, *, by: PackedBy, **params: Any) -> Any:
    convolve = functools.partial(conv_p.bind, **params)
    return jax.vmap(convolve, tuple(dims[:2]))(*operands[:2]), 0


@functools.lru_cache(maxsize=1024)
def _compiled(params: Any) -> Callable[..., Any]:
    return jax.jit(functools.partial(packed_conv_p.bind, **dict(params)))


packed_conv_p.def_impl(lambda *operands, **params: _compiled(tuple(params.items()))(*operands))
packed_conv_p.def_abstract_eval(_abstract)
ad.primitive_jvps[packed_conv_p] = _derivative
batching.primitive_batchers[packed_conv_p] = _batched
mlir.register_lowering(packed_conv_p, _elsewhere)
mlir.register_lowering(packed_conv_p, _on_cpu, platform="cpu")
