"""Lets unchanged JAX programs (Flax, Equinox, Haiku, Keras) compute by this engine's algorithms."""

from typing import Any, Self

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import mlir

from jaxcnn.engine import lowering, primitive
from jaxcnn.engine.max_pool import maxima, send_back
from jaxcnn.engine.pool_windows import Windows

_REGISTERED = mlir._platform_specific_lowerings["cpu"]
_REPLACED = (lax.conv_general_dilated_p, lax.reduce_window_max_p, lax.select_and_scatter_add_p)
_OWN = {primitive: _REGISTERED.get(primitive) for primitive in _REPLACED}
"""JAX's own rules for CPUs; None where JAX has one rule for all platforms."""


class accelerate:  # noqa: N801 - it reads as the function that it mostly is
    """Compute the convolutions and max pools of all JAX programs by this engine.

    On CPUs only; on GPUs and TPUs nothing changes. They stay in effect until `restore`, or to
    the end of a ``with`` block. What JAX has compiled so far is dropped, so that it is compiled
    anew.

    A program means the same as before under every setting of JAX, but for two things. An infinity
    or a NaN that a convolution reads may reach neighbouring results too (docs/performance.md).
    And where a window of a max pool holds a NaN, its cotangent goes to the NaN, as in PyTorch; XLA
    gives it to the largest of the numbers behind the NaN.

    >>> with accelerate():
    ...     y = jax.lax.conv(jnp.ones((1, 1, 5, 5)), jnp.ones((1, 1, 3, 3)), (1, 1), "SAME")
    """

    def __init__(self) -> None:
        self._outer = accelerated()
        _register(on=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        _register(on=self._outer)


def restore() -> None:
    """Undo `accelerate`: JAX computes its convolutions by itself again."""
    _register(on=False)


def accelerated() -> bool:
    """Whether `accelerate` is in effect."""
    return any(_REGISTERED.get(primitive) is not own for primitive, own in _OWN.items())


def _register(*, on: bool) -> None:
    if on == accelerated():
        return
    if on:
        mlir.register_lowering(lax.conv_general_dilated_p, _convolution, platform="cpu")
        mlir.register_lowering(lax.reduce_window_max_p, _max_pool, platform="cpu")
        mlir.register_lowering(lax.select_and_scatter_add_p, _max_pool_gradient, platform="cpu")
    else:
        for primitive, own in _OWN.items():
            del _REGISTERED[primitive]
            if own is not None:
                _REGISTERED[primitive] = own
    jax.clear_caches()


def _convolution(ctx: Any, x: Any, kernel: Any, **params: Any) -> Any:
    return lowering.on_cpu(ctx, x, kernel, **primitive.OF_LAX, **params)


def _max_pool(ctx: Any, x: Any, **params: Any) -> Any:
    (image,), (result,) = ctx.avals_in, ctx.avals_out
    if not _floats(image.dtype):
        return _own_rule(lax.reduce_window_max_p)(ctx, x, **params)
    windows = _windows(result.shape, image.shape, params)
    if maxima.native(ctx, windows=windows) is None or set(params["base_dilation"]) != {1}:
        return _own_rule(lax.reduce_window_max_p)(ctx, x, **params)
    return maxima.on_cpu(ctx, x, windows=windows)


def _max_pool_gradient(ctx: Any, cotangent: Any, x: Any, **params: Any) -> Any:
    counts, image = (aval for aval in ctx.avals_in)
    sizes = (*counts.shape, *image.shape)
    sized = all(isinstance(n, int) and n > 0 for n in sizes)
    if not (sized and _floats(image.dtype) and params["select_prim"] is lax.ge_p):
        return _own_rule(lax.select_and_scatter_add_p)(ctx, cotangent, x, **params)
    windows = _windows(counts.shape, image.shape, params)
    return send_back.on_cpu(ctx, cotangent, x, windows=windows)


def _floats(dtype: Any) -> bool:
    """Whether the engine computes pools of this dtype: not of 8 bits, where -inf may be missing."""
    return jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize > 1


def _own_rule(primitive: Any) -> Any:
    return (_OWN[primitive] or mlir._lowerings[primitive]).rule


def _windows(counts: Any, sizes: Any, params: dict[str, Any]) -> Windows:
    size, stride = params["window_dimensions"], params["window_strides"]
    dilation = params.get("window_dilation", (1,) * len(sizes))
    whole = [(1, 1, (0, 0))] * len(sizes)
    taken = zip(size, stride, params["padding"], strict=True)
    axes = tuple(i for i, axis in enumerate(taken) if axis != whole[i])
    return Windows(
        axes=axes,
        sizes=tuple(sizes[i] for i in axes),
        size=tuple(size[i] for i in axes),
        stride=tuple(stride[i] for i in axes),
        dilation=tuple(dilation[i] for i in axes),
        low=tuple(params["padding"][i][0] for i in axes),
        count=tuple(counts[i] for i in axes),
    )
