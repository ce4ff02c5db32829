"""Times training steps on one device and on all devices."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding

from benchmarks.accelerator.programs import MODES, Program, Sampling, timings
from benchmarks.comparison import Row
from benchmarks.networks import Network
from benchmarks.train_steps import (
    Forward,
    begun,
    by_flax,
    by_jaxcnn,
    gflop,
    going_on,
    step_of,
)


class Placement(NamedTuple):
    """The devices and shardings of a step's arrays.

    Attributes:
        devices: how many devices there are.
        batch: the sharding of images and labels.
        whole: the sharding of parameters, state and optimizer.
    """

    devices: int
    batch: Sharding
    whole: Sharding


def on_one() -> Placement:
    """The placement of all arrays on the first device."""
    first = SingleDeviceSharding(jax.devices()[0])
    return Placement(1, first, first)


def on_mesh(mesh: Any) -> Placement:
    """The placement for data parallelism: a divided batch, and the parameters on each device."""
    specs = PartitionSpec(*mesh.axis_names), PartitionSpec()
    return Placement(mesh.size, *(NamedSharding(mesh, spec) for spec in specs))


def placements() -> list[Placement]:
    """The placement on one device, and if there are several, also that on all of them."""
    devices = jax.devices()
    if len(devices) == 1:
        return [on_one()]
    mesh = jax.make_mesh((len(devices),), ("batch",), axis_types=(AxisType.Auto,))
    return [on_one(), on_mesh(mesh)]


def forwards(network: Network) -> dict[str, Forward]:
    """The network in each library."""
    return {"jaxcnn": by_jaxcnn(network), "Flax": by_flax(network)}


def program(network: Network, forward: Forward, mode: str, placement: Placement) -> Program:
    """The training step of a network; its batch is that of all devices together."""

    def placed(sharding: Sharding, shape: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=sharding)

    held = jax.tree.map(
        functools.partial(placed, placement.whole), jax.eval_shape(lambda: begun(network))
    )
    x = jax.ShapeDtypeStruct((network.batch, *network.image), jnp.float32)
    labels = jax.ShapeDtypeStruct((network.batch,), jnp.int32)
    batch = (placed(placement.batch, shape) for shape in (x, labels))
    step = step_of(forward, jnp.dtype(MODES[mode].dtype))
    # Said outright, since each step takes what the last one gives.
    function = jax.jit(step, donate_argnums=0, out_shardings=placement.whole)
    return Program(function, (held, *batch), MODES[mode])


def ready(made: Program, network: Network) -> tuple[Callable[[], Any], float]:
    """A compiled step with its arrays, and the seconds that its compilation took."""
    compiled, seconds = made.compiled()
    x, labels = network.data()
    arrays = (begun(network), x, labels.astype("int32"))
    shardings = jax.tree.map(lambda shape: shape.sharding, made.shapes)
    return going_on(compiled, *jax.device_put(arrays, shardings)), seconds


def timed_step(network: Network, mode: str, placement: Placement, sampling: Sampling) -> Row:
    """The row of a training step in each library, with a batch that fits into the memory.

    Args:
        network: with the batch of one device; it is halved until it fits.
        mode: a name of `MODES`.
        placement: where.
        sampling: how often.
    """
    while True:
        try:
            return _timed(network, mode, placement, sampling)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error) or network.batch == 1:
                raise
        network = network._replace(batch=network.batch // 2)


def _timed(network: Network, mode: str, placement: Placement, sampling: Sampling) -> Row:
    whole = network._replace(batch=placement.devices * network.batch)
    calls, seconds, losses = {}, {}, {}
    for library, forward in forwards(whole).items():
        made = program(whole, forward, mode, placement)
        calls[library], seconds[library] = ready(made, whole)
        losses[library] = float(calls[library]())
    return {
        "mode": mode,
        "devices": placement.devices,
        "batch": whole.batch,
        "gflop": whole.batch * gflop(whole._replace(batch=1)),
        "ok": all(map(math.isfinite, losses.values())),
        "first_loss": {
            name: loss if math.isfinite(loss) else None for name, loss in losses.items()
        },
        **timings(calls, seconds, sampling),
    }
