"""Runs a computation on each device's part of arrays that are sharded over several devices.

XLA's partitioner does not know what native code computes, and it gathers the images of a grouped
convolution on every device. So the engine names the axes that may be sharded, such as the batch
and the output channels of a convolution, and computes the parts itself
(`jax.experimental.custom_partitioning`). The same rule serves explicit axes, where types say how
an array is sharded, and automatic ones, where the compiler decides.
"""

import dataclasses
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import lax
from jax._src.dispatch import prim_requires_devices_during_lowering
from jax.core import ShapedArray
from jax.experimental.custom_partitioning import custom_partitioning
from jax.interpreters import mlir
from jax.sharding import AbstractMesh, NamedSharding, PartitionSpec

NO_MESH = AbstractMesh((), ())


def needs_devices(primitive: Any) -> None:
    """Have JAX tell the lowering of ``primitive`` on which devices the program will run."""
    # There is no public way to ask for it.
    prim_requires_devices_during_lowering.add(primitive)


@dataclasses.dataclass(frozen=True)
class Axes:
    """Names for the axes of a computation's operands and result.

    Axes of one name are sharded alike. An axis may be a product of two names, the slower one
    first, as in ``"(g f)"``: then the first one is sharded.

    Attributes:
        operands: the axes of each operand, by their names.
        result: the axes of the result.
        free: the names of axes that may be sharded.
        summed: those that may be sharded and are summed over, so that parts are added up.
        sizes: the sizes of the names that occur in products.
    """

    operands: tuple[tuple[str, ...], ...]
    result: tuple[str, ...]
    free: frozenset[str]
    summed: frozenset[str] = frozenset()
    sizes: tuple[tuple[str, int], ...] = ()

    def rule(self, mesh_sizes: Sequence[int]) -> tuple[str, dict[str, Any]]:
        """The rule as the compiler wants it: a string, and which names it may shard."""
        sides = [" ".join(axes) for axes in self.operands]
        text = f"{', '.join(sides)} -> {' '.join(self.result)}"
        names = list(dict.fromkeys(re.findall(r"\w+", text)))
        sizes = dict(self.sizes)
        # A product is cut evenly only where the mesh divides its first name.
        uneven = {g for g, n in sizes.items() if any(n % size for size in mesh_sizes)}
        every = {axis for axes in (*self.operands, self.result) for axis in axes}
        parts = {name for axis in every if "(" in axis for name in axis.strip("()").split()}
        allowed = (self.free | self.summed) - uneven
        return text, {
            "need_replication_factors": tuple(n for n in names if n not in allowed),
            "reduction_factors": tuple(n for n in names if n in self.summed & allowed),
            **{name: n for name, n in sizes.items() if name in parts - every},
        }


def _name(axis: str) -> str:
    """The name by which an axis is sharded."""
    return axis.strip("()").split()[0]


def place_of(ctx: Any) -> str:
    """Where a program that is being lowered runs.

    Returns:
        ``"here"`` if each device computes on whole arrays, or on parts that it was given by a
        `jax.shard_map` over all axes; ``"apart"`` if the compiler cuts the arrays for several
        devices; ``"elsewhere"`` if the program is exported, or only some of the axes of its mesh
        are manual: then there is neither native code nor a rule of ours.
    """
    module = ctx.module_context
    if module.lowering_parameters.for_export or len(module.platforms) > 1:
        return "elsewhere"
    axes = module.axis_context
    if isinstance(axes, mlir.ShardingContext):
        if axes.num_devices == 1:
            return "here"
        return "apart" if axes.device_assignment and axes.abstract_mesh else "elsewhere"
    if isinstance(axes, mlir.SPMDAxisContext):
        return "here" if axes.manual_axes == frozenset(axes.mesh.axis_names) else "elsewhere"
    return "here"


def lower_on_parts(ctx: Any, axes: Axes, local: Callable[..., jax.Array], *operands: Any) -> Any:
    """Lower a function that each device applies to its parts of the operands."""
    (result,) = ctx.avals_out
    if any(map(sharded, ctx.avals_in)):
        return mlir.lower_fun(_by_types(axes, local, ctx.avals_in), multiple_results=False)(
            ctx, *operands
        )

    def partition(mesh: Any, parts: Any, out: Any) -> tuple[Any, Any, Any, Any]:
        arrays = (*parts, out)
        specs, spec, summed = agreed(axes, mesh, arrays, [part.sharding.spec for part in arrays])
        cut = tuple(NamedSharding(mesh, spec) for spec in specs)
        return mesh, _added(local, summed), NamedSharding(mesh, spec), cut

    def rule(mesh: Any, *_: Any) -> tuple[str, dict[str, Any]]:
        return axes.rule(tuple(mesh.shape.values()))

    def bound(*values: jax.Array) -> Any:
        # What is wrapped tells the type of the result; it is not computed.
        function = custom_partitioning(lambda *_: lax.full(result.shape, 0, result.dtype))
        function.def_partition(partition, sharding_rule=rule)
        return function(*values)

    return lower(ctx, bound, *operands)


