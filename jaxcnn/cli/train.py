"""``jaxcnn train``, and the command line of the files in ``experiments/``."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from jaxcnn.cli import precedence
from jaxcnn.cli.caching import keep_compiled
from jaxcnn.cli.exit_status import errors_in_one_sentence
from jaxcnn.cli.flags import Named
from jaxcnn.cli.groups import GROUPS
from jaxcnn.cli.parsing import Values, parse
from jaxcnn.engine import keep_memory
from jaxcnn.runs import Own, Together, TrainConfig, join, processes, read_config, run, seeds
from jaxcnn.runs.log import quiet
from jaxcnn.runs.model import maker_of


@dataclasses.dataclass(frozen=True)
class TrainCommand:
    """Train a model and write a run folder.

    Options override --config, which overrides the run of --from (or of --resume), which overrides
    the defaults. Exit status: 0 at the end, 2 after an error, and 143 after SIGTERM, 130 after
    Ctrl-C, 129 after SIGHUP, after the run was saved; a second Ctrl-C ends it at once.

    Attributes:
        config: The settings of the run.
        file: A TOML file with settings, named like the options.
        from_run: A run folder whose settings to take.
        quiet: Print warnings and the result only; log.txt in the run folder has all lines.
        together: How the process finds others.
    """

    config: TrainConfig
    file: Annotated[Path | None, Named("config")] = None
    from_run: Annotated[Path | None, Named("from")] = None
    quiet: bool = False
    together: Annotated[Together, tyro.conf.arg(name="")] = dataclasses.field(
        default_factory=Together
    )


def read_train(words: Sequence[str], prog: str = "jaxcnn train") -> TrainCommand:
    """Parse the words after ``jaxcnn train``.

    Raises:
        UserError: if a word is wrong, or a file that one names.
    """

    def default(given: Values) -> TrainCommand:
        return TrainCommand(precedence.behind(given, TrainConfig(), read_config))

    command: TrainCommand = parse(TrainCommand, words, prog=prog, default=default, groups=GROUPS)
    precedence.check_typed(command.config.model, words)
    return command


def train_command(command: TrainCommand) -> None:
    """Run ``jaxcnn train``: train and print the result."""
    join(command.together)
    with quiet(command.quiet):
        result = run(command.config, Own(maker_of(command.config.model)))
    if processes.first():
        print(result)


def experiment(default: TrainConfig, description: str | None) -> None:
    """Run a file in ``experiments/`` whose config fields are all options."""
    words = sys.argv[1:]

    def plan(given: Values) -> seeds.Plan:
        # With several seeds, each has a run of its own below --run-dir.
        if given.get(("seeds",), 1) == 1:
            return seeds.Plan(precedence.behind(given, default, read_config))
        return seeds.Plan(default)

    with errors_in_one_sentence(resumable=True):
        told: seeds.Plan = parse(
            seeds.Plan, words, default=plan, description=description, groups=GROUPS
        )
        precedence.check_typed(told.config.model, words)
        own = Own(maker_of(told.config.model))
        keep_compiled()
        keep_memory()
        if told.seeds == 1:
            print(run(told.config, own))
        else:
            print(seeds.table(seeds.train_seeds(told, own)))
