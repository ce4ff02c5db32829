"""Several runs of one config in one compiled program: each member has its own seed and rate."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.data import Dataset
from jaxcnn.models import MODELS
from jaxcnn.runs.config import TrainConfig
from jaxcnn.runs.job import fresh_state
from jaxcnn.training.augmentation import make_augment
from jaxcnn.training.epoch import make_evaluation
from jaxcnn.training.optimizers import make_optimizer
from jaxcnn.training.state import Keys, TrainState, init_state, keys_of
from jaxcnn.training.step import Batch, Step, Totals, make_train_step

_SHARE = 0.8
"""Of the free memory, what the intermediate results of a program may take."""


class Members(NamedTuple):
    """What tells the members apart; every array has an axis of members in front.

    Attributes:
        keys: their random streams.
        rates: their learning rates, float32.
    """

    keys: Keys
    rates: jax.Array


class Programs(NamedTuple):
    """The compiled programs of a sweep; states and totals have an axis of members in front.

    Attributes:
        members: what tells the members apart.
        shuffle: ``(keys, epoch) -> orders``, a permutation for each member.
        run: ``(members, states, totals, data, orders, start, stop) -> (states, totals)``: the
            full batches ``start`` to ``stop`` of a pass.
        finish: ``(members, states, totals, data, orders, test) -> (states, totals, scores)``:
            the examples that do not fill a batch, and the sums over the test set.
        states: what the members begin with.
        data: the training set.
        test: the test set.
        full_batches: how many full batches a pass has.
        steps: how many batches, a smaller last one among them.
        at_once: how many members are vectorized together.
    """

    members: Members
    shuffle: Callable[..., jax.Array]
    run: Callable[..., tuple[TrainState, Totals]]
    finish: Callable[..., tuple[TrainState, Totals, Totals]]
    states: TrainState
    data: Batch
    test: Batch
    full_batches: int
    steps: int
    at_once: int


def members_of(pairs: Sequence[tuple[int, float]]) -> Members:
    """Members from seeds and learning rates; the streams are those of single runs."""
    keys = [keys_of(seed) for seed, _ in pairs]
    return Members(
        jax.tree.map(lambda *each: jnp.stack(each), *keys),
        jnp.array([rate for _, rate in pairs], jnp.float32),
    )


def compile_members(
    config: TrainConfig,
    data: Dataset,
    pairs: Sequence[tuple[int, float]],
    at_once: int | None = None,
) -> Programs:
    """Compile the programs that train all of ``pairs``.

    Args:
        config: all that the members have in common.
        data: the data set, in memory.
        pairs: the seed and the learning rate of each member.
        at_once: how many members are vectorized together, the others following in the same
            program. Left out, one on the CPU, where a convolution with a kernel for each member
            is several times slower than one convolution after another; elsewhere all of them,
            or as many as fit into the device's memory.

    Raises:
        UserError: if the model cannot take images of this size.
    """
    if at_once is None:
        at_once = 1 if jax.default_backend() == "cpu" else len(pairs)
        while True:
            programs = _compiled(config, data, pairs, at_once)
            if at_once == 1 or _fits(programs.run, programs.finish):
                return programs
            at_once = math.ceil(at_once / 2)
    return _compiled(config, data, pairs, min(at_once, len(pairs)))


def free_memory() -> float:
    """How many bytes of the device's memory are free; infinity where it does not say (CPUs)."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return stats.get("bytes_limit", math.inf) - stats.get("bytes_in_use", 0)


def _fits(*programs: Any) -> bool:
    """Whether the intermediate results have room, by the compiler's own count."""
    counts = [program.memory_analysis() for program in programs]
    needed = max(count.temp_size_in_bytes for count in counts if count is not None)
    return bool(needed <= _SHARE * free_memory())


