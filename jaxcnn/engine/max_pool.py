"""The maximum of each window and its derivatives, as primitives of their own.

On CPUs native code (``native/max_pool.h``) finds the maxima, and sends back to them, in one pass
each. Where there is none, for other dtypes, and on accelerators JAX's operations do
(`jaxcnn.engine.window_maxima`). A tangent is picked by the winners of ``x``, and a cotangent is
sent back to them: each is the other's transpose, and neither has a derivative in ``x``.
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jaxcnn.engine import compiler, window_maxima
from jaxcnn.engine.lowering import portable
from jaxcnn.engine.result_types import made_from
from jaxcnn.engine.windows import Windows

LEAST_TOGETHER = 4
"""The channels from which on native code finds maxima faster than XLA."""

maxima_p = Primitive("jaxcnn_max_pool")
pick_p = Primitive("jaxcnn_max_pool_pick")
send_back_p = Primitive("jaxcnn_max_pool_send_back")

FORMS: dict[Primitive, Callable[..., Any]] = {
    maxima_p: window_maxima.maxima,
    pick_p: window_maxima.picked,
    send_back_p: window_maxima.sent_back,
}


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def max_pool(x: jax.Array, windows: Windows) -> jax.Array:
    """The largest element of each window; a NaN in a window gives NaN."""
    y: jax.Array = maxima_p.bind(x, windows=windows)
    return y


@max_pool.defjvp
def _max_pool_jvp(windows: Windows, primals: Any, tangents: Any) -> tuple[Any, Any]:
    (x,), (t,) = primals, tangents
    return max_pool(x, windows), pick_p.bind(t, x, windows=windows)


def send_back(t: jax.Array, x: jax.Array, windows: Windows) -> jax.Array:
    """What each window sends to its largest element in ``x``, added up: the gradient."""
    y: jax.Array = send_back_p.bind(t, x, windows=windows)
    return y


def native_form(
    ctx: Any, primitive: Primitive, x: Any, windows: Windows
) -> Callable[..., Any] | None:
    """What computes a primitive by native code on a CPU; None where it cannot.

    Args:
        ctx: of the lowering.
        primitive: one of `FORMS`.
        x: the type of the array that the windows lie over.
        windows: over that array.
    """
    known = all(isinstance(n, int) and n > 0 for n in (*x.shape, *windows.count))
    narrow = jnp.issubdtype(x.dtype, jnp.floating) and x.dtype.itemsize <= 4
    if not (primitive in NATIVE and known and narrow and _neighbours(windows.axes)):
        return None
    if primitive is maxima_p and _inner(x.shape, windows) < LEAST_TOGETHER:
        return None
    if portable(ctx) or compiler.native().reason:
        return None
    return functools.partial(NATIVE[primitive], windows=windows)


def _neighbours(axes: tuple[int, ...]) -> bool:
    return axes == tuple(range(axes[0], axes[0] + len(axes))) if 0 < len(axes) <= 3 else False


def _native_maxima(x: jax.Array, *, windows: Windows) -> jax.Array:
    shape = list(x.shape)
    for axis, count in zip(windows.axes, windows.count, strict=True):
        shape[axis] = count
    return _called("jaxcnn_max_pool", tuple(shape), windows, x)


def _native_send_back(t: jax.Array, x: jax.Array, *, windows: Windows) -> jax.Array:
    return _called("jaxcnn_max_pool_gradient", x.shape, windows, t, x)


NATIVE: dict[Primitive, Callable[..., Any]] = {
    maxima_p: _native_maxima,
    send_back_p: _native_send_back,
}


def _called(name: str, shape: tuple[int, ...], windows: Windows, *operands: jax.Array) -> jax.Array:
    x = operands[-1]
    wide = [operand.astype(jnp.float32) for operand in operands]
    target = compiler.native().targets[name]
    y = jax.ffi.ffi_call(target, made_from(shape, *wide))(*wide, sizes=_sizes(x.shape, windows))
    return y.astype(x.dtype)


def _inner(shape: tuple[int, ...], windows: Windows) -> int:
    return math.prod(shape[windows.axes[-1] + 1 :])


def _sizes(shape: tuple[int, ...], windows: Windows) -> np.ndarray:
    """The windows as the native code reads them, with three spatial axes."""
    axes = [(1, 1, 1, 1, 0, 1)] * (3 - len(windows.axes))
    axes += zip(
        windows.sizes, windows.size, windows.stride, windows.dilation, windows.low, windows.count,
        strict=True,
    )  # fmt: skip
    own = (math.prod(shape[: windows.axes[0]]), _inner(shape, windows))
    return np.array([*own, *(number for axis in axes for number in axis)], np.int64)


def _on_cpu(primitive: Primitive, ctx: Any, *operands: Any, windows: Windows) -> Any:
    rule = native_form(ctx, primitive, ctx.avals_in[-1], windows) or functools.partial(
        FORMS[primitive], windows=windows
    )
    return mlir.lower_fun(rule, multiple_results=False)(ctx, *operands)


@functools.lru_cache(maxsize=1024)
def _type_of(primitive: Primitive, windows: Windows, types: tuple[Any, ...]) -> Any:
    form = functools.partial(FORMS[primitive], windows=windows)
    return jax.make_jaxpr(form)(*types).out_avals[0]


def _abstract(primitive: Primitive, *types: Any, windows: Windows) -> Any:
    return _type_of(primitive, windows, types)


@functools.lru_cache(maxsize=1024)
def _compiled(primitive: Primitive, windows: Windows) -> Callable[..., Any]:
    return jax.jit(functools.partial(primitive.bind, windows=windows))


def _eagerly(primitive: Primitive, *operands: Any, windows: Windows) -> Any:
    return _compiled(primitive, windows)(*operands)


def _batched(primitive: Primitive, operands: Any, dims: Any, *, windows: Windows) -> Any:
    size = next(x.shape[d] for x, d in zip(operands, dims, strict=True) if d is not None)
    front = [batching.bdim_at_front(x, d, size) for x, d in zip(operands, dims, strict=True)]
    moved = dataclasses.replace(windows, axes=tuple(axis + 1 for axis in windows.axes))
    return primitive.bind(*front, windows=moved), 0


def _derivative(
    primitive: Primitive, primals: Any, tangents: Any, *, windows: Windows
) -> tuple[Any, Any]:
    (t, x), (change, _) = primals, tangents
    y = primitive.bind(t, x, windows=windows)
    if isinstance(change, ad.Zero):
        return y, ad.Zero(jax.typeof(y))
    return y, primitive.bind(change, x, windows=windows)


def _transposed(other: Primitive, cotangent: Any, _: Any, x: Any, *, windows: Windows) -> Any:
    if isinstance(cotangent, ad.Zero):
        return None, None
    return other.bind(cotangent, x, windows=windows), None


for _primitive, _form in FORMS.items():
    _primitive.def_impl(functools.partial(_eagerly, _primitive))
    _primitive.def_abstract_eval(functools.partial(_abstract, _primitive))
    batching.primitive_batchers[_primitive] = functools.partial(_batched, _primitive)
    mlir.register_lowering(_primitive, mlir.lower_fun(_form, multiple_results=False))
    mlir.register_lowering(_primitive, functools.partial(_on_cpu, _primitive), platform="cpu")

for _primitive, _other in ((pick_p, send_back_p), (send_back_p, pick_p)):
    ad.primitive_jvps[_primitive] = functools.partial(_derivative, _primitive)
    ad.primitive_transposes[_primitive] = functools.partial(_transposed, _other)
