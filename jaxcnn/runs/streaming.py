"""Training on images that do not fit on the device: each batch goes there when it is needed."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn.data import Dataset, Split, open_dataset
from jaxcnn.data.dataset import MAX_PIXELS, StreamedSplit
from jaxcnn.data.stream import Stream
from jaxcnn.runs.config import TrainConfig
from jaxcnn.training.epoch import Epoch, compile_epoch, shuffle_of
from jaxcnn.training.state import TrainState
from jaxcnn.training.step import Batch, Step, Totals


def load_data(config: TrainConfig) -> Dataset:
    """The data set of a config; its training images stay on disk where they must, or are told to.

    Raises:
        jaxcnn.data.DataError: if it cannot be had.
    """
    found = open_dataset(config.dataset, data_dir=config.data_dir, options=config.data)
    return found.load(streaming=config.streaming or found.train.pixels > MAX_PIXELS)


def feed(
    step: Step, state: TrainState, split: Split | StreamedSplit, batch_size: int
) -> tuple[Any, Epoch]:
    """The training set as the programs of an epoch take it, and these programs."""
    if isinstance(split, StreamedSplit):
        return Stream(split, batch_size), compile_streamed_epoch(step, state, split, batch_size)
    data = Batch(jnp.asarray(split.images), jnp.asarray(split.labels))
    return data, compile_epoch(step, state, data, batch_size)


def compile_streamed_epoch(
    step: Step, state: TrainState, split: StreamedSplit, batch_size: int
) -> Epoch:
    """Compile one pass whose ``data`` is a `Stream`; the order and the steps are the same.

    Args:
        step: the pure training step.
        state: a state of the right shapes.
        split: the training set.
        batch_size: examples per step; at most the size of the set is used.
    """
    count = len(split)
    size = min(batch_size, count)
    full, rest = divmod(count, size)

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def batch_step(state: TrainState, totals: Totals, batch: Batch) -> tuple[TrainState, Totals]:
        state, more = step(state, batch)
        return state, totals + more

    def compiled(size: int) -> Any:
        shapes = (size, *split.image_shape), (size,)
        like: Any = map(jax.ShapeDtypeStruct, shapes, (jnp.float32, jnp.int32))
        return batch_step.lower(state, Totals.zero(), Batch(*like)).compile()

    programs = {number: compiled(number) for number in {size, rest} if number}

    def run(
        state: TrainState, totals: Totals, stream: Stream, order: Any, start: int, stop: int
    ) -> tuple[TrainState, Totals]:
        batches = stream.at(order, int(start))
        for _ in range(start, stop):
            part = next(batches)
            # One step at a time waits for the device: each holds the memory of its batch.
            totals.loss.block_until_ready()
            batch = Batch(jnp.asarray(part.images), jnp.asarray(part.labels))
            state, totals = programs[len(part)](state, totals, batch)
        return state, totals

    def finish(
        state: TrainState, totals: Totals, stream: Stream, order: jax.Array
    ) -> tuple[TrainState, Totals]:
        return run(state, totals, stream, order, full, full + 1)

    return Epoch(shuffle_of(count), run, finish if rest else None, full, tuple(programs.values()))
