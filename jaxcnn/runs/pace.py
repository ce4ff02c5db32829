"""Chooses how many batches run between two looks at signals, the display and checkpoints."""

import time
from collections.abc import Sequence

from jaxcnn.runs import processes
from jaxcnn.runs.rows import MetricsRow
from jaxcnn.runs.stopping import StopRequests
from jaxcnn.runs.subscriber import Subscriber
from jaxcnn.training import EpochDone, Moment, SpanDone

LOOK_SECONDS = 0.25
"""About how often a run looks whether it is to stop, is still finite, or has more to show."""


class Pace(Subscriber):
    """The length of the spans that an epoch is run in; no number of a run depends on it.

    It hears of events first. Of several processes the first one chooses, and a signal to any of
    them stops all, after the same batch.

    Attributes:
        checkpoint_due: whether to save after this span, within an epoch; its end is saved in any
            case.
        signal: the number of the signal that asked for the run to stop.
    """

    checkpoint_due = False
    signal: int | None = None

    def __init__(self, every: int, minutes: float | None, steps: int, stops: StopRequests) -> None:
        """A checkpoint each ``every`` steps (0: never), and each so many ``minutes``.

        Args:
            every: steps between two checkpoints.
            minutes: between two checkpoints, besides those by steps.
            steps: the batches of an epoch.
            stops: hears of signals.
        """
        self._every, self._minutes, self._steps, self._stops = every, minutes, steps, stops
        self._batches = 1
        self._saved = time.monotonic()

    def stop_at(self, moment: Moment, steps: int) -> int:
        """The batch to run up to: the end of the epoch of ``steps``, or one before that."""
        span = self._batches
        if self._every:
            span = min(span, self._every - moment.step % self._every)
        return min(moment.batch + span, steps)

    def span(self, done: SpanDone) -> None:
        """Hear how long a span took, for the length of the next ones."""
        fitting = int(done.batches * LOOK_SECONDS / max(done.seconds, 1e-6))
        # Never much longer than the one before, whose time may have been a lucky one.
        batches, due = max(1, min(fitting, 8 * done.batches)), self._is_due(done)
        rows = processes.gathered(batches, int(due), self._stops.number or 0)
        self._batches, self.checkpoint_due = int(rows[0, 0]), bool(rows[0, 1])
        self.signal = int(rows[:, 2].max()) or None

    def epoch(self, done: EpochDone, rows: Sequence[MetricsRow]) -> None:
        """Hear that an epoch was scored, which may have taken long enough for a signal."""
        self.signal = int(processes.gathered(self._stops.number or 0).max()) or None

    def _is_due(self, done: SpanDone) -> bool:
        if done.moment.batch >= self._steps:
            return False
        by_steps = bool(self._every) and done.moment.step % self._every == 0
        minutes = (time.monotonic() - self._saved) / 60
        return by_steps or (self._minutes is not None and minutes >= self._minutes)

    def saved(self) -> None:
        """Hear that a checkpoint was saved."""
        self._saved = time.monotonic()
