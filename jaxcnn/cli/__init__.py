"""The ``jaxcnn`` command: typed flags, handed to the rooms; one file per command."""

import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

from jaxcnn.cli.check import CheckConfig, check_command
from jaxcnn.cli.data import DataConfig, data_command
from jaxcnn.cli.evaluate import EvalConfig, evaluate_command
from jaxcnn.cli.mistakes import INTERRUPTED, PIPE_CLOSED, USER_ERROR, mistakes_in_one_sentence
from jaxcnn.cli.report import ReportConfig, report_command
from jaxcnn.cli.train import STYLE, experiment, show, with_flags_of_run
from jaxcnn.training import TrainConfig, train

__all__ = ["INTERRUPTED", "PIPE_CLOSED", "USER_ERROR", "experiment", "main"]

Train = Annotated[TrainConfig, tyro.conf.subcommand("train")]
Eval = Annotated[EvalConfig, tyro.conf.subcommand("eval")]
Check = Annotated[CheckConfig, tyro.conf.subcommand("check")]
Data = Annotated[DataConfig, tyro.conf.subcommand("data")]
Report = Annotated[ReportConfig, tyro.conf.subcommand("report")]


def main(args: Sequence[str] | None = None) -> None:
    """Train convolutional networks in JAX, score and report them, check the ops on this device."""
    words = sys.argv[1:] if args is None else list(args)
    with mistakes_in_one_sentence():
        command: TrainConfig | EvalConfig | CheckConfig | DataConfig | ReportConfig = tyro.cli(
            Train | Eval | Check | Data | Report,
            prog="jaxcnn",
            description=main.__doc__,
            args=words,
            config=STYLE,
        )
        if isinstance(command, EvalConfig):
            show(evaluate_command(command))
        elif isinstance(command, CheckConfig):
            sys.exit(check_command(command))
        elif isinstance(command, DataConfig):
            print(data_command(command))
        elif isinstance(command, ReportConfig):
            report_command(command)
        else:
            show(train(with_flags_of_run(command, words[1:])))
