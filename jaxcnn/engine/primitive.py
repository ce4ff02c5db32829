"""The convolution as a primitive of its own: XLA's meaning, and on CPUs the engine's forms.

Its parameters are those of `jax.lax.conv_general_dilated`, and two beside them: ``algorithm``,
and ``written_out``, whether on accelerators pixels that stand apart are written out, zeros and
all. A transposed convolution wants that: XLA's gradients of a base-dilated convolution are slow.
Because it is bilinear and a primitive, it stays a convolution through every transformation: the
derivatives and the batched forms are convolutions again, and each of them is lowered in the way
that is best for itself. Differentiating a form instead would miss that.

The rules are borrowed: a transformation is applied to `lax`'s convolution, and the convolutions
in the outcome are replaced by this one.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.extend.core import ClosedJaxpr, Literal, Primitive
from jax.interpreters import ad, batching, mlir

from jaxcnn.engine import partitioned

conv_p = Primitive("jaxcnn_conv")


def convolution(
    x: Any, kernel: Any, *, algorithm: str, written_out: bool = False, **options: Any
) -> Any:
    """`jax.lax.conv_general_dilated` by an ``algorithm`` of `jaxcnn.engine`."""
    own = {"algorithm": algorithm, "written_out": written_out}
    groups = {"feature_group_count": 1, "batch_group_count": 1}
    x, kernel = partitioned.placed(axes_of(x, kernel, {**groups, **options}), x, kernel)
    return _like_lax(_forward, {**own, **options}, x, kernel)


def axes_of(x: Any, kernel: Any, params: Any) -> partitioned.Axes:
    """Which axes of a convolution may be sharded: the batch and the groups or output channels.

    The channels that are summed over may be sharded too, if there are no groups.
    """
    left, right, out = params["dimension_numbers"]
    many = max(params["feature_group_count"], params["batch_group_count"])
    x_names, kernel_names, names = (
        [f"{side}{i}" for i in range(len(left))] for side in ("x", "k", "y")
    )
    x_names[left[0]] = names[out[0]] = "n"
    x_names[left[1]] = kernel_names[right[1]] = "c"
    kernel_names[right[0]] = names[out[1]] = "f"
    features = kernel.shape[right[0]] // many
    if many > 1:
        grouped = left[1] if params["feature_group_count"] > 1 else left[0]
        alone = x.shape[grouped] == many
        x_names[grouped] = "g" if alone else f"(g {x_names[grouped]})"
        kernel_names[right[0]] = names[out[1]] = "g" if features == 1 else "(g f)"
    return partitioned.Axes(
        (tuple(x_names), tuple(kernel_names)),
        tuple(names),
        free=frozenset("nf" if many == 1 else "ng" if params["feature_group_count"] > 1 else "g"),
        summed=frozenset("c" if params["feature_group_count"] == 1 else ""),
        sizes=(("g", many), ("f", features)) if many > 1 else (),
    )


def _like_lax(rule: Callable[..., Any], params: dict[str, Any], *args: Any) -> Any:
    """``rule(**params)(*args)``, with the convolutions of `lax` in it replaced by this file's."""
    own = {name: params.pop(name) for name in ("algorithm", "written_out")}
    # Traced without sharding, for which lax lacks some rules; replayed with it.
    types = tuple(partitioned.whole(jax.typeof(a)) for a in args)
    return _replay(_traced(rule, tuple(params.items()), types), own, args)


@functools.lru_cache(maxsize=1024)
def _traced(rule: Callable[..., Any], params: Any, types: tuple[Any, ...]) -> ClosedJaxpr:
    return partitioned.trace(rule(**dict(params)), types)


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


def _forward(**options: Any) -> Callable[..., Any]:
    return functools.partial(lax.conv_general_dilated, **options)


def _bound(**params: Any) -> Callable[..., Any]:
    return functools.partial(lax.conv_general_dilated_p.bind, **params)


