"""Spreads a training over several devices: each computes its share of every batch."""

from typing import Any, NamedTuple, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding

from jaxcnn.layers import Layer, Params, State

Tree = TypeVar("Tree")

AXIS = "batch"
"""The axis of the mesh along which the examples of a batch lie."""


class Devices(Protocol):
    """The devices that compute a training: one, or those of a `Spread`."""

    @property
    def size(self) -> int:
        """How many there are."""

    @property
    def everywhere(self) -> Sharding | None:
        """Where an array lies that each device has; ``None`` for one device."""

    def copied(self, tree: Tree) -> Tree:
        """Arrays with a copy on every device."""

    def own(self, count: int) -> slice:
        """Which examples of a batch of so many the devices of this process compute."""

    def dealt(self, own: Tree, count: int) -> Tree:
        """The examples of a batch of so many, of which the host has those of its devices."""

    def placed(self, tree: Tree, where: Any) -> Tree:
        """Arrays that the host has whole, each in its place."""

    def whole(self, state: Tree) -> Tree:
        """A state whose every array this process has whole."""

    def of_batch(self, batch: Any) -> Sharding | None:
        """Where the examples of a batch lie, by their shapes; ``None`` for one device."""

    def shared(self, batch: Tree) -> Tree:
        """The examples of a batch inside of a program, each where it is computed."""

    def of_state(self, state: Any) -> Any:
        """Where each array of a state lies, by their shapes; ``None`` for one device."""

    def shapes(self, tree: Any, where: Any = None) -> Any:
        """Shapes with the places where the arrays lie, or one for all: everywhere, if left out."""

    def of_model(self, model: Layer) -> Layer:
        """The model as the devices compute it together."""


class _Alone:
    """JAX's default device, which computes everything and need not be told what lies where."""

    size, everywhere = 1, None

    def copied(self, tree: Tree) -> Tree:
        copied: Tree = jax.device_put(tree)
        return copied

    def own(self, count: int) -> slice:
        return slice(0, count)

    def dealt(self, own: Tree, count: int) -> Tree:
        dealt: Tree = jax.tree.map(jnp.asarray, own)
        return dealt

    def placed(self, tree: Tree, where: Any) -> Tree:
        return tree

    def whole(self, state: Tree) -> Tree:
        return state

    def of_batch(self, batch: Any) -> None:
        return None

    def shared(self, batch: Tree) -> Tree:
        return batch

    def of_state(self, state: Any) -> None:
        return None

    def shapes(self, tree: Any, where: Any = None) -> Any:
        return tree

    def of_model(self, model: Layer) -> Layer:
        return model


ALONE: Devices = _Alone()
"""JAX's default device."""


class Spread(NamedTuple):
    """Several devices that share a training.

    Attributes:
        mesh: the devices; the examples of each batch lie along its only axis, `AXIS`, whose type
            must be ``Auto``, so that XLA derives what the devices exchange.
        fsdp: whether each device keeps only its share of the parameters and of the optimizer's
            state (fully sharded data parallel). They are gathered where the model is applied.
        local_batch_norm: whether each device normalizes its share of a batch by the statistics of
            that share. Else they are those of the whole batch, as on one device.
    """

    mesh: Mesh
    fsdp: bool = False
    local_batch_norm: bool = False

    @property
    def size(self) -> int:
        """How many there are."""
        return self.mesh.size

    @property
    def everywhere(self) -> Sharding:
        """Where an array lies that each device has."""
        return NamedSharding(self.mesh, PartitionSpec())

    def copied(self, tree: Tree) -> Tree:
        """Arrays with a copy on every device."""
        return self.placed(tree, self.everywhere)

    def own(self, count: int) -> slice:
        """Which examples of a batch of so many the devices of this process compute."""
        if count % self.size:
            return slice(0, count)
        each = count // self.size
        mine = [device in self.mesh.local_devices for device in self.mesh.devices.flat]
        return slice(mine.index(True) * each, (mine.index(True) + sum(mine)) * each)

    def dealt(self, own: Tree, count: int) -> Tree:
        """The examples of a batch of so many, of which the host has those of its devices."""
        where = self._of_examples(count)
        dealt: Tree = jax.tree.map(
            lambda part: jax.make_array_from_process_local_data(
                where, np.asarray(part), (count, *part.shape[1:])
            ),
            own,
        )
        return dealt

    def placed(self, tree: Tree, where: Any) -> Tree:
        """Arrays that the host has whole, each in its place."""
        placed: Tree = jax.tree.map(_put, tree, jax.tree.broadcast(where, tree))
        return placed

    def whole(self, state: Tree) -> Tree:
        """A state whose every array this process has whole."""
        if not self.fsdp or self.everywhere.is_fully_addressable:
            return state
        whole: Tree = jax.jit(lambda tree: tree, out_shardings=self.everywhere)(state)
        return whole

    def shared(self, batch: Tree) -> Tree:
        """The examples of a batch inside of a program, each where it is computed."""
        shared: Tree = lax.with_sharding_constraint(batch, self.of_batch(batch))
        return shared

    def of_batch(self, batch: Any) -> Sharding:
        """Where a batch lies: shared, or copied to all devices if these do not divide it."""
        return self._of_examples(jax.tree.leaves(batch)[0].shape[0])

    def _of_examples(self, count: int) -> Sharding:
        shared = NamedSharding(self.mesh, PartitionSpec(AXIS))
        return self.everywhere if count % self.size else shared

    def of_state(self, state: Any) -> Any:
        """Where each array of a state lies, by their shapes.

        With ``fsdp`` the longest axis that the devices divide is shared; an array without one
        (a few numbers for each channel, mostly) is copied, and so are running statistics.
        """
        if not self.fsdp:
            return jax.tree.map(lambda leaf: self.everywhere, state)
        still = jax.tree.map(lambda leaf: self.everywhere, state.model_state)
        where = jax.tree.map(self._divided, state)
        return where._replace(model_state=still)

    def _divided(self, leaf: Any) -> Sharding:
        sizes = [0 if size % self.size else size for size in leaf.shape]
        if not any(sizes):
            return self.everywhere
        longest = sizes.index(max(sizes))
        return NamedSharding(self.mesh, PartitionSpec(*[None] * longest, AXIS))

    def shapes(self, tree: Any, where: Any = None) -> Any:
        """Shapes with the places where the arrays lie: everywhere, if none are given."""
        return jax.tree.map(
            lambda leaf, its: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=its),
            tree,
            jax.tree.broadcast(self.everywhere if where is None else where, tree),
        )

    def of_model(self, model: Layer) -> Layer:
        """The model as the devices compute it together."""
        if self.local_batch_norm:
            model = _by_itself(model, self.mesh)
        return _gathered(model, self.everywhere) if self.fsdp else model