def _compiled(
    config: TrainConfig, data: Dataset, pairs: Sequence[tuple[int, float]], at_once: int
) -> Programs:
    count = len(data.train)
    size = min(config.recipe.batch_size, count)
    full, rest = divmod(count, size)
    total_steps = config.recipe.epochs * (full + (rest > 0))
    model = MODELS[config.model](data.num_classes)
    augment = make_augment(config.augmentation, data.num_classes)
    evaluate = make_evaluation(model, len(data.test), size)

    def optimizer(rate: Any) -> Any:
        # The rate is traced, so that one program serves all rates, with their schedules.
        return make_optimizer(dataclasses.replace(config, lr=rate), total_steps)

    def start(member: Members) -> TrainState:
        shape = (1, *data.image_shape)
        return init_state(model, optimizer(member.rates), member.keys.init, shape)

    def step_of(member: Members) -> Step:
        return make_train_step(
            model,
            optimizer(member.rates),
            member.keys.noise,
            augment=augment,
            skip_nonfinite=config.skip_nonfinite,
        )

    def run(
        members: Members,
        states: TrainState,
        totals: Totals,
        data: Batch,
        orders: jax.Array,
        start: jax.Array,
        stop: jax.Array,
    ) -> tuple[TrainState, Totals]:
        def each(member: Members, state: TrainState, totals: Totals, order: jax.Array) -> Any:
            step = step_of(member)

            def body(index: jax.Array, carry: tuple[TrainState, Totals]) -> Any:
                indices = lax.dynamic_slice_in_dim(order, index * size, size)
                state, more = step(carry[0], _take(data, indices))
                return state, carry[1] + more

            return lax.fori_loop(start, stop, body, (state, totals))

        return _over_members(each, at_once, members, states, totals, orders)

    def finish(
        members: Members,
        states: TrainState,
        totals: Totals,
        data: Batch,
        orders: jax.Array,
        test: Batch,
    ) -> tuple[TrainState, Totals, Totals]:
        def each(member: Members, state: TrainState, totals: Totals, order: jax.Array) -> Any:
            if rest:
                state, more = step_of(member)(state, _take(data, order[full * size :]))
                totals += more
            score, _ = evaluate(state.params, state.model_state, test)
            return state, totals, score

        return _over_members(each, at_once, members, states, totals, orders)

    # Says in one sentence if the model cannot take these images.
    shape, rate = data.image_shape, jnp.ones(())
    jax.eval_shape(lambda: fresh_state(config, optimizer(rate), shape, data.num_classes)[1])
    members = members_of(pairs)
    states = jax.jit(jax.vmap(start))(members)
    train_set, test_set = _on_device(data.train), _on_device(data.test)
    shuffle = jax.jit(jax.vmap(_shuffle(count), in_axes=(0, None)))
    orders = jax.eval_shape(shuffle, members.keys.order, 1)
    arguments = (members, states, zero_totals(len(pairs)), train_set, orders)
    index = jax.ShapeDtypeStruct((), jnp.int32)
    return Programs(
        members,
        shuffle,
        jax.jit(run, donate_argnums=(1, 2)).lower(*arguments, index, index).compile(),
        jax.jit(finish, donate_argnums=(1, 2)).lower(*arguments, test_set).compile(),
        states,
        train_set,
        test_set,
        full,
        full + (rest > 0),
        at_once,
    )


def zero_totals(members: int) -> Totals:
    """The sums over no examples, for each member."""
    return jax.tree.map(lambda zero: jnp.repeat(zero[None], members, 0), Totals.zero())


def _over_members(each: Callable[..., Any], at_once: int, *arguments: Any) -> Any:
    """``each`` member's results: all vectorized, or so many at a time in a loop."""
    count = len(jax.tree.leaves(arguments)[0])
    if at_once == count:
        return jax.vmap(each)(*arguments)
    # One at a time is not vectorized: a convolution stays the one that a single run has.
    batch_size = None if at_once == 1 else at_once
    return lax.map(lambda member: each(*member), arguments, batch_size=batch_size)


def _shuffle(count: int) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """``(key, epoch) -> order``, the permutation that a single run has in this epoch."""
    return lambda key, epoch: jax.random.permutation(jax.random.fold_in(key, epoch), count)


def _take(data: Batch, indices: jax.Array) -> Batch:
    return Batch(data.images[indices], data.labels[indices])


def _on_device(split: Any) -> Batch:
    return Batch(jnp.asarray(np.asarray(split.images)), jnp.asarray(np.asarray(split.labels)))
