"""``jaxcnn sweep``: trains many seeds and learning rates in one compiled program."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from jaxcnn.cli import precedence
from jaxcnn.cli.flags import Named
from jaxcnn.cli.groups import GROUPS
from jaxcnn.cli.parsing import Values, parse
from jaxcnn.runs import Own, Together, join, processes
from jaxcnn.runs.log import quiet
from jaxcnn.runs.model import maker_of
from jaxcnn.runs.plan import SweepConfig, read_plan
from jaxcnn.runs.sweep import sweep


@dataclasses.dataclass(frozen=True)
class SweepCommand:
    """Train many seeds and learning rates at once, in one compiled program.

    Every member ends with the results of the single run with its seed and learning rate, up to
    rounding. Writes sweep.json, sweep.csv, sweep.svg and checkpoints that hold all members. Options
    override --config, which overrides the sweep or run of --from (or of --resume), which overrides
    the defaults. The exit status is that of train.

    Attributes:
        config: The settings of the sweep.
        file: A TOML file with settings, named like the options; lr may be a list.
        from_run: The folder of a sweep, or of a single run, whose settings to take.
        quiet: Print warnings and the result only; log.txt in the sweep's folder has all lines.
        together: How the process finds others.
    """

    config: SweepConfig
    file: Annotated[Path | None, Named("config")] = None
    from_run: Annotated[Path | None, Named("from")] = None
    quiet: bool = False
    together: Annotated[Together, tyro.conf.arg(name="")] = dataclasses.field(
        default_factory=Together
    )


def read_sweep(words: Sequence[str], prog: str = "jaxcnn sweep") -> SweepCommand:
    """Parse the words after ``jaxcnn sweep``.

    Raises:
        UserError: if a word is wrong, or a file that one names.
    """

    def default(given: Values) -> SweepCommand:
        return SweepCommand(precedence.behind(given, SweepConfig(), read_plan))

    command: SweepCommand = parse(SweepCommand, words, prog=prog, default=default, groups=GROUPS)
    precedence.check_typed(command.config.model, words)
    return command


def sweep_command(command: SweepCommand) -> None:
    """Run ``jaxcnn sweep``: train, draw the curves and print the result.

    Raises:
        Stopped: after a signal, when everything is saved.
    """
    # The other commands need not wait for it.
    from jaxcnn.report.sweep_plot import write_plot

    plan = command.config.plan
    join(command.together)
    with quiet(command.quiet):
        swept = sweep(plan, Own(maker_of(plan.config.model)))
    if processes.first():
        if swept.epochs:
            write_plot(swept, plan.config)
        print(swept)
    if swept.stopped is not None:
        raise swept.stopped
