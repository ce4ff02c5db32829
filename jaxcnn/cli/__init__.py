"""The ``jaxcnn`` command: typed flags, handed to the rooms; one file per command."""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import tyro

from jaxcnn.cli.caching import keep_compiled
from jaxcnn.cli.check import CheckConfig, check_command
from jaxcnn.cli.data import DataConfig, data_command
from jaxcnn.cli.evaluate import EvalConfig, evaluate_command
from jaxcnn.cli.experiments import ExperimentsConfig, demonstration, experiments_command
from jaxcnn.cli.export import ExportConfig, export_command
from jaxcnn.cli.flags import parse
from jaxcnn.cli.mistakes import INTERRUPTED, PIPE_CLOSED, USER_ERROR, mistakes_in_one_sentence
from jaxcnn.cli.predict import PredictConfig, predict_command
from jaxcnn.cli.report import ReportConfig, report_command
from jaxcnn.cli.summary import SummaryConfig, summary_command
from jaxcnn.cli.sweep import SweepCommand, sweep_command
from jaxcnn.cli.train import TrainCommand, experiment, train_command
from jaxcnn.version import __version__

__all__ = ["INTERRUPTED", "PIPE_CLOSED", "USER_ERROR", "demonstration", "experiment", "main"]

Command = (
    Annotated[TrainCommand, tyro.conf.subcommand("train")]
    | Annotated[SweepCommand, tyro.conf.subcommand("sweep")]
    | Annotated[EvalConfig, tyro.conf.subcommand("eval")]
    | Annotated[PredictConfig, tyro.conf.subcommand("predict")]
    | Annotated[ExportConfig, tyro.conf.subcommand("export")]
    | Annotated[ReportConfig, tyro.conf.subcommand("report")]
    | Annotated[SummaryConfig, tyro.conf.subcommand("summary")]
    | Annotated[DataConfig, tyro.conf.subcommand("data")]
    | Annotated[ExperimentsConfig, tyro.conf.subcommand("experiments")]
    | Annotated[CheckConfig, tyro.conf.subcommand("check")]
)

ACTIONS: dict[type, Callable[[Any], object]] = {
    EvalConfig: lambda command: print(evaluate_command(command)),
    PredictConfig: predict_command,
    ExportConfig: export_command,
    ReportConfig: report_command,
    SummaryConfig: lambda command: print(summary_command(command)),
    DataConfig: lambda command: print(data_command(command)),
    ExperimentsConfig: experiments_command,
    CheckConfig: lambda command: sys.exit(check_command(command)),
}


def main(args: Sequence[str] | None = None) -> None:
    """Train convolutional networks in JAX, score, report and use them, check the ops here.

    --version says which jaxcnn this is.
    """
    words = sys.argv[1:] if args is None else list(args)
    with mistakes_in_one_sentence(resumable=words[:1] in (["train"], ["sweep"])):
        if words == ["--version"]:
            print(f"jaxcnn {__version__}")
            return
        command = parse(Command, words, prog="jaxcnn", description=main.__doc__)
        keep_compiled()
        if isinstance(command, TrainCommand):
            print(train_command(command, words[1:]))
        elif isinstance(command, SweepCommand):
            sweep_command(command, words[1:])
        else:
            ACTIONS[type(command)](command)