def spread_over(count: int, *, fsdp: bool = False, local_batch_norm: bool = False) -> Spread:
    """The first so many devices of JAX's default backend; of each process equally many.

    Args:
        count: how many; a multiple of the number of processes.
        fsdp: as in `Spread`.
        local_batch_norm: as in `Spread`.
    """
    kinds = (jax.sharding.AxisType.Auto,)
    if jax.process_count() == 1:
        mesh = jax.make_mesh((count,), (AXIS,), axis_types=kinds, devices=jax.devices()[:count])
        return Spread(mesh, fsdp, local_batch_norm)
    # In the order of the processes, so that each has one range of the examples.
    mesh = Mesh(np.array(first_devices(count)), (AXIS,), axis_types=kinds)
    return Spread(mesh, fsdp, local_batch_norm)


def first_devices(count: int) -> list[jax.Device]:
    """The first so many devices, equally many of each process, in the processes' order."""
    each, found = count // jax.process_count(), list[jax.Device]()
    for process in range(jax.process_count()):
        found += [device for device in jax.devices() if device.process_index == process][:each]
    return found


def _put(leaf: Any, where: Sharding) -> jax.Array:
    """An array that each process has whole, in its place."""
    if where.is_fully_addressable:
        return jax.device_put(leaf, where)
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        data = _put(jax.random.key_data(leaf), where)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    host = np.asarray(leaf)
    return jax.make_array_from_callback(host.shape, where, lambda index: host[index])


def _gathered(model: Layer, everywhere: Sharding) -> Layer:
    """The model with parameters that are brought to all devices where it is applied."""

    def apply(
        params: Params, state: State, x: jax.Array, *, train: bool = False, key: Any = None
    ) -> tuple[jax.Array, State]:
        params = lax.with_sharding_constraint(params, everywhere)
        return model.apply(params, state, x, train=train, key=key)

    return Layer(model.init, apply)


def _by_itself(model: Layer, mesh: Mesh) -> Layer:
    """The model that each device applies to its share of the batch, as if that were all of it."""

    def apply(
        params: Params, state: State, x: jax.Array, *, train: bool = False, key: Any = None
    ) -> tuple[jax.Array, State]:
        if not train or x.shape[0] % mesh.size:
            return model.apply(params, state, x, train=train, key=key)

        def share(params: Params, state: State, x: jax.Array, key: Any) -> tuple[jax.Array, State]:
            own = None if key is None else jax.random.fold_in(key, lax.axis_index(AXIS))
            y, new = model.apply(params, state, x, train=True, key=own)
            return y, jax.tree.map(_agreed, new)

        copied, rows = PartitionSpec(), PartitionSpec(AXIS)
        together = jax.shard_map(
            share,
            mesh=mesh,
            in_specs=(copied, copied, rows, copied),
            out_specs=(rows, copied),
            check_vma=False,
        )
        return together(params, state, x, key)

    return Layer(model.init, apply)


def _agreed(leaf: jax.Array) -> jax.Array:
    """The mean over the devices; of whole numbers, which all devices count alike, the largest."""
    if jnp.issubdtype(leaf.dtype, jnp.floating):
        return lax.pmean(leaf, AXIS)
    return lax.pmax(leaf, AXIS)
