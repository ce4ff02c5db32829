"""Which setting counts: a flag goes before --config, that before a run, that before a default."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from jaxcnn.cli.flags import parse
from jaxcnn.runs import RunFolder, TrainConfig, UserError
from jaxcnn.runs.settings import read_toml, with_values

Config = TypeVar("Config", bound=TrainConfig)
Told = TypeVar("Told", bound=TrainConfig, covariant=True)


class Command(Protocol[Told]):
    """The words of a command: a config, and the files behind it."""

    @property
    def config(self) -> Told:
        """The settings, those in the words among them."""

    @property
    def file(self) -> Path | None:
        """A TOML file with settings."""

    @property
    def from_run(self) -> Path | None:
        """A run folder whose settings to take."""


def settled(
    command: Command[Config],
    words: Sequence[str],
    read: Callable[[RunFolder], Config],
    **options: Any,
) -> Config:
    """The config of a command with the files behind it.

    Args:
        command: what ``words`` come to without the files.
        words: of the command line.
        read: the settings of a run that is there.
        options: more for ``tyro.cli``.

    Raises:
        UserError: if a file cannot be read, or a value in it is not what its field takes.
    """
    base = behind(command, read)
    if base == type(command.config)():
        return command.config
    kind: Any = type(command)
    again: Command[Config] = parse(kind, words, default=kind(base), **options)
    return again.config


def behind(command: Command[Config], read: Callable[[RunFolder], Config]) -> Config:
    """What a flag that is not given is.

    Raises:
        UserError: if a file cannot be read, or a value in it is not what its field takes.
    """
    base = begun_with(command.config, read) or type(command.config)()
    if command.from_run is not None:
        if command.config.resume:
            raise UserError("--from and --resume contradict each other: give one of them")
        base = dataclasses.replace(read(RunFolder(command.from_run)), run_dir=None)
    if command.file is not None:
        base = with_values(base, read_toml(command.file), str(command.file))
    return base


def begun_with(config: Config, read: Callable[[RunFolder], Config]) -> Config | None:
    """The config of the run that ``--resume`` names, if it is given."""
    if not config.resume or config.run_dir is None:
        return None
    return dataclasses.replace(read(RunFolder(config.run_dir)), run_dir=config.run_dir)
