"""A pass over a data set that lies on the device: compiled once, every example used."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.stages import Compiled

from jaxcnn.layers import Layer, Params, State
from jaxcnn.training.state import TrainState
from jaxcnn.training.step import Batch, Step, Totals, totals_of


class Epoch(NamedTuple):
    """The compiled programs of one pass over the training set.

    Attributes:
        shuffle: ``(key) -> order``, a fresh permutation of the examples.
        run: ``(state, totals, data, order, start, stop) -> (state, totals)``: the full batches
            ``start`` to ``stop`` of the pass.
        finish: ``(state, totals, data, order) -> (state, totals)``: the examples that do not
            fill a batch, as one smaller batch; ``None`` where there are none.
        full_batches: how many full batches the pass has.
        programs: the compiled programs that ``run`` and ``finish`` call.
    """

    shuffle: Callable[[jax.Array], jax.Array]
    run: Callable[..., tuple[TrainState, Totals]]
    finish: Callable[..., tuple[TrainState, Totals]] | None
    full_batches: int
    programs: tuple[Compiled, ...]

    @property
    def steps(self) -> int:
        """Optimizer steps in one pass."""
        return self.full_batches + (self.finish is not None)

    def advance(
        self,
        state: TrainState,
        totals: Totals,
        data: Batch,
        order: jax.Array,
        start: int,
        stop: int,
    ) -> tuple[TrainState, Totals]:
        """The batches ``start`` to ``stop`` of the pass, the smaller last one among them."""
        full = min(stop, self.full_batches)
        if start < full:
            state, totals = self.run(state, totals, data, order, np.int32(start), np.int32(full))
        if stop > self.full_batches and self.finish is not None:
            state, totals = self.finish(state, totals, data, order)
        return state, totals


def compile_epoch(
    step: Step, state: TrainState, data: Batch, batch_size: int, *, looped: bool | None = None
) -> Epoch:
    """Compile one pass, ahead of time, so that no timing ever contains a compilation.

    A whole epoch is one call of ``run``. Whoever wants to look in between (a progress bar)
    calls the *same* program for shorter ranges, so watching cannot change a number.

    Args:
        step: the pure training step.
        state: a state of the right shapes.
        data: the whole training set, on the device.
        batch_size: examples per step; at most the size of the set is used.
        looped: whether ``run`` is one compiled loop, or a compiled step that Python calls again
            and again. Left out, a loop everywhere but on the CPU, where XLA computes the
            gradients of a convolution several times slower within a loop
            (docs/decisions/0001).
    """
    looped = jax.default_backend() != "cpu" if looped is None else looped
    count = data.labels.shape[0]
    size = min(batch_size, count)
    full, rest = divmod(count, size)

    def take(data: Batch, indices: jax.Array) -> Batch:
        return Batch(data.images[indices], data.labels[indices])

    def batch_step(
        state: TrainState, totals: Totals, data: Batch, order: jax.Array, index: jax.Array
    ) -> tuple[TrainState, Totals]:
        indices = lax.dynamic_slice_in_dim(order, index * size, size)
        state, more = step(state, take(data, indices))
        return state, totals + more

    def loop(
        state: TrainState,
        totals: Totals,
        data: Batch,
        order: jax.Array,
        start: jax.Array,
        stop: jax.Array,
    ) -> tuple[TrainState, Totals]:
        def body(index: jax.Array, carry: tuple[TrainState, Totals]) -> tuple[TrainState, Totals]:
            return batch_step(*carry, data, order, index)

        return lax.fori_loop(start, stop, body, (state, totals))

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def finish(
        state: TrainState, totals: Totals, data: Batch, order: jax.Array
    ) -> tuple[TrainState, Totals]:
        state, more = step(state, take(data, order[full * size :]))
        return state, totals + more

    shuffle = shuffle_of(count)
    order = jax.eval_shape(shuffle, jax.random.key(0))
    index = jax.ShapeDtypeStruct((), jnp.int32)
    totals = Totals.zero()
    arguments = (state, totals, data, order, index)
    if looped:
        first = jax.jit(loop, donate_argnums=(0, 1)).lower(*arguments, index).compile()
    else:
        first = jax.jit(batch_step, donate_argnums=(0, 1)).lower(*arguments).compile()
    last = finish.lower(state, totals, data, order).compile() if rest else None
    programs = (first,) if last is None else (first, last)
    return Epoch(shuffle, first if looped else _again_and_again(first), last, full, programs)


def shuffle_of(count: int) -> Callable[[jax.Array], jax.Array]:
    """``(key) -> order``, a fresh permutation of ``count`` examples."""
    return jax.jit(lambda key: jax.random.permutation(key, count))


def _again_and_again(step: Callable[..., tuple[TrainState, Totals]]) -> Callable[..., Any]:
    """The calls of a compiled step that make up a range of batches."""

    def run(
        state: TrainState,
        totals: Totals,
        data: Batch,
        order: jax.Array,
        start: np.int32,
        stop: np.int32,
    ) -> tuple[TrainState, Totals]:
        for index in range(start, stop):
            state, totals = step(state, totals, data, order, np.int32(index))
        return state, totals

    return run


def compile_evaluation(
    model: Layer, params: Params, model_state: State, data: Batch, batch_size: int
) -> Callable[[Params, State, Batch], tuple[Totals, jax.Array]]:
    """Compile `make_evaluation`'s function.

    Args:
        model: the network.
        params: parameters of the right shapes.
        model_state: a model state of the right shapes.
        data: the whole test set.
        batch_size: examples per batch.
    """
    evaluate = jax.jit(make_evaluation(model, data.labels.shape[0], batch_size))
    return evaluate.lower(params, model_state, data).compile()


def make_evaluation(
    model: Layer, count: int, batch_size: int
) -> Callable[[Params, State, Batch], tuple[Totals, jax.Array]]:
    """The function ``(params, model_state, data) -> (totals, guesses)`` over all of ``data``.

    The set is padded to whole batches, and a mask keeps the padding out of the sums. The
    guesses are the classes with the largest logits, int32, ``(n,)``.

    Args:
        model: the network.
        count: the number of examples.
        batch_size: examples per batch.
    """
    size = min(batch_size, count)
    batches = -(-count // size)

    def evaluate(params: Params, model_state: State, data: Batch) -> tuple[Totals, jax.Array]:
        def body(totals: Totals, start: jax.Array) -> tuple[Totals, jax.Array]:
            positions = start + jnp.arange(size)
            mask = positions < count
            indices = jnp.where(mask, positions, 0)
            logits, _ = model.apply(params, model_state, data.images[indices])
            more = totals_of(logits, data.labels[indices], mask)
            return totals + more, logits.argmax(-1).astype(jnp.int32)

        starts = size * jnp.arange(batches)
        totals, guesses = lax.scan(body, Totals.zero(), starts)
        return totals, guesses.reshape(-1)[:count]

    return evaluate
