"""Chooses how many batches run between two looks at signals, the display and checkpoints."""

import time

from jaxcnn.runs import processes
from jaxcnn.runs.subscriber import Subscriber
from jaxcnn.training import Moment, SpanDone

LOOK_SECONDS = 0.25
"""About how often a run looks whether it is to stop, is still finite, or has more to show."""


class Pace(Subscriber):
    """The length of the spans that an epoch is run in; no number of a run depends on it.

    It hears of events first. Of several processes the first one chooses.

    Attributes:
        checkpoint_due: whether to save after this span, within an epoch; its end is saved in any
            case.
    """

    checkpoint_due = False

    def __init__(self, every: int, minutes: float | None, steps: int) -> None:
        """A checkpoint each ``every`` steps (0: never), and each so many ``minutes``.

        Args:
            every: steps between two checkpoints.
            minutes: between two checkpoints, besides those by steps.
            steps: the batches of an epoch.
        """
        self._every, self._minutes, self._steps = every, minutes, steps
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
        self._batches, chosen = processes.agreed(batches, due)
        self.checkpoint_due = bool(chosen)

    def _is_due(self, done: SpanDone) -> bool:
        if done.moment.batch >= self._steps:
            return False
        by_steps = bool(self._every) and done.moment.step % self._every == 0
        minutes = (time.monotonic() - self._saved) / 60
        return by_steps or (self._minutes is not None and minutes >= self._minutes)

    def saved(self) -> None:
        """Hear that a checkpoint was saved."""
        self._saved = time.monotonic()
