"""JAX primitives with parameters: on CPUs in C++, elsewhere in JAX's own operations.

A primitive computes the same everywhere; its derivatives are added by the modules that make it.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from jaxcnn.engine import compiler
from jaxcnn.engine.single_device import devices_of, lower, trace

Compute = Callable[..., Any]
"""A function of arrays and of a primitive's parameters, or of arrays alone."""


class NativePrimitive:
    """A JAX primitive of arrays, computed in C++ where that is possible and worth it.

    Attributes:
        primitive: the primitive that programs contain.
        portable: computes the result, or a tuple of results, in JAX's own operations.
    """

    def __init__(self, name: str, portable: Compute, *, several: bool = False):
        self.portable = portable
        self._compiled = functools.lru_cache(maxsize=1024)(self._compile)
        self._types = functools.lru_cache(maxsize=1024)(self.infer_types)
        self.primitive = Primitive(name)
        self.primitive.multiple_results = several
        self.primitive.def_impl(self._run)
        self.primitive.def_abstract_eval(self._abstract)
        batching.primitive_batchers[self.primitive] = self._batched
        mlir.register_lowering(self.primitive, self._elsewhere)
        mlir.register_lowering(self.primitive, self.on_cpu, platform="cpu")

    def __call__(self, *operands: Any, **params: Any) -> Any:
        """The result, or the list of results."""
        return self.primitive.bind(*operands, **params)

    def in_cpp(self, ctx: Any, **params: Any) -> Compute | None:
        """A function that computes the result in C++; None where that is not possible."""
        raise NotImplementedError

    def moved(self, **params: Any) -> dict[str, Any]:
        """The parameters for arrays with one more axis in front."""
        raise NotImplementedError

    def on_several(self, ctx: Any, *operands: Any, **params: Any) -> Any:
        """Lower for several CPU devices: by JAX's own operations, which XLA cuts."""
        return self._elsewhere(ctx, *operands, **params)

    def infer_types(self, params: tuple[tuple[str, Any], ...], types: tuple[Any, ...]) -> Any:
        """The types of the results."""
        return trace(functools.partial(self.portable, **dict(params)), types).out_avals

    def native(self, ctx: Any, **params: Any) -> Compute | None:
        """As `in_cpp`; None also for other devices, and without native code."""
        if devices_of(ctx) == "elsewhere" or compiler.native().reason:
            return None
        return self.in_cpp(ctx, **params)

    def on_cpu(self, ctx: Any, *operands: Any, **params: Any) -> Any:
        """Lower for CPUs."""
        if devices_of(ctx) == "several devices":
            return self.on_several(ctx, *operands, **params)
        rule = self.native(ctx, **params) or functools.partial(self.portable, **params)
        return lower(ctx, rule, *operands)

    def _elsewhere(self, ctx: Any, *operands: Any, **params: Any) -> Any:
        return lower(ctx, functools.partial(self.portable, **params), *operands)

    def _run(self, *operands: Any, **params: Any) -> Any:
        return self._compiled(tuple(params.items()))(*operands)

    def _compile(self, params: tuple[tuple[str, Any], ...]) -> Compute:
        return jax.jit(functools.partial(self.primitive.bind, **dict(params)))

    def _abstract(self, *types: Any, **params: Any) -> Any:
        found = self._types(tuple(params.items()), types)
        return list(found) if self.primitive.multiple_results else found[0]

    def _batched(self, operands: Any, dims: Any, **params: Any) -> Any:
        size = next(x.shape[d] for x, d in zip(operands, dims, strict=True) if d is not None)
        front = [batching.bdim_at_front(x, d, size) for x, d in zip(operands, dims, strict=True)]
        result = self(*front, **self.moved(**params))
        return result, [0] * len(result) if self.primitive.multiple_results else 0
