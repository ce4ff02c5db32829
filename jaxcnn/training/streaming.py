"""Steps on examples that do not fit on the device: each batch goes there when it is needed."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.stages import Compiled

from jaxcnn.data import StreamedSplit
from jaxcnn.data.stream import Stream
from jaxcnn.training.state import Batch, TrainState
from jaxcnn.training.step import Step
from jaxcnn.training.totals import Totals

Advance = Callable[..., tuple[TrainState, Totals]]


def streamed(
    step: Step, state: Any, totals: Any, *, split: StreamedSplit, batch_size: int
) -> tuple[Advance, tuple[Compiled, ...]]:
    """Compile passes over examples that are read from where they lie.

    The order of the examples and the steps are those of examples in memory.

    Args:
        step: the pure training step.
        state: shapes of the state.
        totals: shapes of the totals.
        split: the training set.
        batch_size: examples per step; at most the size of the set is used.

    Returns:
        ``(state, totals, order, start, stop) -> (state, totals)`` and the programs that it runs.
    """
    size = min(batch_size, len(split))
    sizes = {size, len(split) % size} - {0}
    stream = Stream(split, size)

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def batch_step(state: TrainState, totals: Totals, batch: Batch) -> tuple[TrainState, Totals]:
        state, more = step(state, batch)
        return state, totals + more

    def compiled(size: int) -> Any:
        shapes = (size, *split.image_shape), (size,)
        like: Any = map(jax.ShapeDtypeStruct, shapes, (jnp.float32, jnp.int32))
        return batch_step.lower(state, totals, Batch(*like)).compile()

    programs = {size: compiled(size) for size in sizes}

    def advance(
        state: TrainState, totals: Totals, order: Any, start: int, stop: int
    ) -> tuple[TrainState, Totals]:
        batches = stream.at(order, start)
        for _ in range(start, stop):
            part = next(batches)
            # One step at a time waits for the device: each holds the memory of its batch.
            jax.block_until_ready(totals)
            batch = Batch(jnp.asarray(part.images), jnp.asarray(part.labels))
            state, totals = programs[len(part)](state, totals, batch)
        return state, totals

    return advance, tuple(programs.values())
