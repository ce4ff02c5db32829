"""The ``jaxcnn`` command and its subcommands, each in a file of its own."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from jaxcnn.cli.caching import keep_compiled
from jaxcnn.cli.check import CheckConfig, check_command
from jaxcnn.cli.data import DataConfig, data_command
from jaxcnn.cli.evaluate import EvalConfig, evaluate_command
from jaxcnn.cli.exit_status import INTERRUPTED, PIPE_CLOSED, USER_ERROR, errors_in_one_sentence
from jaxcnn.cli.experiments import ExperimentsConfig, demonstration, experiments_command
from jaxcnn.cli.export import ExportConfig, export_command
from jaxcnn.cli.flags import UnknownFlagError, flags_of, is_flag
from jaxcnn.cli.help import HELP, overview
from jaxcnn.cli.models import ModelsConfig, models_command
from jaxcnn.cli.parsing import parse
from jaxcnn.cli.plan import PlanConfig, plan_command
from jaxcnn.cli.predict import PredictConfig, predict_command
from jaxcnn.cli.report import ReportConfig, report_command
from jaxcnn.cli.summary import SummaryConfig, summary_command
from jaxcnn.cli.sweep import SweepCommand, read_sweep, sweep_command
from jaxcnn.cli.train import TrainCommand, experiment, read_train, train_command
from jaxcnn.engine import keep_memory
from jaxcnn.names import did_you_mean, unknown
from jaxcnn.runs import UserError
from jaxcnn.version import __version__

__all__ = ["INTERRUPTED", "PIPE_CLOSED", "USER_ERROR", "demonstration", "experiment", "main"]


class Command(NamedTuple):
    """A subcommand of ``jaxcnn``.

    Attributes:
        kind: the dataclass whose fields are the options of the command.
        act: runs the command, with an instance of the dataclass.
        read: parses the words after the command's name; if it is ``None``, `parse` does.
    """

    kind: type
    act: Callable[[Any], object]
    read: Callable[[Sequence[str]], Any] | None = None


COMMANDS = {
    "train": Command(TrainCommand, train_command, read_train),
    "sweep": Command(SweepCommand, sweep_command, read_sweep),
    "eval": Command(EvalConfig, lambda command: print(evaluate_command(command))),
    "predict": Command(PredictConfig, predict_command),
    "export": Command(ExportConfig, export_command),
    "report": Command(ReportConfig, report_command),
    "models": Command(ModelsConfig, lambda command: print(models_command(command))),
    "summary": Command(SummaryConfig, lambda command: print(summary_command(command))),
    "plan": Command(PlanConfig, lambda command: print(plan_command(command))),
    "data": Command(DataConfig, lambda command: print(data_command(command))),
    "experiments": Command(ExperimentsConfig, experiments_command),
    "check": Command(CheckConfig, lambda command: sys.exit(check_command(command))),
}


def main(args: Sequence[str] | None = None) -> None:
    """Train, evaluate, report and use convolutional networks in JAX.

    --version prints the version of jaxcnn.
    """
    words = sys.argv[1:] if args is None else list(args)
    with errors_in_one_sentence(resumable=words[:1] in (["train"], ["sweep"])):
        if words == ["--version"]:
            print(f"jaxcnn {__version__}")
        elif not words or words[0] in HELP or words[0].startswith("--tyro-"):
            kinds = {name: command.kind for name, command in COMMANDS.items()}
            overview(kinds, words or ["--help"], main.__doc__ or "")
        else:
            command = read(words)
            keep_compiled()
            keep_memory()
            COMMANDS[words[0]].act(command)


def read(words: Sequence[str]) -> Any:
    """Parse a command line into an instance of its command's dataclass.

    Raises:
        UserError: if a word is wrong.
    """
    name, *rest = words
    if name not in COMMANDS:
        raise _no_command(name)
    command = COMMANDS[name]
    try:
        if command.read is not None:
            return command.read(rest)
        return parse(command.kind, rest, prog=f"jaxcnn {name}")
    except UnknownFlagError as error:
        raise _of_other_commands(name, error) from None


def _of_other_commands(name: str, error: UnknownFlagError) -> UserError:
    """The error for an option that a command does not have; it names others that have it."""
    others = [other for other in COMMANDS if error.name in _flag_names(other)]
    if not others or name in others:
        return error
    have = f"{others[0]} has" if len(others) == 1 else f"{', '.join(others)} have"
    sentence = f"{name} has no option --{error.name}, but {have} it"
    return UserError(f"{sentence} (--help lists those of {name})")


def _flag_names(command: str) -> set[str]:
    return {flag.name for flag in flags_of(COMMANDS[command].kind)}


def _no_command(word: str) -> UserError:
    """The error for a first word that is no command."""
    if near := did_you_mean(word.lstrip("-"), ["help", "version"], dashes="--"):
        return UserError(f"unknown option {word}{near}")
    if is_flag(word):
        return UserError(
            f"{word} must follow a command: {', '.join(COMMANDS)} (--help describes them)"
        )
    return UserError(unknown("command", word, COMMANDS))
