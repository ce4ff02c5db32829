"""What every member of a training does in a pass over its examples, as pure functions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jax import lax

from jaxcnn.training.spread import ALONE, Devices
from jaxcnn.training.state import Batch, TrainState
from jaxcnn.training.task import Members, Task
from jaxcnn.training.totals import Totals


class Passes(NamedTuple):
    """Functions that train every member on some batches of their passes.

    Attributes:
        span: ``(members, state, totals, data, orders, start, stop)``: the full batches ``start``
            to ``stop`` of the orders.
        rest: ``(members, state, totals, data, orders)``: all the examples of the orders, as one
            batch.
        whole: ``(members, state, totals, data)``: all the examples of the data, as one batch.
    """

    span: Callable[..., tuple[TrainState, Totals]]
    rest: Callable[..., tuple[TrainState, Totals]]
    whole: Callable[..., tuple[TrainState, Totals]]


def passes_of(task: Task, at_once: int, devices: Devices = ALONE) -> Passes:
    """The training of a task as pure functions.

    Args:
        task: what is learned.
        at_once: how many members are vectorized together.
        devices: who computes it.
    """
    size = min(task.batch_size, len(task.train_set))
    task = task._replace(model=devices.of_model(task.model))

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
                state, more = step(carry[0], devices.shared(_take(data, indices)))
                return state, carry[1] + more

            return lax.fori_loop(start, stop, body, (state, totals))

        return over_members(each, members, at_once, state, totals, orders)

    def rest(
        members: Members, state: TrainState, totals: Totals, data: Batch, orders: jax.Array
    ) -> tuple[TrainState, Totals]:
        def each(member: Members, state: TrainState, totals: Totals, order: jax.Array) -> Any:
            state, more = task.step(member)(state, devices.shared(_take(data, order)))
            return state, totals + more

        return over_members(each, members, at_once, state, totals, orders)

    def whole(
        members: Members, state: TrainState, totals: Totals, data: Batch
    ) -> tuple[TrainState, Totals]:
        state, more = task.step(members)(state, devices.shared(data))
        return state, totals + more

    return Passes(span, rest, whole)


def over_members(each: Callable[..., Any], members: Members, at_once: int, *arguments: Any) -> Any:
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
