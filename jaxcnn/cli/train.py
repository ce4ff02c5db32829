"""``jaxcnn train``, and the command line of a file in ``experiments/``."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from jaxcnn.cli import precedence
from jaxcnn.cli.caching import keep_compiled
from jaxcnn.cli.flags import parse
from jaxcnn.cli.mistakes import mistakes_in_one_sentence
from jaxcnn.runs import Result, TrainConfig, read_config, run, seeds


@dataclasses.dataclass(frozen=True)
class TrainCommand:
    """Train a model and write a run folder.

    A flag goes before --config, that before the run of --from (or of --resume), and that before
    the defaults. Exit status: 0 at the end, 2 after a mistake, and 143 after SIGTERM, 130 after
    Ctrl-C, 129 after SIGHUP, when the run is saved; a second Ctrl-C ends it at once.

    Attributes:
        config: The settings of the run.
        file: A TOML file with settings, by the names of the flags.
        from_run: A run folder whose settings to take.
    """

    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    file: Annotated[Path | None, tyro.conf.arg(name="config")] = None
    from_run: Annotated[Path | None, tyro.conf.arg(name="from")] = None


def train_command(command: TrainCommand, words: Sequence[str]) -> Result:
    """Train what ``words``, the words after ``jaxcnn train``, ask for."""
    return run(settled(command, words))


def settled(command: TrainCommand, words: Sequence[str]) -> TrainConfig:
    """The config with the files behind it."""
    return precedence.settled(command, words, read_config, prog="jaxcnn train")


def experiment(default: TrainConfig, description: str | None) -> None:
    """The command line of a file in ``experiments/``: every field of its config is a flag."""
    words = sys.argv[1:]
    with mistakes_in_one_sentence(resumable=True):
        plan: seeds.Plan = parse(
            seeds.Plan, words, default=seeds.Plan(default), description=description
        )
        keep_compiled()
        if plan.seeds == 1:
            begun = precedence.begun_with(plan.config, read_config)
            if begun is not None:
                plan = parse(seeds.Plan, words, default=seeds.Plan(begun))
            print(run(plan.config))
        else:
            print(seeds.table(seeds.train_seeds(plan)))
