"""Traces and lowers functions that need one device only, whatever array types say of other devices.

The types of JAX's arrays name a mesh and the axes of it that an array is sharded over. Most
programs have no such types; those that do are handled by `jaxcnn.engine.partitioned`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.core import ShapedArray
from jax.interpreters import mlir
from jax.sharding import AbstractMesh

NO_MESH = AbstractMesh((), ())


def devices_of(ctx: Any) -> str:
    """Tell on which devices a program will run that is being lowered.

    Returns:
        ``"one device"`` if each device computes on whole arrays, or on parts that it was given by
        a `jax.shard_map` over all axes; ``"several devices"`` if arrays are cut for several
        devices, as their types say or, on CPUs, as the compiler decides; ``"elsewhere"`` if the
        program is exported, if only some of the axes of its mesh are manual, or if it is for
        devices that this machine has not: then neither native code nor a rule of ours is used.
    """
    module = ctx.module_context
    if module.lowering_parameters.for_export or len(module.platforms) > 1:
        return "elsewhere"
    axes = module.axis_context
    if isinstance(axes, mlir.ShardingContext):
        if axes.num_devices == 1:
            return "one device"
        known = any(map(sharded, ctx.avals_in))
        there = module.platforms[0] == "cpu" and axes.num_devices <= len(jax.devices("cpu"))
        return "several devices" if known or there else "elsewhere"
    if isinstance(axes, mlir.SPMDAxisContext):
        return "one device" if axes.manual_axes == frozenset(axes.mesh.axis_names) else "elsewhere"
    return "one device"


def lower(ctx: Any, function: Callable[..., Any], *operands: Any) -> Any:
    """Lower a function that needs no other device, whatever the types of its operands say.

    Types with a mesh, or with the axes over which a `jax.shard_map` varies, would make rules of
    JAX refuse what the function does with arrays that it makes by itself.
    """
    bare = {"avals_in": ctx.avals_in, "avals_out": ctx.avals_out}
    ctx = ctx.replace(**{name: [_bare(aval) for aval in types] for name, types in bare.items()})
    several = ctx.primitive is not None and ctx.primitive.multiple_results
    with jax.sharding.use_abstract_mesh(NO_MESH):
        return mlir.lower_fun(function, multiple_results=several)(ctx, *operands)


def sharded(aval: Any) -> bool:
    """Whether the type of an array says over which explicit axes it is sharded."""
    return any(entry is not None for entry in aval.sharding.spec)


def whole(aval: Any) -> Any:
    """The type of an array, without what it says of a mesh if it is sharded."""
    return _bare(aval) if sharded(aval) else aval


def _bare(aval: Any) -> Any:
    with jax.sharding.use_abstract_mesh(NO_MESH):
        return ShapedArray(aval.shape, aval.dtype, weak_type=aval.weak_type)


def trace(function: Callable[..., Any], types: Sequence[Any]) -> Any:
    """The program of a function of arrays of some types."""
    if all(aval.sharding.mesh.empty for aval in types):
        with jax.sharding.use_abstract_mesh(NO_MESH):
            return jax.make_jaxpr(function)(*types)
    return jax.make_jaxpr(function)(*types)


def placed_like(aval: Any, x: Any) -> Any:
    """``x``, sharded as the type ``aval`` says."""
    if aval.sharding.spec == jax.typeof(x).sharding.spec:
        return x
    return jax.sharding.reshard(x, aval.sharding)
