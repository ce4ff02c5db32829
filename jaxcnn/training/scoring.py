"""Scores every member of a training on the splits that are scored, in memory or streamed."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.data import Split, StreamedSplit
from jaxcnn.data.stream import Stream
from jaxcnn.training.evaluation import EVALUATION_BATCH, Score, guesses_of, make_evaluation
from jaxcnn.training.passes import over_members
from jaxcnn.training.spread import Devices
from jaxcnn.training.state import Batch, TrainState
from jaxcnn.training.task import Members, Task
from jaxcnn.training.totals import Totals, totals_of

Scoring = Callable[[TrainState], dict[str, Score]]
"""``(state) -> scores``, by the name of the split."""


def make_scoring(
    task: Task, members: Members, at_once: int, devices: Devices, like: Any
) -> Scoring:
    """The function from a state to the scores of every split; its programs are compiled here.

    Args:
        task: what is scored, and by which loss.
        members: whom.
        at_once: how many of them are vectorized together.
        devices: who computes it.
        like: the shapes of the state, and where its arrays lie.

    Raises:
        ValueError: if a split is streamed and there are several members.
    """
    task = task._replace(model=devices.of_model(task.model))
    held = {name: split for name, split in task.scored.items() if isinstance(split, Split)}
    of_held = _held(task, held, members, at_once, devices, like)
    streamed = {
        name: _streamed(task, split, members, devices, like)
        for name, split in task.scored.items()
        if isinstance(split, StreamedSplit)
    }

    def score(state: TrainState) -> dict[str, Score]:
        found = {**of_held(state), **{name: its(state) for name, its in streamed.items()}}
        return {name: found[name] for name in task.scored}

    return score


def batch_of(split: Any) -> Any:
    """The examples of a split in memory, or of a part of one."""
    images: Any = split.images  # of NumPy, until they are brought to the devices
    labels: Any = split.labels
    return Batch(images, labels)


def _whole_batches(count: int, devices: Devices) -> int:
    """So many examples, or the next number that the devices divide."""
    return -(-max(count, 1) // devices.size) * devices.size


def _held(
    task: Task,
    held: dict[str, Split],
    members: Members,
    at_once: int,
    devices: Devices,
    like: Any,
) -> Scoring:
    """The scores of splits in memory, in one program."""
    # The devices divide a batch; what is padded is masked.
    size = _whole_batches(EVALUATION_BATCH // at_once, devices)
    splits = {name: devices.copied(batch_of(split)) for name, split in held.items()}

    def scored(members: Members, state: TrainState, splits: dict[str, Batch]) -> Any:
        def each(member: Members, state: TrainState) -> Any:
            return {
                name: make_evaluation(
                    task.model,
                    split.labels.shape[0],
                    size,
                    loss=task.loss,
                    metrics=task.metrics,
                    share=devices.shared,
                )(*state.used, split)
                for name, split in splits.items()
            }

        return over_members(each, members, at_once, state)

    if not splits:
        return lambda state: {}
    program = jax.jit(scored, out_shardings=devices.everywhere)
    compiled = program.lower(members, like, splits).compile()

    def score(state: TrainState) -> dict[str, Score]:
        found = jax.device_get(compiled(members, state, splits))
        return {name: Score(*its) for name, its in found.items()}

    return score


def _streamed(
    task: Task, split: StreamedSplit, members: Members, devices: Devices, like: Any
) -> Callable[[TrainState], Score]:
    """The score of a split whose images are read when they are needed, a batch at a time."""
    if members.size is not None:
        raise ValueError("streamed examples are for a single run")
    count = len(split)
    size = _whole_batches(min(EVALUATION_BATCH, count), devices)
    # Padded to whole batches with the first image, which a mask keeps out of the sums.
    order = np.zeros(-(-count // size) * size, np.int64)
    order[:count] = np.arange(count)

    def part(
        state: TrainState, totals: Totals, batch: Batch, start: jax.Array
    ) -> tuple[Totals, jax.Array]:
        counts = start + jnp.arange(size) < count
        images, labels = devices.shared(batch)
        params, model_state = state.used
        logits, _ = task.model.apply(params, model_state, images)
        more = totals_of(logits, labels, counts, loss=task.loss, metrics=task.metrics)
        return totals + more, guesses_of(logits)

    images: Any = jax.ShapeDtypeStruct((size, *split.image_shape), jnp.float32)
    labels: Any = jax.ShapeDtypeStruct((size,), jnp.int32)
    batch = Batch(images, labels)
    batch = devices.shapes(batch, devices.of_batch(batch))
    zero = devices.copied(Totals.zero(task.metrics))
    where = None if devices.everywhere is None else (devices.everywhere, devices.everywhere)
    program = jax.jit(part, out_shardings=where)
    start: Any = jax.ShapeDtypeStruct((), jnp.int32)
    compiled = program.lower(like, zero, batch, start).compile()
    stream = Stream(split, size, own=devices.own)

    def score(state: TrainState) -> Score:
        totals, guesses = zero, []
        for number, own in enumerate(stream.at(order, 0)):
            jax.block_until_ready(totals)  # so that few batches are in memory at once
            given = devices.dealt(batch_of(own), size)
            totals, found = compiled(state, totals, given, np.int32(number * size))
            guesses.append(np.asarray(found))
        stream.close()
        return Score(jax.device_get(totals), np.concatenate(guesses)[:count])

    return score
