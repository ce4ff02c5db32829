"""Draws the curves of a sweep in one SVG file, by learning rate."""

import dataclasses
from pathlib import Path

from jaxcnn.report import curves
from jaxcnn.report.groups import Group
from jaxcnn.report.page import SERIES
from jaxcnn.report.reported_runs import ReportedRun
from jaxcnn.report.templating import templates
from jaxcnn.runs.config import TrainConfig
from jaxcnn.runs.outcomes import Member, Swept, by_rate
from jaxcnn.writing import write_whole

NAME = "sweep.svg"

_DRAWN = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")


def write_plot(swept: Swept, config: TrainConfig) -> Path:
    """Draw the mean loss and accuracy of each learning rate over the epochs.

    Args:
        swept: with one finished epoch at least.
        config: what the members have in common.

    Returns:
        The file, ``sweep.svg`` in the sweep's folder. Members that diverged are not drawn.

    Raises:
        UserError: if it cannot be written.
    """
    groups = [
        Group(f"{rate:g}", f"lr {rate:g}", runs)
        for rate, members in by_rate(swept.members).items()
        if (runs := [_reported_run(swept, m, config) for m in members if m.diverged is None])
    ]
    panels, _ = curves.draw(groups)
    path = swept.folder.path / NAME
    write_whole(path, _render(panels, f"{config.model} on {config.dataset}, by learning rate"))
    return path


def _reported_run(swept: Swept, member: Member, config: TrainConfig) -> ReportedRun:
    rows = [{"epoch": row["epoch"], **{name: row[name] for name in _DRAWN}} for row in member.rows]
    told = dataclasses.replace(config, seed=member.seed)
    return ReportedRun(swept.folder, f"seed {member.seed}", told, {}, rows, [])


def _render(panels: list[curves.Panel], title: str) -> str:
    return (
        templates()
        .get_template("sweep.svg")
        .render(panels=panels, title=title, axes=curves, colour=lambda series: series % SERIES + 1)
    )
