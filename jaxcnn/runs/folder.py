"""The folder of a run: what lies in it, and how it is kept from being overwritten."""

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import jax

from jaxcnn.data.documents import parse_json
from jaxcnn.data.files import as_text, read_bytes, reason
from jaxcnn.engine import identity
from jaxcnn.runs.config import TrainConfig, UserError, check_config
from jaxcnn.runs.formats import EPOCH, LARGEST_METRICS, read_saved
from jaxcnn.runs.settings import FLAGS_ONLY, with_values
from jaxcnn.version import __version__

Config = TypeVar("Config")

_FILES = ("config.json", "metrics.jsonl", "sweep.json")
_FOLDERS = ("checkpoints",)
_MADE_FROM_THEM = (
    "evaluation.json",
    "exports",
    "log.txt",
    "nonfinite.json",
    "profile",
    "report.html",
    "sweep.csv",
    "sweep.svg",
    "tensorboard",
    "wandb",
    "wandb.json",
)
DRAWN = "drawn by name"
"""How parameters follow from the seed; runs begun before say nothing and drew them by position."""

_PACKAGES = ("jax", "jaxlib", "optax", "flax", "orbax-checkpoint", "numpy")


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The paths of a run."""

    path: Path

    @property
    def config(self) -> Path:
        """What the run was told, and where it ran."""
        return self.path / "config.json"

    @property
    def metrics(self) -> Path:
        """One JSON object per epoch."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Orbax checkpoints, by step."""
        return self.path / "checkpoints"

    @property
    def evaluation(self) -> Path:
        """What the finished run got right and wrong, class by class."""
        return self.path / "evaluation.json"

    @property
    def log(self) -> Path:
        """What the run said, with the time."""
        return self.path / "log.txt"

    @property
    def nonfinite(self) -> Path:
        """Which training images were in the step that was not finite."""
        return self.path / "nonfinite.json"

    @property
    def sweep(self) -> Path:
        """What the members of a sweep came to."""
        return self.path / "sweep.json"

    @property
    def profile(self) -> Path:
        """Traces of JAX's profiler."""
        return self.path / "profile"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's events."""
        return self.path / "tensorboard"

    @property
    def lock(self) -> Path:
        """Locked by the process that writes here."""
        return self.path / ".lock"

    def holds_run(self) -> bool:
        """Whether a run was begun here."""
        return any((self.path / name).exists() for name in (*_FILES, *_FOLDERS))


def choose_folder(config: TrainConfig) -> RunFolder:
    """The folder that ``config`` asks for, or a new one named after the experiment and the time."""
    if config.run_dir is not None:
        return RunFolder(config.run_dir)
    base = Path("runs") / f"{config.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    numbered = (base.with_name(f"{base.name}-{count}") for count in range(2, 1000))
    return RunFolder(next(path for path in (base, *numbered) if not path.exists()))


def check_folder(folder: RunFolder, config: TrainConfig) -> None:
    """Refuse a folder in which something would be lost, before anything is written.

    Raises:
        UserError: if it holds a run and neither ``overwrite`` nor ``resume`` is set, if it holds
            none and ``resume`` is set, if it holds other people's files, or cannot be written.
    """
    try:
        _check_folder(folder, config)
    except OSError as error:
        raise UserError(f"--run-dir {folder.path} cannot be used: {error.strerror}") from None


def _check_folder(folder: RunFolder, config: TrainConfig) -> None:
    path = folder.path
    if path.exists() and not path.is_dir():
        raise UserError(f"--run-dir {path} is a file, not a folder")
    if config.resume:
        if not folder.config.is_file():
            raise UserError(f"--resume: {path} holds no run (there is no config.json in it)")
        return
    if folder.holds_run():
        if not config.overwrite:
            raise UserError(
                f"{path} already holds a run: give --resume to go on with it, --overwrite to "
                f"replace it, or another --run-dir"
            )
    elif path.exists() and any(inside != folder.lock for inside in path.iterdir()):
        raise UserError(f"{path} is not empty and holds no run: give another --run-dir")
    nearest = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    if not nearest.is_dir():
        raise UserError(f"--run-dir {path} cannot be made: {nearest} is a file")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(f"--run-dir {path} cannot be written: no permission in {nearest}")


def make_folder(folder: RunFolder, config: TrainConfig) -> None:
    """Make the folder, empty as yet.

    Raises:
        UserError: if it cannot be made, or another run has just made it.
    """
    check_folder(folder, config)
    try:
        # A folder of our own naming is ours only if nobody else has just made it.
        folder.path.mkdir(parents=True, exist_ok=config.run_dir is not None)
    except FileExistsError:
        raise UserError(
            f"{folder.path} was just begun by another run: start again, or give --run-dir"
        ) from None
    except OSError as error:
        raise UserError(f"{folder.path} cannot be written: {error.strerror}") from None


def begin(folder: RunFolder, config: TrainConfig, facts: Mapping[str, Any]) -> None:
    """Write ``config.json`` into a folder that is made and locked; an old run goes only now.

    Args:
        folder: where the run is written.
        config: the config, saved whole.
        facts: more that is known: the data's source and transform.

    Raises:
        UserError: if another run has come into the folder meanwhile, or it cannot be written.
    """
    clear(folder, config)
    write_config(folder, config, facts)


