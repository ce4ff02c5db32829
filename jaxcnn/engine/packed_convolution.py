"""The convolution with a packed kernel, as a JAX primitive.

Its operands are the kernel as its algorithm reads it (`jaxcnn.engine.algorithm.Packing`), and those
of the convolution that it stands for, which may complete its results (`jaxcnn.engine.completed`).
On one CPU the packed kernel is read. Derivatives, batches of `jax.vmap`, other devices and exports
compute the convolution that it stands for.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import JaxprEqn, Primitive, Var
from jax.interpreters import ad, batching, mlir

from jaxcnn.engine.algorithm import Algorithm, Epilogue, Order, Packing
from jaxcnn.engine.choice import BY_NAME, part_by
from jaxcnn.engine.completed import completed_p, completing, epilogue_of
from jaxcnn.engine.hook import accelerated
from jaxcnn.engine.name_stacks import RESULT
from jaxcnn.engine.primitive import OF_LAX, conv_p
from jaxcnn.engine.problem import Task, as_task
from jaxcnn.engine.single_device import devices_of, lower, trace

packed_conv_p = Primitive("jaxcnn_packed_conv")


class PackedBy(NamedTuple):
    """How a convolution's kernel is packed.

    Attributes:
        task: the convolution.
        algorithm: the name of the algorithm that packs the kernel.
        flipped: whether the kernel's window is reversed before.
    """

    task: Task
    algorithm: str
    flipped: bool

    @property
    def packing(self) -> Packing:
        """The algorithm's way to pack kernels."""
        packing = BY_NAME[self.algorithm].packing
        assert packing is not None, "`packed_by` gives algorithms with a packing"
        return packing

    @property
    def kind(self) -> Any:
        """What the packed kernel depends on besides the kernel."""
        return *self[1:], self.task.other, self.packing.kind(self.task.problem)

    def pack(self, kernel: jax.Array) -> jax.Array:
        """The packed kernel, ``(numbers,)``, of a kernel as the convolution takes it."""
        if self.flipped:
            kernel = lax.rev(kernel, self.task.other[:-2])
        ordered = jnp.transpose(kernel, self.task.other).astype(jnp.float32)
        return self.packing.pack(self.task.problem, ordered)

    def run(self, packed: jax.Array, x: jax.Array, epilogue: Epilogue | None) -> jax.Array:
        """The result of the convolution in float32, as `jaxcnn.engine.lowering` computes it."""
        ordered = BY_NAME[self.algorithm].ordered
        assert ordered is not None, "what packs a kernel reads it"
        x = jnp.transpose(x, self.task.x).astype(jnp.float32)
        with jax.named_scope(RESULT):
            y = ordered(self.task.problem, x, packed, Order.PACKED, epilogue)
        return jnp.transpose(y, self.task.y)


def packed_by(equation: JaxprEqn) -> PackedBy | None:
    """How the kernel of a convolution is packed on a CPU.

    Returns:
        None where that saves nothing, and for equations that are no convolutions of this engine.
    """
    params = _parameters(equation)
    if params is None:
        return None
    x, kernel = (_type(atom) for atom in equation.invars[:2])
    known = all(isinstance(size, int) and size > 0 for size in (*x.shape, *kernel.shape))
    if not (known and jnp.issubdtype(x.dtype, jnp.floating)):
        return None
    task = as_task(x, kernel, params)
    # The algorithms that pack compute in float32 only; what is wider, or of 8 bits, others compute.
    if task.gradient or task.problem.dtype != np.float32:
        return None
    completed = equation.primitive is completed_p
    choose = completing if completed else _computing
    algorithm = choose(task, params["algorithm"])
    packing = algorithm.packing
    if packing is None or not packing.pays(task.problem):
        return None
    return PackedBy(task, algorithm.name, params["flipped"])


def _computing(task: Task, wanted: str) -> Algorithm:
    return part_by(wanted, task.problem, gradient=False)


def _type(atom: Any) -> Any:
    return atom.aval


def with_packed_kernel(equation: JaxprEqn, by: PackedBy, packed: Var) -> JaxprEqn:
    """The equation of a convolution, reading its kernel as it was packed."""
    primitive, params = equation.primitive, equation.params
    if primitive is lax.conv_general_dilated_p:
        primitive, params = conv_p, {**OF_LAX, **params, "out_sharding": None}
    own = {"by": by, "of": primitive, "params": tuple(params.items())}
    return equation.replace(primitive=packed_conv_p, invars=[packed, *equation.invars], params=own)


def _parameters(equation: JaxprEqn) -> dict[str, Any] | None:
    """The parameters of a convolution that this engine computes; None for other equations."""
    if equation.primitive is conv_p:
        return equation.params
    if equation.primitive is completed_p:
        return dict(equation.params["conv"])
    if equation.primitive is lax.conv_general_dilated_p and accelerated():
        return {**OF_LAX, **equation.params}
    return None


def _unpacked(*operands: Any, of: Primitive, params: Any) -> Any:
    return of.bind(*operands, **dict(params))


def _on_cpu(ctx: Any, *operands: Any, by: PackedBy, of: Primitive, params: Any) -> Any:
    if devices_of(ctx) != "one device":
        return _elsewhere(ctx, *operands, by=by, of=of, params=params)

    def run(packed: jax.Array, x: jax.Array, kernel: jax.Array, *further: jax.Array) -> jax.Array:
        epilogue = epilogue_of(by.task, dict(params), *further) if further else None
        return by.run(packed, x, epilogue).astype(ctx.avals_out[0].dtype)

    return lower(ctx, run, *operands)


def _elsewhere(ctx: Any, packed: Any, *operands: Any, by: PackedBy, **whose: Any) -> Any:
    own = ctx.replace(avals_in=ctx.avals_in[1:])
    rule = functools.partial(_unpacked, **whose)
    return mlir.lower_fun(rule, multiple_results=False)(own, *operands)


def _abstract(packed: Any, *operands: Any, by: PackedBy, **whose: Any) -> Any:
    return trace(functools.partial(_unpacked, **whose), operands).out_avals[0]


def _derivative(primals: Any, tangents: Any, *, by: PackedBy, **whose: Any) -> tuple[Any, Any]:
    y = packed_conv_p.bind(*primals, by=by, **whose)
    changes = [ad.instantiate_zeros(tangent) for tangent in tangents[1:]]
    _, change = jax.jvp(functools.partial(_unpacked, **whose), primals[1:], tuple(changes))
    return y, change


def _batched(operands: Any, dims: Any, *, by: PackedBy, **whose: Any) -> Any:
    return jax.vmap(functools.partial(_unpacked, **whose), tuple(dims[1:]))(*operands[1:]), 0


@functools.lru_cache(maxsize=1024)
def _compiled(params: Any) -> Callable[..., Any]:
    return jax.jit(functools.partial(packed_conv_p.bind, **dict(params)))


packed_conv_p.def_impl(lambda *operands, **params: _compiled(tuple(params.items()))(*operands))
packed_conv_p.def_abstract_eval(_abstract)
ad.primitive_jvps[packed_conv_p] = _derivative
batching.primitive_batchers[packed_conv_p] = _batched
mlir.register_lowering(packed_conv_p, _elsewhere)
mlir.register_lowering(packed_conv_p, _on_cpu, platform="cpu")
