"""The ``jaxcnn`` command: typed flags, handed to the rooms; one file per command."""

import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

from jaxcnn.cli.check import CheckConfig, check_command
from jaxcnn.cli.evaluate import EvalConfig, evaluate_command
from jaxcnn.cli.experiments import ExperimentsConfig, experiments_command
from jaxcnn.cli.flags import parse
from jaxcnn.cli.mistakes import INTERRUPTED, PIPE_CLOSED, USER_ERROR, mistakes_in_one_sentence
from jaxcnn.cli.train import TrainCommand, experiment, show, train_command

__all__ = ["INTERRUPTED", "PIPE_CLOSED", "USER_ERROR", "experiment", "main"]

Train = Annotated[TrainCommand, tyro.conf.subcommand("train")]
Eval = Annotated[EvalConfig, tyro.conf.subcommand("eval")]
Check = Annotated[CheckConfig, tyro.conf.subcommand("check")]
Experiments = Annotated[ExperimentsConfig, tyro.conf.subcommand("experiments")]


def main(args: Sequence[str] | None = None) -> None:
    """Train convolutional networks in JAX, score them, and check the ops on this device."""
    words = sys.argv[1:] if args is None else list(args)
    with mistakes_in_one_sentence():
        command: TrainCommand | EvalConfig | CheckConfig | ExperimentsConfig = parse(
            Train | Eval | Check | Experiments, words, prog="jaxcnn", description=main.__doc__
        )
        if isinstance(command, EvalConfig):
            show(evaluate_command(command))
        elif isinstance(command, CheckConfig):
            sys.exit(check_command(command))
        elif isinstance(command, ExperimentsConfig):
            experiments_command(command)
        else:
            show(train_command(command, words[1:]))
