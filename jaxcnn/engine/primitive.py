"""The convolution as a JAX primitive of its own, which stays a convolution in every program.

It means what XLA's convolution means. Its parameters are those of `jax.lax.conv_general_dilated`
and four more: ``algorithm``; ``written_out``, which says that accelerators get the zeros of an
input dilation written out (transposed convolutions want that, because XLA's gradients of an
input-dilated convolution are slow); ``flipped``, which says that the kernel's window is to be
reversed (the gradient in the images wants that: native code reads a kernel in either direction,
while reversing a copy of it takes as long as a small convolution); and ``rounded``, which says that
a result that is wider than the operands is rounded to their type after a bias was added. Then a
cotangent has no more bits than they have, and gradients are convolutions of narrow operands.

Derivatives and batches of a convolution are convolutions again, and an algorithm is chosen for
each of them. Differentiating the operations of one algorithm would miss that. JAX's own rules are
used: a transformation is applied to `lax`'s convolution, and the convolutions in the program that
it gives are replaced by this primitive.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
from jax import lax
from jax.extend.core import ClosedJaxpr, Literal, Primitive
from jax.interpreters import ad, batching

from jaxcnn.engine import partitioned_convolution
from jaxcnn.engine.single_device import placed_like, sharded, trace, whole

conv_p = Primitive("jaxcnn_conv")

OF_LAX: dict[str, Any] = {
    "algorithm": "auto",
    "written_out": False,
    "flipped": False,
    "rounded": False,
}
"""The parameters that a convolution of `lax` has not, as one of this engine has them."""


def like_lax(rule: Callable[..., Any], params: dict[str, Any], *args: Any) -> Any:
    """Compute ``rule(*args, **params)``, with this primitive for each convolution of `lax`."""
    own = {name: params.pop(name) for name in OF_LAX}
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
        primitive, params = equation.primitive, equation.params
        if primitive is lax.rev_p:
            result: Any = _Reversed(operands[0], params["dimensions"])
        elif primitive is lax.conv_general_dilated_p:
            result = _convolved(operands[0], operands[1], {**params, **own, "out_sharding": None})
        elif primitive is lax.reshape_p:
            # A reshape that permutes axes as well has no rule for sharded ones.
            operand, order = _now(operands[0]), params["dimensions"]
            permuted = operand if order is None else lax.transpose(operand, order)
            result = lax.reshape(permuted, params["new_sizes"])
        else:
            result = primitive.bind(*map(_now, operands), **params)
        values[equation.outvars[0]] = result
    return _now(values[traced.jaxpr.outvars[0]])


class _Reversed(NamedTuple):
    """An array that is to be reversed along some axes."""

    array: Any
    axes: Sequence[int]


def _now(value: Any) -> Any:
    return lax.rev(*value) if isinstance(value, _Reversed) else value


def _convolved(x: Any, kernel: Any, params: dict[str, Any]) -> Any:
    """The convolution; a kernel whose whole window is to be reversed is read in that order."""
    window = params["dimension_numbers"].rhs_spec[2:]
    groups = params["feature_group_count"], params["batch_group_count"]
    if isinstance(kernel, _Reversed) and groups == (1, 1) and sorted(kernel.axes) == sorted(window):
        return conv_p.bind(_now(x), kernel.array, **{**params, "flipped": True})
    return conv_p.bind(_now(x), _now(kernel), **params)


def reversed_window(kernel: Any, params: dict[str, Any], shift: int = 0) -> Any:
    """The kernel of a convolution with its window reversed; its axes come ``shift`` later."""
    return lax.rev(kernel, [axis + shift for axis in params["dimension_numbers"].rhs_spec[2:]])


def _transposed(cotangent: Any, other: Any, *, operand: int, like: Any, **params: Any) -> Any:
    def convolved(array: Any) -> Any:
        operands = (array, other) if operand == 0 else (other, array)
        return lax.conv_general_dilated_p.bind(*operands, **params)

    return jax.linear_transpose(convolved, like)(cotangent)[0]


def _batched(x: Any, kernel: Any, *, dims: tuple[int | None, ...], **params: Any) -> Any:
    return jax.vmap(functools.partial(lax.conv_general_dilated_p.bind, **params), dims)(x, kernel)


def _transpose_rule(operand: int, cotangent: Any, x: Any, kernel: Any, **params: Any) -> Any:
    if params["rounded"]:
        # It was widened from this type, so nothing is lost.
        cotangent = cotangent.astype((kernel if operand == 0 else x).dtype)
        params |= {"rounded": False, "preferred_element_type": None}
    if params["flipped"]:
        plain = {**params, "flipped": False}
        if operand == 0:
            kernel = reversed_window(kernel, params)
            return _transpose_rule(operand, cotangent, x, kernel, **plain)
        return reversed_window(_transpose_rule(operand, cotangent, x, kernel, **plain), params)
    array, other = (x, kernel) if operand == 0 else (kernel, x)
    rule = {"operand": operand, "like": whole(array.aval), **params}
    return placed_like(array.aval, like_lax(_transposed, rule, cotangent, other))


def _batch_rule(args: Any, dims: Any, **params: Any) -> Any:
    x, kernel = args
    if params["flipped"]:
        kernel = batching.bdim_at_front(kernel, dims[1], 1) if dims[1] is not None else kernel
        kernel = reversed_window(kernel, params, 0 if dims[1] is None else 1)
        dims, params["flipped"] = (dims[0], None if dims[1] is None else 0), False
    return like_lax(_batched, {"dims": tuple(dims), **params}, x, kernel), 0


def _abstract(
    x: Any,
    kernel: Any,
    *,
    algorithm: str,
    written_out: bool,
    flipped: bool,
    rounded: bool,
    **params: Any,
) -> Any:
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