def _by_types(axes: Axes, local: Callable[..., jax.Array], types: Sequence[Any]) -> Any:
    """``local`` on parts, cut as the types say."""
    mesh = _mesh(types)
    specs, out, summed = agreed(axes, mesh, types, [aval.sharding.spec for aval in types])
    on_parts = jax.shard_map(
        _added(local, summed), mesh=mesh, in_specs=tuple(specs), out_specs=out, check_vma=False
    )
    return lambda *operands: on_parts(*placed(axes, *operands))


def _added(local: Callable[..., jax.Array], summed: tuple[str, ...]) -> Callable[..., jax.Array]:
    def compute(*values: jax.Array) -> jax.Array:
        y = local(*values)
        return lax.psum(y, summed) if summed else y

    return compute


def agreed(
    axes: Axes, mesh: Any, arrays: Sequence[Any], specs: Sequence[PartitionSpec]
) -> tuple[list[PartitionSpec], PartitionSpec, tuple[str, ...]]:
    """How operands and result are sharded, and over which axes of the mesh parts are added up.

    Args:
        axes: what may be sharded.
        mesh: the mesh.
        arrays: whole arrays, or types of them: the operands, and the result if it is known.
        specs: how they are sharded. Where they do not agree, the first one counts.
    """
    taken: dict[str, tuple[str, ...]] = {}
    for names, array, entries in zip((*axes.operands, axes.result), arrays, specs, strict=False):
        for axis, entry, size in zip(names, entries, array.shape, strict=True):
            name = _name(axis)
            over = entry if isinstance(entry, tuple) else (entry,) if entry else ()
            count = math.prod(mesh.shape[a] for a in over)
            even = not size % count and not dict(axes.sizes).get(name, size) % count
            used = {a for other, its in taken.items() if other != name for a in its}
            if over and even and name in axes.free | axes.summed and not used & set(over):
                taken.setdefault(name, over)

    def spec(names: tuple[str, ...]) -> PartitionSpec:
        return PartitionSpec(*(taken.get(_name(axis)) for axis in names))

    summed = tuple(a for name in sorted(axes.summed) for a in taken.get(name, ()))
    return [spec(names) for names in axes.operands], spec(axes.result), summed


def lower(ctx: Any, function: Callable[..., Any], *operands: Any) -> Any:
    """Lower a function that needs no other device, whatever the types of its operands say.

    Types with a mesh, or with the axes over which a `jax.shard_map` varies, would make rules of
    JAX refuse what the function does with arrays that it makes by itself.
    """
    bare = {"avals_in": ctx.avals_in, "avals_out": ctx.avals_out}
    ctx = ctx.replace(**{name: [_bare(aval) for aval in types] for name, types in bare.items()})
    with jax.sharding.use_abstract_mesh(NO_MESH):
        return mlir.lower_fun(function, multiple_results=False)(ctx, *operands)


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


def result_type(function: Callable[..., Any], axes: Axes, types: Sequence[Any]) -> Any:
    """The type of what ``function`` makes of arrays, sharded as they are."""
    made = trace(function, tuple(map(whole, types))).out_avals[0]
    if not any(map(sharded, types)):
        return made
    mesh = _mesh(types)
    spec = agreed(axes, mesh, types, [aval.sharding.spec for aval in types])[1]
    return made.update(sharding=NamedSharding(mesh, spec))


def placed(axes: Axes, *operands: Any) -> list[Any]:
    """Arrays with explicit sharding, placed so that only what may be sharded is."""
    types = [jax.typeof(x) for x in operands]
    if not any(map(sharded, types)):
        return list(operands)
    mesh = _mesh(types)
    specs, _, _ = agreed(axes, mesh, types, [aval.sharding.spec for aval in types])
    return [
        placed_like(aval.update(sharding=NamedSharding(mesh, spec)), x)
        for aval, spec, x in zip(types, specs, operands, strict=True)
    ]


def placed_like(aval: Any, x: Any) -> Any:
    """``x`` sharded as its type should say."""
    if aval.sharding.spec == jax.typeof(x).sharding.spec:
        return x
    return jax.sharding.reshard(x, aval.sharding)


def _mesh(types: Sequence[Any]) -> Any:
    return next(aval.sharding.mesh for aval in types if sharded(aval))
