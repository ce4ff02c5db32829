"""What a training computes, compiled: passes over the training set, and scores.

One run is one *member*. Several members (other seeds, other learning rates) are trained by one
program, in which every array of theirs has an axis of members in front.
"""

import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.stages import Compiled

from jaxcnn.data import StreamedSplit
from jaxcnn.data.stream import Stream
from jaxcnn.training.evaluation import Score
from jaxcnn.training.passes import passes_of
from jaxcnn.training.scoring import batch_of, make_scoring
from jaxcnn.training.spread import ALONE, Devices
from jaxcnn.training.state import Batch, TrainState
from jaxcnn.training.task import Members, Task
from jaxcnn.training.totals import Totals

_SHARE = 0.8
"""Of the free memory, what the intermediate results of a program may take."""

_BETWEEN = (jax.ShapeDtypeStruct((), jnp.int32),) * 2
"""Between which batches of a pass a span goes, as their shapes and types."""


class Programs(NamedTuple):
    """The compiled programs of a training.

    Attributes:
        start: ``() -> state``, what the members begin with.
        shuffle: ``(epoch) -> orders``, a fresh permutation of the examples for each member.
        advance: ``(state, totals, orders, start, stop) -> (state, totals)``: the batches
            ``start`` to ``stop`` of a pass. State and totals are donated.
        score: ``(state) -> scores``, by the name of the split.
        zero: the totals over no examples.
        steps: how many batches a pass has.
        batch_size: examples per full batch.
        examples: how many examples a pass has.
        at_once: how many members are vectorized together.
        place: ``(state, totals) -> (state, totals)``, arrays from elsewhere on the devices.
        whole: ``(state) -> state``, with arrays that this process has whole.
        like: the shapes of state and totals, and where they lie.
        compiled: the programs that ``advance`` runs, for whoever wants to look into them.
        waited: ``() -> seconds``, for how long ``advance`` has had to wait for images so far, with
            nothing to compute meanwhile (at most: when the step before has ended in between is
            not known). 0 where they are in memory.
    """

    start: Callable[[], TrainState]
    shuffle: Callable[[int], jax.Array]
    advance: Callable[[TrainState, Totals, jax.Array, int, int], tuple[TrainState, Totals]]
    score: Callable[[TrainState], dict[str, Score]]
    zero: Callable[[], Totals]
    steps: int
    batch_size: int
    examples: int
    at_once: int
    place: Callable[[TrainState, Totals], tuple[TrainState, Totals]]
    whole: Callable[[TrainState], TrainState]
    like: tuple[Any, Any]
    compiled: tuple[Compiled, ...]
    waited: Callable[[], float] = lambda: 0.0

    def examples_in(self, start: int, stop: int) -> int:
        """How many examples the batches ``start`` to ``stop`` of a pass have."""
        return min(stop * self.batch_size, self.examples) - start * self.batch_size


def compile_programs(
    task: Task, members: Members, *, at_once: int | None = None, devices: Devices = ALONE
) -> Programs:
    """Compile what a training computes, ahead of time: no timing ever contains a compilation.

    A pass is one compiled loop over a range of batches. Whoever wants to look in between runs
    the *same* program over shorter ranges, so that watching cannot change a number.

    Args:
        task: what is learned, and how.
        members: who learns it.
        at_once: how many members are vectorized together, the others following in the same
            program. Left out, one on the CPU, where a convolution with a kernel for each member
            is several times slower than one convolution after another; elsewhere all of them,
            or as many as fit into the device's memory.
        devices: those that share the examples of each batch, as a `Spread`; a batch that they do
            not divide is computed by each of them. Left out, JAX's default device computes
            everything.

    Raises:
        ValueError: if the training set is streamed and there are several members.
    """
    if isinstance(task.train_set, StreamedSplit):
        return _streamed(task, members, task.train_set, devices)
    if members.size is None:
        return _compiled(task, members, 1, devices)
    if at_once is not None:
        return _compiled(task, members, min(at_once, members.size), devices)
    return _as_many_as_fit(task, members, members.size, devices)


def _as_many_as_fit(task: Task, members: Members, count: int, devices: Devices) -> Programs:
    """The programs that vectorize as many of the members as suits the device."""
    at_once = 1 if jax.default_backend() == "cpu" else count
    while True:
        programs = _compiled(task, members, at_once, devices)
        if at_once == 1 or fits(programs.compiled):
            return programs
        at_once = math.ceil(at_once / 2)


def free_memory() -> float:
    """How many bytes of the device's memory are free; infinity where it does not say (CPUs)."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return stats.get("bytes_limit", math.inf) - stats.get("bytes_in_use", 0)


def fits(programs: Sequence[Any]) -> bool:
    """Whether the intermediate results have room, by the compiler's own count."""
    counts = [program.memory_analysis() for program in programs]
    needed = max(count.temp_size_in_bytes for count in counts if count is not None)
    return bool(needed <= _SHARE * free_memory())


def _compiled(task: Task, members: Members, at_once: int, devices: Devices) -> Programs:
    size, full = min(task.batch_size, len(task.train_set)), task.full_batches
    data, passes = devices.copied(batch_of(task.train_set)), passes_of(task, at_once, devices)
    members = devices.copied(members)
    before = _before(task, members, devices)
    orders = devices.shapes(jax.eval_shape(before.shuffle, 1))
    programs = [before.compile(passes.span, members, data, orders, *_BETWEEN)]
    if task.steps > full:
        left = devices.shapes(jax.eval_shape(lambda orders: orders[..., full * size :], orders))
        programs.append(before.compile(passes.rest, members, data, left))

    def advance(
        state: TrainState, totals: Totals, orders: jax.Array, start: int, stop: int
    ) -> tuple[TrainState, Totals]:
        last = min(stop, full)
        if start < last:
            between = np.int32(start), np.int32(last)
            state, totals = programs[0](members, state, totals, data, orders, *between)
        if stop > full:
            left = orders[..., full * size :]
            state, totals = programs[1](members, state, totals, data, left)
        return state, totals

    return _programs(task, members, at_once, devices, before, advance, programs)


