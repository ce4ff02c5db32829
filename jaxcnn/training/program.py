"""What a training computes, compiled: passes over the training set, and scores.

One run is one *member*. Several members (other seeds, other learning rates) are trained by one
program, in which every array of theirs has an axis of members in front.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.stages import Compiled

from jaxcnn.data import StreamedSplit
from jaxcnn.data.stream import Stream
from jaxcnn.training.evaluation import EVALUATION_BATCH, Score, make_evaluation
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
        compiled: the programs that ``advance`` runs, for whoever wants to look into them.
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
    compiled: tuple[Compiled, ...]

    def examples_in(self, start: int, stop: int) -> int:
        """How many examples the batches ``start`` to ``stop`` of a pass have."""
        return min(stop * self.batch_size, self.examples) - start * self.batch_size


def compile_programs(
    task: Task, members: Members, *, at_once: int | None = None, mesh: Mesh | None = None
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
        mesh: the devices that share the examples of each batch, along its first axis, whose type
            must be ``Auto``; batches that it does not divide are not shared. Left out, JAX's
            default device computes everything.

    Raises:
        ValueError: if the training set is streamed and there are several members.
    """
    if isinstance(task.train_set, StreamedSplit):
        return _streamed(task, members, task.train_set)
    if members.size is None:
        return _compiled(task, members, 1, mesh)
    if at_once is not None:
        return _compiled(task, members, min(at_once, members.size), mesh)
    return _as_many_as_fit(task, members, members.size, mesh)


def _as_many_as_fit(task: Task, members: Members, count: int, mesh: Mesh | None) -> Programs:
    """The programs that vectorize as many of the members as suits the device."""
    at_once = 1 if jax.default_backend() == "cpu" else count
    while True:
        programs = _compiled(task, members, at_once, mesh)
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


class Passes(NamedTuple):
    """Functions that train every member on some batches of their passes.

    Attributes:
        span: ``(members, state, totals, data, orders, start, stop)``: the full batches ``start``
            to ``stop`` of the orders.
        rest: ``(members, state, totals, data, orders)``: all the examples of the orders, as one
            batch.
    """

    span: Callable[..., tuple[TrainState, Totals]]
    rest: Callable[..., tuple[TrainState, Totals]]


def passes_of(task: Task, at_once: int, mesh: Mesh | None = None) -> Passes:
    """The training of a task as pure functions."""
    size = min(task.batch_size, len(task.train_set))
    share = _unshared if mesh is None else _shared_over(mesh)

    def span(
        members: Members,
        state: TrainState,
        totals: Totals,
        data: Batch,
        orders: jax.Array,
        start: jax.Array,
        stop: jax.Array,
    ) -> tuple[TrainState, Totals]:
        def each(member: Members, state: TrainState, totals: Totals, order: jax.Array) -> Any:
            step = task.step(member)

            def body(index: jax.Array, carry: tuple[TrainState, Totals]) -> Any:
                indices = lax.dynamic_slice_in_dim(order, index * size, size)
                state, more = step(carry[0], share(_take(data, indices)))
                return state, carry[1] + more

            return lax.fori_loop(start, stop, body, (state, totals))

        return _over_members(each, members, at_once, state, totals, orders)

    def rest(
        members: Members, state: TrainState, totals: Totals, data: Batch, orders: jax.Array
    ) -> tuple[TrainState, Totals]:
        def each(member: Members, state: TrainState, totals: Totals, order: jax.Array) -> Any:
            state, more = task.step(member)(state, share(_take(data, order)))
            return state, totals + more

        return _over_members(each, members, at_once, state, totals, orders)

    return Passes(span, rest)


def _compile(work: Callable[..., Any], *like: Any) -> Compiled:
    """Compile one of `Passes` for arguments of these shapes; state and totals are donated."""
    return jax.jit(work, donate_argnums=(1, 2)).lower(*like).compile()


def _compiled(task: Task, members: Members, at_once: int, mesh: Mesh | None) -> Programs:
    size, full = min(task.batch_size, len(task.train_set)), task.full_batches
    data, passes = _on_devices(task.train_set, mesh), passes_of(task, at_once, mesh)
    start, shuffle, zero = _before(task, members)
    state, totals = jax.eval_shape(lambda: (start(), zero()))
    orders = jax.eval_shape(shuffle, 1)
    programs = [_compile(passes.span, members, state, totals, data, orders, *_BETWEEN)]
    if task.steps > full:
        left = jax.eval_shape(lambda orders: orders[..., full * size :], orders)
        programs.append(_compile(passes.rest, members, state, totals, data, left))

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

    score = _scores(task, members, at_once, mesh)
    sizes = (task.steps, size, len(task.train_set))
    return Programs(start, shuffle, advance, score, zero, *sizes, at_once, tuple(programs))


