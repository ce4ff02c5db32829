"""Subscribers: each hears the events of a training and does one thing about them."""

import contextlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxcnn.runs import processes
from jaxcnn.runs.job import Job
from jaxcnn.runs.rows import MetricsRow, rows_of
from jaxcnn.training import EpochDone, Moment, SpanDone, fit
from jaxcnn.training.evaluation import Score
from jaxcnn.training.fit import StopAt


class Subscriber:
    """Hears what happens in a training. It is entered before and left after it.

    Attributes:
        ends: whether the training is to end after this epoch.
    """

    ends = False

    def span(self, done: SpanDone) -> None:
        """Some batches are computed."""

    def epoch(self, done: EpochDone, rows: Sequence[MetricsRow]) -> None:
        """An epoch is computed and scored; ``rows`` has the metrics of each member."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: Any) -> None:
        """The training has ended, or stops for now."""


class Ended(NamedTuple):
    """How a training ended.

    Attributes:
        moment: where it stands.
        scores: of the last epoch, by the name of the split.
    """

    moment: Moment
    scores: dict[str, Score]


def follow(job: Job, moment: Moment, subscribers: Sequence[Subscriber], stop_at: StopAt) -> Ended:
    """Train from a moment on, and tell the subscribers of it, in their order.

    Args:
        job: the parts of the run.
        moment: where it begins, or goes on.
        subscribers: who hears of it.
        stop_at: how far each span goes.
    """
    scores: dict[str, Score] = {}
    with contextlib.ExitStack() as entered:
        for subscriber in subscribers:
            entered.enter_context(subscriber)
        ended = _agreed_to_end(subscribers)
        events = fit(job.programs, moment, epochs=job.epochs, stop_at=stop_at)
        while not ended and (event := next(events, None)) is not None:
            moment = event.moment
            if isinstance(event, SpanDone):
                for subscriber in subscribers:
                    subscriber.span(event)
                continue
            scores, rows = event.scores, rows_of(job, event)
            for subscriber in subscribers:
                subscriber.epoch(event, rows)
            ended = _agreed_to_end(subscribers)
    scores = scores or job.programs.score(moment.state)
    return Ended(moment._replace(state=job.programs.whole(moment.state)), scores)


def _agreed_to_end(subscribers: Sequence[Subscriber]) -> bool:
    """Whether one of them ends the training, in the first process."""
    return bool(processes.agreed(any(subscriber.ends for subscriber in subscribers))[0])
