"""JAX primitives over the windows of a pool: on CPUs in C++, elsewhere in JAX's own operations."""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.engine import compiler, partitioned
from jaxcnn.engine.native_primitive import Compute, NativePrimitive
from jaxcnn.engine.pool_windows import Windows
from jaxcnn.engine.single_device import sharded, trace, whole

LEAST_TOGETHER = 4
"""The channels beside each other from which on native code is faster than XLA."""


class PoolPrimitive(NativePrimitive):
    """A JAX primitive of arrays and the windows of a pool; its derivatives are added later.

    Attributes:
        handler: the C++ handler that computes it; empty where there is none.
        worth: tells whether native code is faster for such windows.
    """

    def __init__(
        self,
        name: str,
        portable: Compute,
        handler: str = "",
        worth: Callable[[Windows], bool] = lambda windows: True,
    ):
        super().__init__(name, portable)
        self.handler, self.worth = handler, worth

    def in_cpp(self, ctx: Any, **params: Any) -> Compute | None:
        """A function that computes the result in C++; None where that is not possible."""
        windows: Windows = params["windows"]
        operands, (result,) = ctx.avals_in, ctx.avals_out
        shapes = [n for aval in (*operands, result) for n in aval.shape]
        if not self.handler or not all(isinstance(n, int) and n > 0 for n in shapes):
            return None
        narrow = jnp.issubdtype(result.dtype, jnp.floating) and result.dtype.itemsize <= 4
        if not narrow or not _neighbours(windows.axes):
            return None
        if _inner(result.shape, windows) < LEAST_TOGETHER or not self.worth(windows):
            return None
        return functools.partial(self._call, windows, result.shape)

    def _call(self, windows: Windows, shape: tuple[int, ...], *operands: jax.Array) -> jax.Array:
        wide = [operand.astype(jnp.float32) for operand in operands]
        target = compiler.native().targets[self.handler]
        call = jax.ffi.ffi_call(target, jax.ShapeDtypeStruct(shape, jnp.float32))
        y: jax.Array = call(*wide, sizes=_sizes(shape, windows))
        return y.astype(operands[-1].dtype)

    def moved(self, **params: Any) -> dict[str, Any]:
        """The windows of arrays with one more axis in front."""
        windows: Windows = params["windows"]
        axes = tuple(axis + 1 for axis in windows.axes)
        return {"windows": dataclasses.replace(windows, axes=axes)}

    def on_several(self, ctx: Any, *operands: Any, **params: Any) -> Any:
        """Lower for several CPU devices: each computes a part of the axes without windows."""
        part = functools.partial(self.primitive.bind, **params)
        axes = _axes(params["windows"], ctx.avals_in)
        return partitioned.lower_on_parts(ctx, axes, part, *operands)

    def infer_types(self, params: tuple[tuple[str, Any], ...], types: tuple[Any, ...]) -> Any:
        """The type of the result, sharded as the operands are."""
        windows = dict(params)["windows"]
        computed = functools.partial(self.portable, windows=windows)
        made = trace(computed, tuple(map(whole, types))).out_avals
        if not any(map(sharded, types)):
            return made
        return [partitioned.sharded_type(made[0], _axes(windows, types), types)]


def _axes(windows: Windows, types: Sequence[Any]) -> partitioned.Axes:
    """All axes but those of the windows may be sharded."""
    rank = types[0].ndim
    kept = [f"a{i}" for i in range(rank)]

    def named(prefix: str) -> tuple[str, ...]:
        return tuple(f"{prefix}{i}" if i in windows.axes else kept[i] for i in range(rank))

    operands = tuple(named(f"{'xyz'[i]}") for i in range(len(types)))
    free = frozenset(kept[i] for i in range(rank) if i not in windows.axes)
    return partitioned.Axes(operands, named("r"), free)


def _neighbours(axes: tuple[int, ...]) -> bool:
    return 0 < len(axes) <= 3 and axes == tuple(range(axes[0], axes[0] + len(axes)))


def _inner(shape: tuple[int, ...], windows: Windows) -> int:
    return math.prod(shape[windows.axes[-1] + 1 :])


def _sizes(shape: tuple[int, ...], windows: Windows) -> np.ndarray:
    """The windows as a row of numbers for the C++ code, with three spatial axes."""
    axes = [(1, 1, 1, 1, 0, 1)] * (3 - len(windows.axes))
    axes += zip(
        windows.sizes, windows.size, windows.stride, windows.dilation, windows.low, windows.count,
        strict=True,
    )  # fmt: skip
    own = (math.prod(shape[: windows.axes[0]]), _inner(shape, windows))
    return np.array([*own, *(number for axis in axes for number in axis)], np.int64)
