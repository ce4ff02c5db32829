"""Stops a run whose numbers are no longer finite: which step, which images, what is still good."""

import contextlib
import json
import math
from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from jaxcnn.errors import UserError
from jaxcnn.runs.checkpoints import Checkpoints
from jaxcnn.runs.folder import RunFolder
from jaxcnn.runs.job import Job
from jaxcnn.runs.rows import MetricsRow
from jaxcnn.runs.subscriber import Subscriber
from jaxcnn.training import EpochDone, SpanDone
from jaxcnn.training.totals import NEVER
from jaxcnn.writing import write_whole

_NAMED = 10
"""How many images the sentence names; the file has all of them."""


class Finiteness(Subscriber):
    """Stops a single run whose loss, gradient or parameters stopped being finite.

    With ``skip_nonfinite``, it stops only when a whole epoch was skipped. It goes before the
    checkpoints, so that none is saved after such a step.
    """

    def __init__(
        self, job: Job, folder: RunFolder | None = None, checkpoints: Checkpoints | None = None
    ) -> None:
        """Watch a run; ``nonfinite.json`` in its folder has the indices of the step's images."""
        self._job, self._folder, self._checkpoints = job, folder, checkpoints

    def span(self, done: SpanDone) -> None:
        """Look at the steps of a span.

        Raises:
            UserError: naming the step, the images and the last good checkpoint.
        """
        moment, steps = done.moment, self._job.programs.steps
        step = int(moment.totals.nonfinite)
        whole_epoch = moment.batch == steps and int(moment.totals.steps) == 0
        if step != NEVER and (whole_epoch or not self._job.config.skip_nonfinite):
            self._stop(done, step, whole_epoch)

    def _stop(self, done: SpanDone, step: int, whole_epoch: bool) -> NoReturn:
        moment, steps = done.moment, self._job.programs.steps
        batch = step - (moment.epoch - 1) * steps
        start = batch * self._job.programs.batch_size
        images = np.asarray(done.orders)[start : start + self._job.programs.batch_size].tolist()
        self._write({"step": step + 1, "epoch": moment.epoch, "batch": batch + 1}, images)
        rest = len(images) - _NAMED
        file = f", see {self._folder.nonfinite}" if self._folder else ""
        more = f" and {rest} more{file}" if rest > 0 else ""
        skipped = "every step of the epoch was skipped"
        advice = skipped if whole_epoch else "--skip-nonfinite goes on"
        raise UserError(
            f"the loss, the gradient or the parameters were not finite in step {step + 1} (epoch "
            f"{moment.epoch}, batch {batch + 1}, training images "
            f"{', '.join(map(str, images[:_NAMED]))}{more}); {self._last_good()}; "
            f"a lower --lr or --clip-norm 1 may help, {advice}{self._of_float16()}"
        )

    def epoch(self, done: EpochDone, rows: Sequence[MetricsRow]) -> None:
        """Look at the losses of the scores, which may not be finite though training still is.

        Raises:
            UserError: naming the epoch and the last good checkpoint.
        """
        for name in done.scores:
            loss = rows[0][f"{name}_loss"]
            if not math.isfinite(loss):
                raise self._not_finite(name, loss, done)

    def _not_finite(self, name: str, loss: float, done: EpochDone) -> UserError:
        return UserError(
            f"the {name} loss became {loss} in epoch {done.epoch} (step "
            f"{done.moment.step}); {self._last_good()}; a lower --lr or --clip-norm 1 may help"
            f"{self._of_float16()}"
        )

    def _of_float16(self) -> str:
        """The clause about numbers that float16 does not have, where it is used."""
        if self._job.config.precision != "mixed_float16":
            return ""
        return "; float16 ends at 65504, --precision mixed_bfloat16 does not"

    def _write(self, facts: dict[str, int], images: list[int]) -> None:
        if self._folder is not None:
            with contextlib.suppress(UserError):  # a full disk must not hide what happened
                content = {**facts, "training_images": images}
                write_whole(self._folder.nonfinite, json.dumps(content) + "\n")

    def _last_good(self) -> str:
        """The clause that names the last checkpoint, which is on the disk when this returns."""
        if self._checkpoints is None:
            return "no checkpoint is kept"
        self._checkpoints.wait()
        steps = self._checkpoints.steps()
        if not steps:
            return "there is no checkpoint yet"
        return f"the last good checkpoint is {self._checkpoints.folder / str(steps[-1])}"