def _transposed_in_x(*, like: Any, **params: Any) -> Callable[..., Any]:
    def gradient(cotangent: Any, kernel: Any) -> Any:
        return jax.linear_transpose(lambda x: _bound(**params)(x, kernel), like)(cotangent)[0]

    return gradient


def _transposed_in_kernel(*, like: Any, **params: Any) -> Callable[..., Any]:
    def gradient(cotangent: Any, x: Any) -> Any:
        return jax.linear_transpose(functools.partial(_bound(**params), x), like)(cotangent)[0]

    return gradient


def _batched(*, dims: tuple[int | None, ...], **params: Any) -> Callable[..., Any]:
    return jax.vmap(_bound(**params), in_axes=dims)


def _x_rule(cotangent: Any, x: Any, kernel: Any, **params: Any) -> Any:
    g = _like_lax(
        _transposed_in_x, {"like": partitioned.whole(x.aval), **params}, cotangent, kernel
    )
    return partitioned.placed_like(x.aval, g)


def _kernel_rule(cotangent: Any, x: Any, kernel: Any, **params: Any) -> Any:
    like = partitioned.whole(kernel.aval)
    g = _like_lax(_transposed_in_kernel, {"like": like, **params}, cotangent, x)
    return partitioned.placed_like(kernel.aval, g)


def _batch_rule(args: Any, dims: Any, **params: Any) -> Any:
    return _like_lax(_batched, {"dims": tuple(dims), **params}, *args), 0


def _abstract(x: Any, kernel: Any, *, algorithm: str, written_out: bool, **params: Any) -> Any:
    params = {**params, "out_sharding": None}
    axes = axes_of(x, kernel, params)
    return partitioned.result_type(_bound(**params), axes, (x, kernel))


def _on_accelerators(
    x: Any, kernel: Any, *, algorithm: str, written_out: bool, **params: Any
) -> Any:
    gaps = params["lhs_dilation"]
    if written_out and set(gaps) != {1}:
        widths = [(0, 0, 0)] * x.ndim
        for axis, gap in zip(params["dimension_numbers"].lhs_spec[2:], gaps, strict=True):
            widths[axis] = (0, 0, gap - 1)
        x = lax.pad(x, np.zeros((), x.dtype), widths)
        params["lhs_dilation"] = (1,) * len(gaps)
    return _bound(**params)(x, kernel)


def on_parts(ctx: Any, x: Any, kernel: Any, **params: Any) -> Any:
    """The lowering for several devices: each convolves its part of the images or channels."""
    left, right, out = params["dimension_numbers"]
    images, kernels = ctx.avals_in
    channels, batch = kernels.shape[right[1]], ctx.avals_out[0].shape[out[0]]

    def part(x: Any, kernel: Any) -> Any:
        own = {}
        if params["feature_group_count"] > 1:
            own["feature_group_count"] = x.shape[left[1]] // channels
        if params["batch_group_count"] > 1:
            own["batch_group_count"] = x.shape[left[0]] // batch
        return conv_p.bind(x, kernel, **{**params, **own})

    return partitioned.lower_on_parts(ctx, axes_of(images, kernels, params), part, x, kernel)


def _lower(ctx: Any, x: Any, kernel: Any, **params: Any) -> Any:
    groups = max(params["feature_group_count"], params["batch_group_count"])
    # XLA's partitioner would gather the images of a grouped convolution.
    if groups > 1 and partitioned.place_of(ctx) == "apart":
        return on_parts(ctx, x, kernel, **params)
    return partitioned.lower(ctx, functools.partial(_on_accelerators, **params), x, kernel)


@functools.lru_cache(maxsize=1024)
def _compiled(params: Any) -> Callable[..., Any]:
    return jax.jit(functools.partial(conv_p.bind, **dict(params)))


conv_p.def_impl(lambda x, kernel, **params: _compiled(tuple(params.items()))(x, kernel))
conv_p.def_abstract_eval(_abstract)
ad.defbilinear(conv_p, _x_rule, _kernel_rule)
batching.primitive_batchers[conv_p] = _batch_rule
partitioned.needs_devices(conv_p)
mlir.register_lowering(conv_p, _lower)
