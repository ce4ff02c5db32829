"""Finds the value of an option that the user did not pass: --config, a run, the default."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from jaxcnn.errors import shown
from jaxcnn.runs import RunFolder, TrainConfig, UserError
from jaxcnn.runs.settings import read_toml, with_values

Config = TypeVar("Config", bound=TrainConfig)


def behind(words: Sequence[str], default: Config, read: Callable[[RunFolder], Config]) -> Config:
    """The settings for all options that the command line does not contain.

    Args:
        words: the command line; only options that name a file or a run are used.
        default: the settings if it names neither.
        read: reads the settings of a run.

    Returns:
        The values in the file of --config; then those of the run of --from, or of the run that
        --resume continues; then the defaults.

    Raises:
        UserError: if a file cannot be read, or a value in it is not what its field takes.
    """
    file = value_of(words, "config")
    if file is None:
        return _of_a_run(words, default.run_dir, read) or default
    values = read_toml(_path("config", file))
    base = _of_a_run(words, with_values(default, values, file).run_dir, read) or default
    return with_values(base, values, file)


def _of_a_run(
    words: Sequence[str], run_dir: Path | None, read: Callable[[RunFolder], Config]
) -> Config | None:
    """The settings of the run that --from or --resume names, or ``None``."""
    resumed, source = resumes(words), value_of(words, "from")
    if resumed and source is not None:
        raise UserError("--from and --resume contradict each other: give one of them")
    if source is not None:
        return dataclasses.replace(read(RunFolder(_path("from", source))), run_dir=None)
    return _resumed(words, run_dir, read) if resumed else None


def _resumed(
    words: Sequence[str], run_dir: Path | None, read: Callable[[RunFolder], Config]
) -> Config | None:
    """The settings of the run that --run-dir, or else a settings file, names."""
    named = value_of(words, "run-dir")
    folder = run_dir if named is None else _path("run-dir", named)
    return None if folder is None else dataclasses.replace(read(RunFolder(folder)), run_dir=folder)


def check_typed(model: str, words: Sequence[str]) -> None:
    """Refuse to execute a user's model file that only a settings file or a run names.

    Args:
        model: the model of the settings.
        words: the command line.

    Raises:
        UserError: if it is a file of the user, and ``--model`` does not name it.
    """
    if ":" in model and value_of(words, "model") != model:
        raise UserError(
            f"the model {shown(model)} is one of your own, and its file is executed only where "
            f"the command line names it: --model FILE.py:function"
        )


def value_of(words: Sequence[str], flag: str) -> str | None:
    """The value of an option, as ``--flag value`` or ``--flag=value``; the last one counts.

    ``None`` is the same as no value, as it is for every flag that may be left out.

    >>> value_of(["--run-dir=a", "--run-dir", "b"], "run-dir")
    'b'
    """
    found = None
    for word, after in itertools.pairwise([*words, None]):
        typed, joined, value = (word or "").partition("=")
        if typed.replace("_", "-") == f"--{flag}":
            found = value if joined else after
    return None if found == "None" else found


def resumes(words: Sequence[str]) -> bool:
    """Whether the command line resumes a run: the last of --resume and --no-resume counts."""
    switches = [word for word in words if word in ("--resume", "--no-resume")]
    return switches[-1:] == ["--resume"]


def _path(flag: str, word: str) -> Path:
    if not word:
        raise UserError(f"--{flag} must be a path, got {word!r}")
    return Path(word)
