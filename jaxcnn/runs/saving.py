"""Saves checkpoints: after each epoch, at intervals within one, and when the run is to stop."""

import shlex
from collections.abc import Sequence
from typing import NoReturn

from jaxcnn.runs import processes
from jaxcnn.runs.checkpoints import Checkpoints
from jaxcnn.runs.elsewhere import Elsewhere
from jaxcnn.runs.folder import RunFolder
from jaxcnn.runs.job import Job
from jaxcnn.runs.pace import Pace
from jaxcnn.runs.rows import MetricsRow
from jaxcnn.runs.stopping import StopRequests, stopped_at
from jaxcnn.runs.subscriber import Subscriber
from jaxcnn.training import EpochDone, Moment, SpanDone


class Saving(Subscriber):
    """Saves moments of a training in the background."""

    def __init__(self, job: Job, checkpoints: Checkpoints | Elsewhere, pace: Pace) -> None:
        """Save into ``checkpoints`` when ``pace`` says that one is due."""
        self._job, self._checkpoints, self._pace = job, checkpoints, pace

    def span(self, done: SpanDone) -> None:
        """Save within an epoch, if a checkpoint is due."""
        if self._pace.checkpoint_due:
            self.save(done.moment)

    def epoch(self, done: EpochDone, rows: Sequence[MetricsRow]) -> None:
        """Save the end of an epoch; that of a single run with its scores."""
        own = rows[0] if len(rows) == 1 else {}
        kept = {name: own[name] for name in own if name.partition("_")[0] in done.scores}
        self.save(done.moment, kept)

    def save(self, moment: Moment, metrics: MetricsRow | None = None) -> None:
        """Save a moment, with the scores where they are known."""
        state = self._job.programs.whole(moment.state)  # for which all processes are needed
        self._checkpoints.save(moment._replace(state=state), metrics)
        self._pace.saved()

    def finish(self) -> None:
        """Wait until what was saved is on the disk."""
        self._checkpoints.wait()


class Stopping(Subscriber):
    """Saves and stops a training that was asked to stop by a signal. It hears of events last.

    A signal to one of several processes stops all of them after the same batch.
    """

    def __init__(
        self, command: str, job: Job, stops: StopRequests, saving: Saving, folder: RunFolder
    ) -> None:
        """Stop a ``jaxcnn`` command, which goes on with ``--run-dir`` and ``--resume``."""
        self._command, self._job, self._stops, self._saving = command, job, stops, saving
        self._folder = folder

    def span(self, done: SpanDone) -> None:
        """Stop within an epoch, if a signal asked for it.

        Raises:
            Stopped: if so.
        """
        number = self._asked()
        if number is not None and done.moment.batch < self._job.programs.steps:
            self._stop(number, done.moment)

    def epoch(self, done: EpochDone, rows: Sequence[MetricsRow]) -> None:
        """Stop after an epoch, unless it was the last one, if a signal asked for it.

        Raises:
            Stopped: if so.
        """
        number = self._asked()
        if number is not None and done.epoch < self._job.epochs:
            self._stop(number, done.moment)

    def _asked(self) -> int | None:
        """The signal that one of the processes has heard."""
        return int(processes.gathered(self._stops.number or 0).max()) or None

    def _stop(self, number: int, moment: Moment) -> NoReturn:
        """Save and stop after the signal ``number``."""
        self._saving.save(moment)
        self._saving.finish()
        command = f"{self._command} --run-dir {shlex.quote(str(self._folder.path))} --resume"
        raise stopped_at(number, moment.place(self._job.programs.steps), command)
