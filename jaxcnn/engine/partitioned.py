"""Splits a computation over several devices, each of which computes its part of the arrays.

XLA's partitioner does not know what native code computes, and it gathers the images of a grouped
convolution on every device. So the engine names the axes that may be sharded, such as the batch
and the output channels of a convolution, and computes the parts itself
(`jax.experimental.custom_partitioning`). The same rule serves explicit axes, where types say how
an array is sharded, and automatic ones, where the compiler decides.
"""

import dataclasses
import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
from jax import lax
from jax._src.sharding_impls import parse_flatten_op_sharding  # no public way to read a sharding
from jax.experimental.custom_partitioning import custom_partitioning
from jax.interpreters import mlir
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec

from jaxcnn.engine.single_device import lower, placed_like, sharded


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


def lower_on_parts(ctx: Any, axes: Axes, local: Callable[..., jax.Array], *operands: Any) -> Any:
    """Lower a function that each device applies to its parts of the operands."""
    (result,) = ctx.avals_out
    if any(map(sharded, ctx.avals_in)):
        return mlir.lower_fun(_by_types(axes, local, ctx.avals_in), multiple_results=False)(
            ctx, *operands
        )

    def partition(mesh: Any, parts: Any, out: Any) -> tuple[Any, Any, Any, Any]:
        arrays = (*parts, out)
        mesh, given = _decoded(mesh, arrays)
        specs, spec, summed = agreed(axes, mesh, arrays, given)
        cut = tuple(NamedSharding(mesh, spec) for spec in specs)
        return mesh, _added(local, summed), NamedSharding(mesh, spec), cut

    def rule(mesh: Any, *_: Any) -> tuple[str, dict[str, Any]]:
        return axes.rule(tuple(mesh.shape.values()))

    def bound(*values: jax.Array) -> Any:
        # What is wrapped tells the type of the result; it is not computed.
        function = custom_partitioning(lambda *_: lax.full(result.shape, 0, result.dtype))
        function.def_partition(partition, sharding_rule=rule, decode_shardings=False)
        return function(*values)

    return lower(_with_devices(ctx), bound, *operands)


def _with_devices(ctx: Any) -> Any:
    """The context with devices and a mesh, which partitioning rules want to know.

    Shardings count devices by their places in the program, so that any devices will do. JAX would
    tell the real ones to a primitive that asks for them, but then it refuses programs of several
    meshes, and of a mesh without devices.
    """
    module = ctx.module_context
    count = module.axis_context.num_devices
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.size != count:
        mesh = next(_meshes(count))
    place = mlir.ShardingContext(count, tuple(jax.devices("cpu")[:count]), mesh)
    return ctx.replace(module_context=module.replace(axis_context=place))


def _decoded(mesh: Any, arrays: Sequence[Any]) -> tuple[Any, list[PartitionSpec]]:
    """A mesh, and how arrays are sharded over it; not at all where no mesh tells."""
    for candidate in (mesh.abstract_mesh, *_meshes(mesh.size)):
        try:
            specs = [
                parse_flatten_op_sharding(x.sharding._to_xla_hlo_sharding(x.ndim), candidate)[0]
                for x in arrays
            ]
        # Nothing else tells that a mesh does not fit.
        except (AssertionError, NotImplementedError, StopIteration, ValueError):
            continue
        rows = zip(arrays, specs, strict=True)
        full = [PartitionSpec(*spec, *(None,) * (x.ndim - len(spec))) for x, spec in rows]
        names = candidate.axis_names
        return Mesh(mesh.devices.reshape(candidate.axis_sizes), names), full
    return mesh, [PartitionSpec(*(None,) * x.ndim) for x in arrays]


def _meshes(count: int) -> Iterator[AbstractMesh]:
    """Meshes of ``count`` devices whose axes can be joined to those of any other mesh."""
    factors, rest = [], count
    for factor in range(2, count + 1):
        while rest % factor == 0:
            factors.append(factor)
            rest //= factor
    for sizes in sorted(set(itertools.islice(itertools.permutations(factors), 5040))):
        yield AbstractMesh(sizes, tuple(f"axis{i}" for i in range(len(sizes))))


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


def sharded_type(made: Any, axes: Axes, types: Sequence[Any]) -> Any:
    """The type of a result, sharded as the operands of ``types`` are."""
    mesh = _mesh(types)
    spec = agreed(axes, mesh, types, [aval.sharding.spec for aval in types])[1]
    return made.update(sharding=NamedSharding(mesh, spec))


def placed(axes: Axes, *operands: Any) -> list[Any]:
    """Arrays with explicit sharding, resharded so that only axes that may be sharded are."""
    types = [jax.typeof(x) for x in operands]
    mesh = _mesh(types)
    specs, _, _ = agreed(axes, mesh, types, [aval.sharding.spec for aval in types])
    return [
        placed_like(aval.update(sharding=NamedSharding(mesh, spec)), x)
        for aval, spec, x in zip(types, specs, operands, strict=True)
    ]


def _mesh(types: Sequence[Any]) -> Any:
    return next(aval.sharding.mesh for aval in types if sharded(aval))
