"""What one step of a training costs each device, read from its compiled program."""

import math
import re
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import export
from jax.stages import Compiled

from jaxcnn.layers import Layer
from jaxcnn.training.precision import Precision
from jaxcnn.training.spread import Devices
from jaxcnn.training.state import Batch, TrainState, init_state, keys_of
from jaxcnn.training.step import make_train_step

COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
"""The operations by which devices exchange numbers, as compiled programs call them."""

_COLLECTIVE = re.compile(rf"= (.+?) ({'|'.join(COLLECTIVES)})(?:-start)?\(")
_ARRAY = re.compile(r"\b([a-z]+\d+|pred)\[([\d,]*)\]")
_BYTES = {"pred": 1, "bf16": 2}


class StepCosts(NamedTuple):
    """The costs of one step on one device.

    Attributes:
        flops: floating-point operations.
        traffic: bytes that the operations of this program read and write.
        parameters: bytes of the parameters that the device keeps.
        optimizer: bytes of the optimizer's state that it keeps.
        statistics: bytes of everything else of the state.
        batch: bytes of its share of the images and labels.
        activations: bytes of intermediate results that are alive at the same time.
        exchanged: bytes of the results of each kind of collective.
    """

    flops: float
    traffic: float
    parameters: int
    optimizer: int
    statistics: int
    batch: int
    activations: int
    exchanged: dict[str, int]

    @property
    def least_traffic(self) -> int:
        """The bytes that any program must move: state in and out, the batch in."""
        return 2 * (self.parameters + self.optimizer + self.statistics) + self.batch

    @property
    def memory(self) -> int:
        """All bytes that the device needs at least."""
        kept = self.parameters + self.optimizer + self.statistics
        return kept + self.batch + self.activations


def step_costs(
    model: Layer,
    optimizer: optax.GradientTransformation,
    image_shape: tuple[int, int, int],
    batch_size: int,
    devices: Devices,
    *,
    precision: Precision,
    at_most: int | None = None,
) -> StepCosts:
    """Compile one step and count; nothing is computed, and no array is made.

    The step is the one that an accelerator gets, with XLA's own convolutions, compiled for the
    devices at hand: a step for 256 chips is counted on 256 simulated CPU devices. XLA's compiler
    for CPUs joins fewer operations than those for accelerators, so that traffic and activations
    are cautious estimates; it exchanges in float32 what others may exchange in 16 bits. Operations
    and states are the same.

    Args:
        model: the network; it gives logits.
        optimizer: the optax transformation.
        image_shape: ``(h, w, c)``.
        batch_size: the images of all devices together.
        devices: those that share it.
        precision: the types.
        at_most: how many images of a batch are computed at once; divides the batch. The compiler
            counts a loop's body once, so that the work is counted in one part and multiplied; the
            optimizer's is counted with each part.
    """
    work, state, batch = step_program(
        model, optimizer, image_shape, batch_size, devices, precision=precision, at_most=at_most
    )
    # For a TPU, to have XLA's own convolutions, but compiled for the devices at hand.
    plain = export.export(
        work, platforms=("tpu",), disabled_checks=[export.DisabledSafetyCheck.platform()]
    )(state, batch)
    compiled = jax.jit(plain.call, donate_argnums=0).lower(state, batch).compile()
    costs = _counted(compiled, state, batch, devices)
    if at_most is None or at_most >= batch_size:
        return costs
    one = step_costs(model, optimizer, image_shape, at_most, devices, precision=precision)
    parts = batch_size // at_most
    sums = {kind: parts * size for kind, size in one.exchanged.items()}
    return costs._replace(flops=parts * one.flops, traffic=parts * one.traffic, exchanged=sums)


def step_program(
    model: Layer,
    optimizer: optax.GradientTransformation,
    image_shape: tuple[int, int, int],
    batch_size: int,
    devices: Devices,
    *,
    precision: Precision,
    at_most: int | None = None,
) -> tuple[Any, Any, Any]:
    """One whole step as a jitted function, and the shapes of the state and batch that it takes.

    The arguments are those of `step_costs`.
    """
    model, keys = devices.of_model(precision.of(model)), keys_of(0)
    state = jax.eval_shape(
        lambda: init_state(
            model, optimizer, keys.init, (1, *image_shape), scales_loss=precision.scales_loss
        )
    )
    step = make_train_step(model, optimizer, keys.noise, at_most=at_most)
    images: Any = jax.ShapeDtypeStruct((batch_size, *image_shape), jnp.float32)
    labels: Any = jax.ShapeDtypeStruct((batch_size,), jnp.int32)
    batch = Batch(images, labels)

    def work(state: TrainState, batch: Batch) -> Any:
        return step(state, devices.shared(batch))

    return (
        jax.jit(work, donate_argnums=0),
        devices.shapes(state, devices.of_state(state)),
        devices.shapes(batch, devices.of_batch(batch)),
    )


def _counted(compiled: Compiled, state: Any, batch: Any, devices: Devices) -> StepCosts:
    analysis: Any = compiled.cost_analysis()
    memory: Any = compiled.memory_analysis()
    parameters, optimizer = _held(state.params), _held(state.opt_state)
    return StepCosts(
        flops=float(analysis.get("flops", math.nan)),
        traffic=float(analysis.get("bytes accessed", math.nan)),
        parameters=parameters,
        optimizer=optimizer,
        statistics=_held(state) - parameters - optimizer,
        batch=_held(batch),
        activations=int(memory.temp_size_in_bytes),
        exchanged=exchanged(compiled.as_text() or "") if devices.size > 1 else {},
    )


def _held(tree: Any) -> int:
    """The bytes of arrays that one device holds, by their shapes and where they lie."""
    return sum(
        math.prod(leaf.sharding.shard_shape(leaf.shape) if leaf.sharding else leaf.shape)
        * leaf.dtype.itemsize
        for leaf in jax.tree.leaves(tree)
    )


def exchanged(program: str) -> dict[str, int]:
    """The bytes of the results of a compiled program's collectives, by their kinds.

    >>> exchanged("%sum = (f32[3,4]{1,0}, bf16[2]{0}) all-reduce(%a, %b), channel_id=1")
    {'all-reduce': 52}
    """
    found: dict[str, int] = {}
    for shapes, kind in _COLLECTIVE.findall(program):
        size = sum(_size(*array) for array in _ARRAY.findall(shapes))
        found[kind] = found.get(kind, 0) + size
    return found


def _size(kind: str, sizes: str) -> int:
    each = _BYTES.get(kind) or int(kind.lstrip("abcdefghijklmnopqrstuvwxyz")) // 8
    return each * int(np.prod([int(size) for size in sizes.split(",") if size], dtype=np.int64))
