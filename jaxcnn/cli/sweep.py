"""``jaxcnn sweep``: many seeds and learning rates at once."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from jaxcnn.cli import precedence
from jaxcnn.runs.plan import SweepConfig, read_plan
from jaxcnn.runs.sweep import sweep


@dataclasses.dataclass(frozen=True)
class SweepCommand:
    """Train many seeds and learning rates at once, in one compiled program.

    Every member ends with the numbers of the single run of its seed and learning rate, to
    rounding. Writes sweep.json, sweep.csv, sweep.svg and checkpoints that hold all members. A
    flag goes before --config, that before the sweep or run of --from (or of --resume), and that
    before the defaults. The exit status is that of train.

    Attributes:
        config: The settings of the sweep.
        file: A TOML file with settings, by the names of the flags; lr may be a list.
        from_run: The folder of a sweep, or of a single run, whose settings to take.
    """

    config: Annotated[SweepConfig, tyro.conf.arg(name="")]
    file: Annotated[Path | None, tyro.conf.arg(name="config")] = None
    from_run: Annotated[Path | None, tyro.conf.arg(name="from")] = None


def settled(command: SweepCommand, words: Sequence[str]) -> SweepConfig:
    """The config with the files behind it."""
    return precedence.settled(command, words, read_plan, prog="jaxcnn sweep")


def sweep_command(command: SweepCommand, words: Sequence[str]) -> None:
    """Train what ``words``, the words after ``jaxcnn sweep``, ask for; draw and print it.

    Raises:
        Stopped: after a signal, when everything is saved.
    """
    # The other commands need not wait for it.
    from jaxcnn.report.sweep_plot import write_plot

    plan = settled(command, words).plan
    swept = sweep(plan)
    if swept.epochs:
        write_plot(swept, plan.config)
    print(swept)
    if swept.stopped is not None:
        raise swept.stopped
