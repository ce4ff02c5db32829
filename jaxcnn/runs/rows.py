"""The metrics of an epoch: one row of numbers for each member of a training."""

import math
from collections.abc import Mapping
from typing import Any

import jax

from jaxcnn.data import StreamedSplit
from jaxcnn.runs.devices import peak_memory
from jaxcnn.runs.job import Job
from jaxcnn.training import EpochDone, Totals
from jaxcnn.training.evaluation import Score
from jaxcnn.training.optimizers import learning_rate
from jaxcnn.training.totals import NEVER, means

MetricsRow = dict[str, Any]
"""An object of ``metrics.jsonl``: numbers by name."""


def rows_of(job: Job, done: EpochDone) -> list[MetricsRow]:
    """A row for each member; that of a single run tells its speed and learning rate, too."""
    if job.members.size is None:
        return [{**member_row(job, done), **_of_a_run(job, done)}]
    return [member_row(job, member_of(done, index)) for index in range(job.members.size)]


def member_of(done: EpochDone, index: int) -> EpochDone:
    """What one of several members has of an epoch."""

    def its(tree: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf[index], tree)

    scores = {name: its(score) for name, score in done.scores.items()}
    return done._replace(totals=its(done.totals), scores=scores)


def member_row(job: Job, done: EpochDone) -> MetricsRow:
    """What is written of a member's epoch."""
    classes, totals = job.data.num_classes, done.totals
    return {
        "epoch": done.epoch,
        "step": done.moment.step,
        **means("train", totals, classes),
        **scores_in(done.scores, classes),
        "gradient_norm": float(totals.gradient_norm) / max(int(totals.steps), 1),
        "skipped_steps": int(totals.skipped),
    }


def scores_in(scores: Mapping[str, Score], classes: int) -> dict[str, float]:
    """The means of every split that was scored."""
    row: dict[str, float] = {}
    for name, score in scores.items():
        row |= means(name, score.totals, classes)
    return row


def _of_a_run(job: Job, done: EpochDone) -> MetricsRow:
    row = {
        "images_per_second": done.examples / max(done.seconds, 1e-9),
        "seconds": done.seconds,
        "compile_seconds": job.compile_seconds,
        **peak_memory(),
    }
    if isinstance(job.data.train, StreamedSplit):
        row["waiting_share"] = done.waited / max(done.seconds, 1e-9)
    if job.schedule is None:
        return row
    rate = learning_rate(job.schedule(job.config.recipe.lr), done.moment.state.opt_state)
    return {"learning_rate": rate, **row}


def has_diverged(totals: Totals, row: Mapping[str, Any]) -> bool:
    """Whether a number of an epoch was not finite, or no step of it was taken."""
    broken = int(totals.nonfinite) != NEVER and int(totals.skipped) == 0
    return broken or int(totals.steps) == 0 or not all(map(math.isfinite, row.values()))