def _streamed(task: Task, members: Members, split: StreamedSplit, devices: Devices) -> Programs:
    """The programs of a single run whose examples are read when they are needed.

    On one device each batch is a training set of its own, in the order in which it comes, so that
    the step is that of the examples in memory, to the bit. Several devices get only their share.
    """
    if members.size is not None:
        raise ValueError("compile_programs: streamed examples are for a single run")
    size, passes = min(task.batch_size, len(split)), passes_of(task, 1, devices)
    members = devices.copied(members)
    before = _before(task, members, devices)

    def compiled(count: int) -> Compiled:
        images: Any = jax.ShapeDtypeStruct((count, *split.image_shape), jnp.float32)
        labels: Any = jax.ShapeDtypeStruct((count,), jnp.int32)
        batch = Batch(images, labels)
        batch = devices.shapes(batch, devices.of_batch(batch))
        if devices.size > 1:
            return before.compile(passes.whole, members, batch)
        if count == size:
            return before.compile(passes.span, members, batch, labels, *_BETWEEN)
        return before.compile(passes.rest, members, batch, labels)

    programs = [compiled(size)]
    if rest := len(split) % size:
        programs.append(compiled(rest))
    stream, once = Stream(split, size, own=devices.own), (np.int32(0), np.int32(1))
    waiting = _Waiting()

    def advance(
        state: TrainState, totals: Totals, order: Any, start: int, stop: int
    ) -> tuple[TrainState, Totals]:
        batches = stream.at(order, start)
        for number in range(start, stop):
            begun, count = time.perf_counter(), min(size, len(split) - number * size)
            own = next(batches)
            if totals.examples.is_ready():
                waiting.seconds += time.perf_counter() - begun
            # Its way to the devices begins while they compute the batch before.
            given: tuple[Any, ...] = (devices.dealt(batch_of(own), count),)
            # One step at a time waits for the device: each holds the memory of its batch.
            jax.block_until_ready(totals)
            whole = count == size
            if devices.size == 1:
                given += (jnp.arange(count, dtype=jnp.int32), *(once if whole else ()))
            state, totals = programs[0 if whole else 1](members, state, totals, *given)
        return state, totals

    done = _programs(task, members, 1, devices, before, advance, programs)
    return done._replace(waited=lambda: waiting.seconds)


class _Waiting:
    """For how many seconds the devices have waited for images."""

    seconds = 0.0


class _Before(NamedTuple):
    """What there is before the first step of a run, or of an epoch.

    Attributes:
        start: gives the state that the members begin with.
        shuffle: gives the orders of an epoch.
        zero: gives the totals over no examples.
        like: the shapes of state and totals, and where they lie.
        where: where they lie; ``None`` on a single device.
    """

    start: Callable[[], TrainState]
    shuffle: Callable[[int], jax.Array]
    zero: Callable[[], Totals]
    like: tuple[Any, Any]
    where: Any

    def compile(self, work: Callable[..., Any], members: Members, *like: Any) -> Compiled:
        """Compile one of `Passes` for arguments of these shapes; state and totals are donated."""
        program = jax.jit(work, donate_argnums=(1, 2), out_shardings=self.where)
        return program.lower(members, *self.like, *like).compile()


def _before(task: Task, members: Members, devices: Devices) -> _Before:
    count = len(task.train_set)

    def order(key: jax.Array, epoch: jax.Array) -> jax.Array:
        return jax.random.permutation(jax.random.fold_in(key, epoch), count)

    begin, shuffled = task.start, order
    zero = functools.partial(Totals.zero, task.metrics)
    if members.size is not None:
        begin = jax.vmap(task.start, in_axes=(0, None))
        shuffled = jax.vmap(order, in_axes=(0, None))
        zero = functools.partial(_zeros, task, members.size)
    given = devices.copied(dict(task.given or {}))
    state, totals = jax.eval_shape(lambda: (begin(members, given), zero()))
    of_state, of_totals = devices.of_state(state), devices.everywhere
    start = jax.jit(begin, out_shardings=of_state)
    shuffle = jax.jit(shuffled, out_shardings=devices.everywhere)
    return _Before(
        lambda: start(members, given),
        lambda epoch: shuffle(members.keys.order, epoch),
        lambda: devices.copied(zero()),
        (devices.shapes(state, of_state), devices.shapes(totals)),
        None if of_state is None else (of_state, of_totals),
    )


def _zeros(task: Task, size: int) -> Totals:
    """The totals of so many members over no examples."""
    return jax.tree.map(lambda each: jnp.stack([each] * size), Totals.zero(task.metrics))


def _programs(
    task: Task,
    members: Members,
    at_once: int,
    devices: Devices,
    before: _Before,
    advance: Callable[..., Any],
    compiled: Sequence[Compiled],
) -> Programs:
    def place(state: TrainState, totals: Totals) -> tuple[TrainState, Totals]:
        placed = (state, totals)
        return placed if before.where is None else devices.placed(placed, before.where)

    return Programs(
        before.start,
        before.shuffle,
        advance,
        make_scoring(task, members, at_once, devices, before.like[0]),
        before.zero,
        task.steps,
        min(task.batch_size, len(task.train_set)),
        len(task.train_set),
        at_once,
        place,
        devices.whole,
        before.like,
        tuple(compiled),
    )