def clear(folder: RunFolder, config: TrainConfig) -> None:
    """Take an old run out of a folder that is made and locked, if the config allows it.

    Raises:
        UserError: if it holds a run that is not to be replaced, or cannot be emptied.
    """
    check_folder(folder, config)
    try:
        if config.overwrite:
            for name in (*_FILES, *_FOLDERS, *_MADE_FROM_THEM):
                _remove(folder.path / name)
    except OSError as error:
        raise UserError(f"{folder.path} cannot be emptied: {error.strerror}") from None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_config(folder: RunFolder, config: TrainConfig, facts: Mapping[str, Any]) -> None:
    """Write ``config.json``: the config, the data, the versions, the devices and the engine."""
    content = {"config": to_json(config), **surroundings(), **facts}
    write_whole(folder.config, json.dumps(content, indent=2) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new one, never half of it.

    So it is, too, after the process was killed or the machine has lost its power.

    Raises:
        UserError: if it cannot be written; the old one stays.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def to_json(config: TrainConfig) -> dict[str, Any]:
    """The config as JSON can hold it, with the recipe filled in."""
    values = dataclasses.asdict(config) | config.recipe._asdict()
    values["weight_decay"] = config.decay
    return {
        name: str(value.expanduser().absolute()) if isinstance(value, Path) else value
        for name, value in values.items()
        if name not in FLAGS_ONLY
    }


def read_config(folder: RunFolder) -> TrainConfig:
    """The config that a run was begun with.

    Raises:
        UserError: if the folder holds no run, or its config cannot be read.
    """
    if folder.sweep.exists() and not folder.config.exists():
        raise UserError(f"{folder.path} holds a sweep, and not a single run")
    return saved_config(folder.config, TrainConfig(), check_config)


def saved_config(path: Path, base: Config, check: Callable[[Config], None]) -> Config:
    """The config that a run has written into a file of its folder.

    Args:
        path: the file.
        base: a config of its kind.
        check: refuses what cannot be meant.

    Raises:
        UserError: if the file is not there, or cannot be read.
    """
    try:
        path.lstat()
    except FileNotFoundError:
        raise UserError(f"{path.parent} holds no run: there is no {path.name} in it") from None
    except NotADirectoryError:
        raise UserError(f"{path.parent} is a file, not the folder of a run") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {reason(error)}") from None
    settings = read_saved(path)["config"]
    try:
        config = with_values(base, _as_meant(settings), "config")
        check(config)
    except UserError as error:
        raise UserError(f"{path} is damaged: {error}") from None
    return config


def _as_meant(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a run; one begun before weight decay left anything out says so now."""
    tables = [settings, *(value for value in settings.values() if isinstance(value, dict))]
    shrank = any(table.get("weight_decay") for table in tables)
    if not shrank or any("decay_all" in table for table in tables):
        return settings
    return {**settings, "decay_all": True}


def surroundings() -> dict[str, Any]:
    """The versions, the devices and the engine that a run's numbers depend on."""
    return {
        "versions": {
            "python": sys.version.split()[0],
            "jaxcnn": __version__,
            **{name: importlib.metadata.version(name) for name in _PACKAGES},
        },
        "git": git_commit(),
        "parameters": DRAWN,
        "devices": [f"{device.platform}: {device.device_kind}" for device in jax.devices()],
        "engine": identity()._asdict(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def git_commit() -> str | None:
    """The commit of the repository that the run is started in, ``+`` where files are changed."""
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def append_metrics(folder: RunFolder, row: Mapping[str, Any]) -> None:
    """Add one line to ``metrics.jsonl``; it is on the disk when this returns."""
    try:
        with folder.metrics.open("a") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(f"{folder.metrics} cannot be written: {error.strerror}") from None


def read_metrics(folder: RunFolder) -> Iterator[dict[str, Any]]:
    """The lines of ``metrics.jsonl``; a last line cut short by a crash is left out.

    Raises:
        UserError: if a line is there that no run has written.
    """
    try:
        lines = read_bytes(folder.metrics, LARGEST_METRICS).splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"{folder.metrics} cannot be read: {reason(error)}") from None
    for number, line in enumerate(lines, start=1):
        try:
            row = parse_json(as_text(line), nonfinite=True)
            EPOCH.check(row, "")
        except json.JSONDecodeError:
            return
        except ValueError as error:
            raise UserError(f"{folder.metrics} is damaged: line {number}: {error}") from None
        yield row


def keep_metrics(folder: RunFolder, epochs: int) -> int:
    """Drop the lines after the first ``epochs`` epochs, which a resumed run writes again.

    Returns:
        How many of those epochs have no line (a part of the file was lost).

    Raises:
        UserError: if the file cannot be written.
    """
    rows = [row for row in read_metrics(folder) if row["epoch"] <= epochs]
    write_whole(folder.metrics, "".join(json.dumps(row) + "\n" for row in rows))
    return epochs - len(rows)
