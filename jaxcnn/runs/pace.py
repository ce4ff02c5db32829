"""How far a run goes before it looks up, and when a checkpoint is due."""

import time

LOOK_SECONDS = 0.25
"""About how often a run looks whether it is to stop, is still finite, or has more to show."""


class Rhythm:
    """The spans that an epoch is run in; no number of a run depends on them."""

    def __init__(self, every: int, minutes: float | None) -> None:
        """A checkpoint each ``every`` steps (0: never), and each so many ``minutes``."""
        self._every, self._minutes = every, minutes
        self._batches = 1
        self._saved = time.monotonic()

    def stop(self, step: int, batch: int, steps: int) -> int:
        """The batch to run up to: the end of the epoch of ``steps``, or one before that.

        Args:
            step: the steps of the run that lie behind.
            batch: the batches of the epoch that lie behind.
            steps: the batches of an epoch.
        """
        span = self._batches
        if self._every:
            span = min(span, self._every - step % self._every)
        return min(batch + span, steps)

    def ran(self, batches: int, seconds: float) -> None:
        """Hear how long a span took, for the length of the next ones."""
        fitting = int(batches * LOOK_SECONDS / max(seconds, 1e-6))
        # Never much longer than the one before, whose time may have been a lucky one.
        self._batches = max(1, min(fitting, 8 * batches))

    def checkpoint_due(self, step: int) -> bool:
        """Whether to save after ``step``."""
        by_steps = bool(self._every) and step % self._every == 0
        minutes = (time.monotonic() - self._saved) / 60
        return by_steps or (self._minutes is not None and minutes >= self._minutes)

    def saved(self) -> None:
        """Hear that a checkpoint was saved."""
        self._saved = time.monotonic()
