"""JAX primitives over the windows of a pool: on CPUs in C++, elsewhere in JAX's own operations."""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from jaxcnn.engine import compiler, partitioned
from jaxcnn.engine.pool_windows import Windows
from jaxcnn.engine.single_device import devices_of, lower, sharded, trace, whole

LEAST_TOGETHER = 4
"""The channels beside each other from which on native code is faster than XLA."""

Compute = Callable[..., jax.Array]
"""A function of arrays and ``windows``."""


class PoolPrimitive:
    """A JAX primitive of arrays and the windows of a pool; its derivatives are added later.

    Attributes:
        primitive: the primitive that programs contain.
        portable: computes the result in JAX's own operations.
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
        self.portable, self.handler, self.worth = portable, handler, worth
        self._compiled = functools.lru_cache(maxsize=1024)(self._compile)
        self._type_of = functools.lru_cache(maxsize=1024)(self._infer_type)
        self.primitive = Primitive(name)
        self.primitive.def_impl(lambda *operands, windows: self._compiled(windows)(*operands))
        self.primitive.def_abstract_eval(lambda *types, windows: self._type_of(windows, types))
        batching.primitive_batchers[self.primitive] = self._batched
        mlir.register_lowering(self.primitive, self._elsewhere)
        mlir.register_lowering(self.primitive, self.on_cpu, platform="cpu")

    def __call__(self, *operands: Any, windows: Windows) -> Any:
        """The result."""
        return self.primitive.bind(*operands, windows=windows)

    def native(self, ctx: Any, windows: Windows) -> Compute | None:
        """A function that computes the result in C++; None where that is not possible."""
        operands, (result,) = ctx.avals_in, ctx.avals_out
        shapes = [n for aval in (*operands, result) for n in aval.shape]
        if not self.handler or not all(isinstance(n, int) and n > 0 for n in shapes):
            return None
        narrow = jnp.issubdtype(result.dtype, jnp.floating) and result.dtype.itemsize <= 4
        if not narrow or not _neighbours(windows.axes) or devices_of(ctx) == "elsewhere":
            return None
        if _inner(result.shape, windows) < LEAST_TOGETHER or not self.worth(windows):
            return None
        if compiler.native().reason:
            return None
        return functools.partial(self._call, windows, result.shape)

    def _call(self, windows: Windows, shape: tuple[int, ...], *operands: jax.Array) -> jax.Array:
        wide = [operand.astype(jnp.float32) for operand in operands]
        target = compiler.native().targets[self.handler]
        call = jax.ffi.ffi_call(target, jax.ShapeDtypeStruct(shape, jnp.float32))
        y: jax.Array = call(*wide, sizes=_sizes(shape, windows))
        return y.astype(operands[-1].dtype)

    def on_cpu(self, ctx: Any, *operands: Any, windows: Windows) -> Any:
        """Lower for CPUs; several devices each compute a part of the axes without windows."""
        if devices_of(ctx) == "several devices":
            part = functools.partial(self.primitive.bind, windows=windows)
            axes = _axes(windows, ctx.avals_in)
            return partitioned.lower_on_parts(ctx, axes, part, *operands)
        rule = self.native(ctx, windows) or functools.partial(self.portable, windows=windows)
        return lower(ctx, rule, *operands)

    def _elsewhere(self, ctx: Any, *operands: Any, windows: Windows) -> Any:
        return lower(ctx, functools.partial(self.portable, windows=windows), *operands)

    def _infer_type(self, windows: Windows, types: tuple[Any, ...]) -> Any:
        computed = functools.partial(self.portable, windows=windows)
        made = trace(computed, tuple(map(whole, types))).out_avals[0]
        if not any(map(sharded, types)):
            return made
        return partitioned.sharded_type(made, _axes(windows, types), types)

    def _compile(self, windows: Windows) -> Callable[..., Any]:
        return jax.jit(functools.partial(self.primitive.bind, windows=windows))

    def _batched(self, operands: Any, dims: Any, *, windows: Windows) -> Any:
        size = next(x.shape[d] for x, d in zip(operands, dims, strict=True) if d is not None)
        front = [batching.bdim_at_front(x, d, size) for x, d in zip(operands, dims, strict=True)]
        moved = dataclasses.replace(windows, axes=tuple(axis + 1 for axis in windows.axes))
        return self(*front, windows=moved), 0


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
