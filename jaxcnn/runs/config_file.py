"""``config.json``: what a run was told, and where it ran."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from jaxcnn.errors import UserError
from jaxcnn.reading import reason
from jaxcnn.runs.config import TrainConfig, check_settings
from jaxcnn.runs.folder import RunFolder
from jaxcnn.runs.formats import read_saved
from jaxcnn.runs.settings import FLAGS_ONLY, with_values
from jaxcnn.runs.surroundings import surroundings
from jaxcnn.writing import write_whole

Config = TypeVar("Config")


def write_config(folder: RunFolder, config: TrainConfig, facts: Mapping[str, Any]) -> None:
    """Write ``config.json``: the config, the data, the versions, the devices and the engine."""
    content = {"config": to_json(config), **surroundings(), **facts}
    write_whole(folder.config, json.dumps(content, indent=2) + "\n")


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
    return saved_config(folder.config, TrainConfig(), check_settings)


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
    """The settings of a run in the words of today.

    Once, weight decay left nothing out, and the best checkpoint was chosen on test images.
    """
    if settings.get("best_by") in ("test_accuracy", "test_loss"):
        settings = {**settings, "best_by": settings["best_by"].replace("test", "validation")}
    tables = [settings, *(value for value in settings.values() if isinstance(value, dict))]
    shrank = any(table.get("weight_decay") for table in tables)
    if not shrank or any("decay_all" in table for table in tables):
        return settings
    return {**settings, "decay_all": True}
