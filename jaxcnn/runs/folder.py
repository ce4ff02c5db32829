"""The folder of a run: what lies in it, and how it is kept from being overwritten."""

import dataclasses
import os
import shutil
import time
from pathlib import Path

from jaxcnn.errors import UserError
from jaxcnn.runs.config import TrainConfig

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


class _Inside:
    """A path in a run folder, by its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, folder: "RunFolder", owner: type) -> Path:
        return folder.path / self._name


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The paths of a run."""

    path: Path

    config = _Inside("config.json")
    """What the run was told, and where it ran."""

    metrics = _Inside("metrics.jsonl")
    """One JSON object per epoch."""

    checkpoints = _Inside("checkpoints")
    """Orbax checkpoints, by step."""

    evaluation = _Inside("evaluation.json")
    """What the finished run got right and wrong, class by class."""

    log = _Inside("log.txt")
    """What the run said, with the time."""

    nonfinite = _Inside("nonfinite.json")
    """Which training images were in the step that was not finite."""

    sweep = _Inside("sweep.json")
    """What the members of a sweep came to."""

    profile = _Inside("profile")
    """Traces of JAX's profiler."""

    tensorboard = _Inside("tensorboard")
    """TensorBoard's events."""

    lock = _Inside(".lock")
    """Locked by the process that writes here."""

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


def check_folder(folder: RunFolder, config: TrainConfig, file: Path) -> None:
    """Refuse a folder in which something would be lost, before anything is written.

    Args:
        folder: the folder.
        config: whether to begin, replace or go on with what is in it.
        file: what is in it if it holds a run, or a sweep, of that kind.

    Raises:
        UserError: if it holds a run and neither ``overwrite`` nor ``resume`` is set, if it holds
            none and ``resume`` is set, if it holds other people's files, or cannot be written.
    """
    try:
        _check_folder(folder, config, file)
    except OSError as error:
        raise UserError(f"--run-dir {folder.path} cannot be used: {error.strerror}") from None


def _check_folder(folder: RunFolder, config: TrainConfig, file: Path) -> None:
    path = folder.path
    if path.exists() and not path.is_dir():
        raise UserError(f"--run-dir {path} is a file, not a folder")
    if config.resume:
        _check_begun(folder, file)
        return
    begun = folder.holds_run()
    others = path.exists() and any(inside != folder.lock for inside in path.iterdir())
    if others and not (begun and config.overwrite):
        raise _not_free(path, begun=begun)
    nearest = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    if not nearest.is_dir():
        raise UserError(f"--run-dir {path} cannot be made: {nearest} is a file")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(f"--run-dir {path} cannot be written: no permission in {nearest}")


def _check_begun(folder: RunFolder, file: Path) -> None:
    if not file.is_file():
        noun = "sweep" if file == folder.sweep else "run"
        raise UserError(f"--resume: {folder.path} holds no {noun} (there is no {file.name} in it)")


def _not_free(path: Path, *, begun: bool) -> UserError:
    if not begun:
        return UserError(f"{path} is not empty and holds no run: give another --run-dir")
    return UserError(
        f"{path} already holds a run: give --resume to go on with it, --overwrite to "
        f"replace it, or another --run-dir"
    )


def make_folder(folder: RunFolder, config: TrainConfig, file: Path) -> None:
    """Make the folder, empty as yet.

    Raises:
        UserError: if it cannot be made, or another run has just made it.
    """
    check_folder(folder, config, file)
    try:
        # A folder of our own naming is ours only if nobody else has just made it.
        folder.path.mkdir(parents=True, exist_ok=config.run_dir is not None)
    except FileExistsError:
        raise UserError(
            f"{folder.path} was just begun by another run: start again, or give --run-dir"
        ) from None
    except OSError as error:
        raise UserError(f"{folder.path} cannot be written: {error.strerror}") from None


def clear(folder: RunFolder, config: TrainConfig, file: Path) -> None:
    """Take an old run out of a folder that is made and locked, if the config allows it.

    Raises:
        UserError: if it holds a run that is not to be replaced, or cannot be emptied.
    """
    check_folder(folder, config, file)
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