def _streamed(task: Task, members: Members, split: StreamedSplit) -> Programs:
    """The programs of a single run whose examples are read when they are needed.

    Each batch is a training set of its own, in the order in which it comes, so that the step is
    that of the examples in memory, to the bit.
    """
    if members.size is not None:
        raise ValueError("compile_programs: streamed examples are for a single run")
    size, passes = min(task.batch_size, len(split)), passes_of(task, 1)
    start, shuffle, zero = _before(task, members)
    like = members, *jax.eval_shape(lambda: (start(), zero()))

    def shapes(count: int) -> tuple[Any, Any]:
        images: Any = jax.ShapeDtypeStruct((count, *split.image_shape), jnp.float32)
        labels: Any = jax.ShapeDtypeStruct((count,), jnp.int32)
        return Batch(images, labels), labels

    programs = [_compile(passes.span, *like, *shapes(size), *_BETWEEN)]
    if rest := len(split) % size:
        programs.append(_compile(passes.rest, *like, *shapes(rest)))
    stream, once = Stream(split, size), (np.int32(0), np.int32(1))

    def advance(
        state: TrainState, totals: Totals, order: Any, start: int, stop: int
    ) -> tuple[TrainState, Totals]:
        batches = stream.at(order, start)
        for _ in range(start, stop):
            part = next(batches)
            # One step at a time waits for the device: each holds the memory of its batch.
            jax.block_until_ready(totals)
            batch = Batch(jnp.asarray(part.images), jnp.asarray(part.labels))
            given = members, state, totals, batch, jnp.arange(len(part), dtype=jnp.int32)
            whole = len(part) == size
            state, totals = programs[0](*given, *once) if whole else programs[1](*given)
        return state, totals

    score = _scores(task, members, 1, None)
    sizes = (task.steps, size, len(split))
    return Programs(start, shuffle, advance, score, zero, *sizes, 1, tuple(programs))


def _before(task: Task, members: Members) -> tuple[Callable[[], Any], Any, Callable[[], Any]]:
    """What there is before the first step of a run, or of an epoch: state, orders, totals."""
    count = len(task.train_set)

    def order(key: jax.Array, epoch: jax.Array) -> jax.Array:
        return jax.random.permutation(jax.random.fold_in(key, epoch), count)

    begin, shuffled = task.start, order
    zero = functools.partial(Totals.zero, task.metrics)
    if members.size is not None:
        begin = jax.vmap(task.start, in_axes=(0, None))
        shuffled = jax.vmap(order, in_axes=(0, None))
        zero = functools.partial(_zeros, task, members.size)
    shuffled, begin = jax.jit(shuffled), jax.jit(begin)
    given = dict(task.given or {})
    return lambda: begin(members, given), lambda epoch: shuffled(members.keys.order, epoch), zero


def _zeros(task: Task, size: int) -> Totals:
    """The totals of so many members over no examples."""
    return jax.tree.map(lambda each: jnp.stack([each] * size), Totals.zero(task.metrics))


def _scores(
    task: Task, members: Members, at_once: int, mesh: Mesh | None
) -> Callable[[TrainState], dict[str, Score]]:
    """The compiled function from a state to the scores of every split."""
    size = max(EVALUATION_BATCH // at_once, 1)
    splits = {name: _on_devices(split, mesh) for name, split in task.scored.items()}

    def scored(members: Members, state: TrainState, splits: dict[str, Batch]) -> Any:
        def each(member: Members, state: TrainState) -> Any:
            return {name: _evaluated(task, state, splits[name], size) for name in task.scored}

        return _over_members(each, members, at_once, state)

    like = jax.eval_shape(_before(task, members)[0])
    program = jax.jit(scored).lower(members, like, splits).compile()

    def score(state: TrainState) -> dict[str, Score]:
        found = jax.device_get(program(members, state, splits))
        return {name: Score(*found[name]) for name in task.scored}

    return score


def _evaluated(task: Task, state: TrainState, data: Batch, size: int) -> tuple[Totals, jax.Array]:
    """The totals and guesses of one split, in batches of a size."""
    count = data.labels.shape[0]
    evaluate = make_evaluation(task.model, count, size, loss=task.loss, metrics=task.metrics)
    return evaluate(*state.used, data)


def _over_members(each: Callable[..., Any], members: Members, at_once: int, *arguments: Any) -> Any:
    """``each`` member's results: all vectorized, or so many at a time in a loop."""
    if members.size is None:
        return each(members, *arguments)
    if at_once == members.size:
        return jax.vmap(each)(members, *arguments)
    # One at a time is not vectorized: a convolution stays the one that a single run has.
    batch_size = None if at_once == 1 else at_once
    return lax.map(lambda member: each(*member), (members, *arguments), batch_size=batch_size)


def _take(data: Batch, indices: jax.Array) -> Batch:
    return Batch(data.images[indices], data.labels[indices])


def _on_devices(split: Any, mesh: Mesh | None) -> Batch:
    """A split in the memory of the device; of each, where there is a mesh."""
    batch = Batch(jnp.asarray(split.images), jnp.asarray(split.labels))
    return batch if mesh is None else jax.device_put(batch, NamedSharding(mesh, PartitionSpec()))


def _unshared(batch: Batch) -> Batch:
    """A batch as it is, on one device."""
    return batch


def _shared_over(mesh: Mesh) -> Callable[[Batch], Batch]:
    """Shares the examples of a batch among the devices of a mesh, if it divides them."""
    axis = mesh.axis_names[0]
    sharding = NamedSharding(mesh, PartitionSpec(axis))

    def share(batch: Batch) -> Batch:
        if batch.labels.shape[0] % mesh.shape[axis]:
            return batch
        return lax.with_sharding_constraint(batch, sharding)

    return share
