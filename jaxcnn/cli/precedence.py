"""Finds the value of an option that the user did not pass: --config, a run, the default."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import TypeVar

from jaxcnn.cli.parsing import Values
from jaxcnn.errors import shown
from jaxcnn.runs import RunFolder, TrainConfig, UserError
from jaxcnn.runs.settings import read_toml, with_values

Config = TypeVar("Config", bound=TrainConfig)

FILE, FROM = ("file",), ("from_run",)
RUN_DIR, RESUME = ("config", "run_dir"), ("config", "resume")
"""Where the commands that train have the options that name a file or a run."""


def behind(given: Values, default: Config, read: Callable[[RunFolder], Config]) -> Config:
    """The settings for all options that the user did not pass.

    Args:
        given: the values of the options that the user passed; only those that name a file or a
            run are used.
        default: the settings if they name neither.
        read: reads the settings of a run.

    Returns:
        The values in the file of --config; then those of the run of --from, or of the run that
        --resume continues; then the defaults.

    Raises:
        UserError: if a file cannot be read, or a value in it is not what its field takes.
    """
    file, source, resumed = (given.get(path) for path in (FILE, FROM, RESUME))
    if file is None:
        return _of_a_run(given, default, read) if source or resumed else default
    values = read_toml(file)
    named = with_values(default, values, f"{file}")
    base = _of_a_run(given, named, read) if source or resumed else default
    return with_values(base, values, f"{file}")


def _of_a_run(given: Values, named: Config, read: Callable[[RunFolder], Config]) -> Config:
    """The settings of the run that --from names, or of the one that --resume continues."""
    source, folder = given.get(FROM), given.get(RUN_DIR) or named.run_dir
    if source is not None:
        if given.get(RESUME):
            raise UserError("--from and --resume contradict each other: give one of them")
        return dataclasses.replace(read(RunFolder(source)), run_dir=None)
    if folder is None:
        return named
    return dataclasses.replace(read(RunFolder(folder)), run_dir=folder)


def check_typed(model: str, words: Sequence[str]) -> None:
    """Refuse to execute a user's model file that only a settings file or a run names.

    Args:
        model: the model of the settings.
        words: the command line.

    Raises:
        UserError: if it is a file of the user, and ``--model`` does not name it.
    """
    if ":" in model and _typed(words, "model") != model:
        raise UserError(
            f"the model {shown(model)} is one of your own, and its file is executed only where "
            f"the command line names it: --model FILE.py:function"
        )


def _typed(words: Sequence[str], flag: str) -> str | None:
    """The value of an option, as ``--flag value`` or ``--flag=value``; the last one counts."""
    found = None
    for word, after in itertools.pairwise([*words, None]):
        typed, joined, value = (word or "").partition("=")
        if typed.replace("_", "-") == f"--{flag}":
            found = value if joined else after
    return found
