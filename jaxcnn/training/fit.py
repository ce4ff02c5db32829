"""The training loop: it computes, and yields an event whenever there is something to see."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np

from jaxcnn.training.evaluation import Score
from jaxcnn.training.program import Programs
from jaxcnn.training.state import TrainState
from jaxcnn.training.totals import Totals


class Moment(NamedTuple):
    """A moment of a training, from which it goes on as if it had never stopped.

    With several members, state and totals have an axis of members in front.

    Attributes:
        state: parameters, running statistics, the optimizer's state and the step.
        totals: the sums over the batches of this epoch so far.
        epoch: the number of this epoch, from 1.
        batch: how many batches of it are done. With ``epoch`` this is the position in the data,
            for an epoch's order is drawn from the keys and the epoch's number alone.
    """

    state: TrainState
    totals: Totals
    epoch: int
    batch: int

    @property
    def step(self) -> int:
        """How many steps are done; all members have done as many."""
        return int(np.asarray(self.state.step).max())

    def place(self, steps: int) -> str:
        """Where it is, in epochs of so many steps."""
        return f"step {self.step:,} (epoch {self.epoch}, batch {self.batch} of {steps})"

    def behind(self, steps: int) -> str:
        """What is done by then, in epochs of so many steps."""
        if not self.batch:
            return f"after epoch {self.epoch - 1} (step {self.step:,})"
        return f"in epoch {self.epoch} after batch {self.batch} of {steps} (step {self.step:,})"


class SpanDone(NamedTuple):
    """Some batches of an epoch are computed.

    Attributes:
        moment: where the training is now. Its arrays are given to the next span, so that whoever
            wants to keep them must copy them before the next event.
        orders: the order of the examples in this epoch.
        batches: how many batches the span had.
        seconds: how long it took.
        examples: how many examples the epoch has taken in this process so far.
        elapsed: how long that took.
    """

    moment: Moment
    orders: jax.Array
    batches: int
    seconds: float
    examples: int
    elapsed: float


class EpochDone(NamedTuple):
    """An epoch is computed and scored.

    Attributes:
        moment: where the next epoch begins.
        epoch: the number of the one that is done, from 1.
        totals: its sums, on the host.
        scores: what the model makes of the scored splits now, by their names.
        examples: how many of its examples were taken in this process.
        seconds: how long that took, without the scoring.
        waited: for how many of them there was nothing to compute, since images were not there yet.
    """

    moment: Moment
    epoch: int
    totals: Totals
    scores: dict[str, Score]
    examples: int
    seconds: float
    waited: float


StopAt = Callable[[Moment, int], int]
"""``(moment, steps) -> batch``: up to which batch of an epoch of ``steps`` the next span goes."""


def begin(programs: Programs) -> Moment:
    """The first moment of a training."""
    return Moment(programs.start(), programs.zero(), 1, 0)


def fit(
    programs: Programs,
    moment: Moment,
    *,
    epochs: int,
    stop_at: StopAt = lambda moment, steps: steps,
) -> Iterator[SpanDone | EpochDone]:
    """Train from a moment on, and yield an event after each span of batches and each epoch.

    Nothing is computed while an event is looked at, and a training ends early if nobody asks for
    the next one.

    Args:
        programs: the compiled programs of the training.
        moment: where it begins, or goes on. Its arrays are donated.
        epochs: the number of the last epoch.
        stop_at: how far each span goes. No number depends on it.

    >>> import optax
    >>> from jaxcnn.layers import Dense, Flatten, Sequential
    >>> from jaxcnn.training import Task, compile_programs, single
    >>> split = jc.data.load_dataset("digits").test
    >>> model = Sequential(Flatten(), Dense(10))
    >>> task = Task(model, optax.sgd, split, {"test": split}, batch_size=64)
    >>> programs = compile_programs(task, single(seed=0, rate=0.1))
    >>> events = list(fit(programs, begin(programs), epochs=2))
    >>> [type(event).__name__ for event in events]
    ['SpanDone', 'EpochDone', 'SpanDone', 'EpochDone']
    """
    while moment.epoch <= epochs:
        orders = jax.block_until_ready(programs.shuffle(moment.epoch))
        examples, begun, elapsed = 0, time.perf_counter(), 0.0
        before_waiting = programs.waited()
        while moment.batch < programs.steps:
            start, stop = moment.batch, stop_at(moment, programs.steps)
            before = time.perf_counter()
            state, totals = programs.advance(moment.state, moment.totals, orders, start, stop)
            jax.block_until_ready(totals)
            moment = Moment(state, totals, moment.epoch, stop)
            examples += programs.examples_in(start, stop)
            now = time.perf_counter()
            elapsed = now - begun
            yield SpanDone(moment, orders, stop - start, now - before, examples, elapsed)
        elapsed, waited = time.perf_counter() - begun, programs.waited() - before_waiting
        totals, scores = jax.device_get(moment.totals), programs.score(moment.state)
        epoch = moment.epoch
        moment = Moment(moment.state, programs.zero(), epoch + 1, 0)
        yield EpochDone(moment, epoch, totals, scores, examples, elapsed, waited)
