"""The convolution as a JAX primitive of its own, which stays a convolution in every program.

It means what XLA's convolution means. Its parameters are those of `jax.lax.conv_general_dilated`
and two more: ``algorithm``, and ``written_out``, which says that accelerators get the zeros of an
input dilation written out. Transposed convolutions want that, because XLA's gradients of an
input-dilated convolution are slow.

Derivatives and batches of a convolution are convolutions again, and an algorithm is chosen for
each of them. Differentiating the operations of one algorithm would miss that. JAX's own rules are
used: a transformation is applied to `lax`'s convolution, and the convolutions in the program that
it gives are replaced by this primitive.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax import lax
from jax.extend.core import ClosedJaxpr, Literal, Primitive
from jax.interpreters import ad, batching

from jaxcnn.engine import partitioned_convolution
from jaxcnn.engine.single_device import placed_like, sharded, trace, whole

conv_p = Primitive("jaxcnn_conv")


def like_lax(rule: Callable[..., Any], params: dict[str, Any], *args: Any) -> Any:
    """Compute ``rule(*args, **params)``, with this primitive for each convolution of `lax`."""
    own = {name: params.pop(name) for name in ("algorithm", "written_out")}
    # Traced without sharding, for which lax lacks some rules; replayed with it.
    types = tuple(whole(jax.typeof(a)) for a in args)
    return _replay(_traced(rule, tuple(params.items()), types), own, args)


@functools.lru_cache(maxsize=1024)
def _traced(rule: Callable[..., Any], params: Any, types: tuple[Any, ...]) -> ClosedJaxpr:
    return trace(functools.partial(rule, **dict(params)), types)


def _replay(traced: ClosedJaxpr, own: dict[str, Any], args: tuple[Any, ...]) -> Any:
    values: dict[Any, Any] = dict(zip(traced.jaxpr.invars, args, strict=True))
    values.update(zip(traced.jaxpr.constvars, traced.consts, strict=True))
    for equation in traced.jaxpr.eqns:
        operands = [a.val if isinstance(a, Literal) else values[a] for a in equation.invars]
        if equation.primitive is lax.conv_general_dilated_p:
            result = conv_p.bind(*operands, **own, **{**equation.params, "out_sharding": None})
        elif equation.primitive is lax.reshape_p:
            # A reshape that permutes axes as well has no rule for sharded ones.
            sizes, order = equation.params["new_sizes"], equation.params["dimensions"]
            permuted = operands[0] if order is None else lax.transpose(operands[0], order)
            result = lax.reshape(permuted, sizes)
        else:
            result = equation.primitive.bind(*operands, **equation.params)
        values[equation.outvars[0]] = result
    return values[traced.jaxpr.outvars[0]]


def _transposed(cotangent: Any, other: Any, *, operand: int, like: Any, **params: Any) -> Any:
    def convolved(array: Any) -> Any:
        operands = (array, other) if operand == 0 else (other, array)
        return lax.conv_general_dilated_p.bind(*operands, **params)

    return jax.linear_transpose(convolved, like)(cotangent)[0]


def _batched(x: Any, kernel: Any, *, dims: tuple[int | None, ...], **params: Any) -> Any:
    return jax.vmap(functools.partial(lax.conv_general_dilated_p.bind, **params), dims)(x, kernel)


def _transpose_rule(operand: int, cotangent: Any, x: Any, kernel: Any, **params: Any) -> Any:
    array, other = (x, kernel) if operand == 0 else (kernel, x)
    rule = {"operand": operand, "like": whole(array.aval), **params}
    return placed_like(array.aval, like_lax(_transposed, rule, cotangent, other))


def _batch_rule(args: Any, dims: Any, **params: Any) -> Any:
    return like_lax(_batched, {"dims": tuple(dims), **params}, *args), 0


def _abstract(x: Any, kernel: Any, *, algorithm: str, written_out: bool, **params: Any) -> Any:
    bound = functools.partial(lax.conv_general_dilated_p.bind, **{**params, "out_sharding": None})
    made = trace(bound, (whole(x), whole(kernel))).out_avals[0]
    if not (sharded(x) or sharded(kernel)):
        return made
    return partitioned_convolution.sharded_type(made, x, kernel, params)


@functools.lru_cache(maxsize=1024)
def _compiled(params: Any) -> Callable[..., Any]:
    return jax.jit(functools.partial(conv_p.bind, **dict(params)))


conv_p.def_impl(lambda x, kernel, **params: _compiled(tuple(params.items()))(x, kernel))
conv_p.def_abstract_eval(_abstract)
ad.defbilinear(conv_p, *(functools.partial(_transpose_rule, operand) for operand in (0, 1)))
batching.primitive_batchers[conv_p] = _batch_rule
