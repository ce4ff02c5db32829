"""The ``jaxcnn`` command: typed flags, handed to the rooms; one file per command."""

import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

from jaxcnn.cli.check import CheckConfig, check_command
from jaxcnn.cli.evaluate import EvalConfig, evaluate_command
from jaxcnn.cli.export import ExportConfig, export_command
from jaxcnn.cli.mistakes import INTERRUPTED, PIPE_CLOSED, USER_ERROR, mistakes_in_one_sentence
from jaxcnn.cli.predict import PredictConfig, predict_command
from jaxcnn.cli.train import STYLE, experiment, show, with_flags_of_run
from jaxcnn.training import TrainConfig, train

__all__ = ["INTERRUPTED", "PIPE_CLOSED", "USER_ERROR", "experiment", "main"]

Train = Annotated[TrainConfig, tyro.conf.subcommand("train")]
Eval = Annotated[EvalConfig, tyro.conf.subcommand("eval")]
Check = Annotated[CheckConfig, tyro.conf.subcommand("check")]
Predict = Annotated[PredictConfig, tyro.conf.subcommand("predict")]
Export = Annotated[ExportConfig, tyro.conf.subcommand("export")]


def main(args: Sequence[str] | None = None) -> None:
    """Train convolutional networks in JAX, score them, use them, and check the ops here."""
    words = sys.argv[1:] if args is None else list(args)
    with mistakes_in_one_sentence():
        command: TrainConfig | EvalConfig | CheckConfig | PredictConfig | ExportConfig = tyro.cli(
            Train | Eval | Check | Predict | Export,
            prog="jaxcnn",
            description=main.__doc__,
            args=words,
            config=STYLE,
        )
        if isinstance(command, EvalConfig):
            show(evaluate_command(command))
        elif isinstance(command, CheckConfig):
            sys.exit(check_command(command))
        elif isinstance(command, PredictConfig):
            predict_command(command)
        elif isinstance(command, ExportConfig):
            export_command(command)
        else:
            show(train(with_flags_of_run(command, words[1:])))
