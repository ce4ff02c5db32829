"""Finds the settings that hold where no flag says otherwise: --config, a run, the defaults."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from jaxcnn.runs import RunFolder, TrainConfig, UserError
from jaxcnn.runs.settings import read_toml, with_values

Config = TypeVar("Config", bound=TrainConfig)


def behind(words: Sequence[str], default: Config, read: Callable[[RunFolder], Config]) -> Config:
    """The settings behind the flags of a command line.

    Args:
        words: of the command line; of its flags, those that name a file or a run are looked at.
        default: the settings where there is neither.
        read: gives the settings of a run.

    Returns:
        The values of the file of --config; those it does not name are of the run of --from, or
        of the run that --resume goes on with; and the rest are the defaults.

    Raises:
        UserError: if a file cannot be read, or a value in it is not what its field takes.
    """
    file = value_of(words, "config")
    values = {} if file is None else read_toml(_path("config", file))
    base = _of_a_run(words, with_values(default, values, f"{file}").run_dir, read) or default
    return with_values(base, values, f"{file}")


def _of_a_run(
    words: Sequence[str], run_dir: Path | None, read: Callable[[RunFolder], Config]
) -> Config | None:
    """The settings of the run that the words name with --from or --resume, if they name one."""
    resumed, source, named = resumes(words), value_of(words, "from"), value_of(words, "run-dir")
    if resumed and source is not None:
        raise UserError("--from and --resume contradict each other: give one of them")
    if source is not None:
        return dataclasses.replace(read(RunFolder(_path("from", source))), run_dir=None)
    folder = run_dir if named is None else _path("run-dir", named)
    if not resumed or folder is None:
        return None
    return dataclasses.replace(read(RunFolder(folder)), run_dir=folder)


def value_of(words: Sequence[str], flag: str) -> str | None:
    """The value of a flag, as ``--flag value`` or ``--flag=value``; the last one counts.

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
    """Whether a run goes on: the last of --resume and --no-resume counts."""
    switches = [word for word in words if word in ("--resume", "--no-resume")]
    return switches[-1:] == ["--resume"]


def _path(flag: str, word: str) -> Path:
    if not word:
        raise UserError(f"--{flag} must be a path, got {word!r}")
    return Path(word)
