"""Reads run folders for a report; a damaged part is left out, and the rest is used."""

import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxcnn.data.documents import parse_json
from jaxcnn.reading import read_bytes, reason
from jaxcnn.runs import RunFolder, TrainConfig, UserError, read_config
from jaxcnn.runs.formats import LARGEST_METRICS, read_saved
from jaxcnn.runs.resume import FREE

Numbers = dict[str, float]

_FREE = (FREE - {"data_dir"}) | {"seed", "overwrite", "resume"}
"""Settings that may differ between runs of one group; other images are another matter."""

_DEPTH = 4
"""The number of nested folders that are searched for runs."""

_COUNTS = ("train_images", "test_images")
"""The numbers of images: they differ if pictures were added to the same folder."""

OF_THE_DATA = frozenset({"data_dir", *_COUNTS})
"""Settings that decide which images a data set of the same name has."""


class ReportedRun(NamedTuple):
    """One run, with what was read from its folder.

    Attributes:
        folder: the run folder.
        name: its name on the page, which no other run has.
        config: its settings.
        content: the content of ``config.json``.
        rows: the metrics in each line of ``metrics.jsonl``, in the order of the epochs.
        troubles: one sentence for each part that could not be read.
    """

    folder: RunFolder
    name: str
    config: TrainConfig
    content: dict[str, Any]
    rows: list[Numbers]
    troubles: list[str]

    @property
    def epochs(self) -> float:
        """The last epoch in its metrics."""
        return self.rows[-1].get("epoch", float(len(self.rows))) if self.rows else 0.0

    @property
    def unfinished(self) -> bool:
        """Whether its config asks for more epochs than its metrics contain."""
        return self.epochs < self.config.recipe.epochs

    @property
    def progress(self) -> str:
        """``12``, or ``4 of 12`` for a run that is not at its end."""
        return f"{self.epochs:g}" + (f" of {self.config.recipe.epochs}" if self.unfinished else "")

    @property
    def batches(self) -> int | None:
        """The number of batches of an epoch; ``None`` if the number of images is not known."""
        data = self.content.get("data")
        images = data.get("train_images") if isinstance(data, dict) else None
        if not isinstance(images, int):
            return None
        return math.ceil(images / self.config.recipe.batch_size)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that its metrics depend on, without the seed, and its numbers of images."""
        config, data = self.content["config"], self.content.get("data")
        facts = data if isinstance(data, dict) else {}
        settings = {name: value for name, value in config.items() if name not in _FREE}
        if self.config.dataset == "digits":
            settings.pop("data_dir", None)  # They come with jaxcnn and lie in no folder.
        return settings | {name: facts[name] for name in _COUNTS if name in facts}


def read_runs(paths: Sequence[Path]) -> list[ReportedRun]:
    """Read the runs in ``paths``, and in the folders below them, sorted by name.

    Raises:
        UserError: if a path is no run, or its ``config.json`` cannot be read.
    """
    folders = {path.resolve(): RunFolder(path) for given in paths for path in _runs_in(given)}
    names = shortest_names(list(folders))
    return [_read(folder, name) for name, folder in zip(names, folders.values(), strict=True)]


def _runs_in(path: Path) -> list[Path]:
    try:
        if not path.exists():
            raise UserError(f"there is no run {path}: give the folder of a run")
        return [path] if not path.is_dir() else list(_runs_below(path, _DEPTH)) or [path]
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None


def _runs_below(path: Path, depth: int) -> Iterator[Path]:
    """``path`` itself if it is a run, else the runs in its folders; what is in a run is its own."""
    if (path / "config.json").exists():
        yield path
    elif depth:
        for inside in sorted(path.iterdir(), key=_numbers_by_value):
            readable = inside.is_dir() and os.access(inside, os.R_OK | os.X_OK)
            if readable and not inside.name.startswith("."):
                yield from _runs_below(inside, depth - 1)


def _numbers_by_value(path: Path) -> list[tuple[str, int]]:
    """``seed-10`` comes after ``seed-9``."""
    parts = re.findall(r"(\D*)(\d{0,18})", path.name)
    return [(words, int(number or -1)) for words, number in parts]


def shortest_names(paths: Sequence[Path]) -> list[str]:
    """The shortest endings of paths that are all different."""
    names: list[str] = []
    for parts in range(1, max((len(path.parts) for path in paths), default=0) + 1):
        names = ["/".join(path.parts[-parts:]) for path in paths]
        if len(set(names)) == len(names):
            break
    return names


def _read(folder: RunFolder, name: str) -> ReportedRun:
    config = read_config(folder)
    content = read_saved(folder.config)
    rows, troubles = _read_rows(folder.metrics)
    return ReportedRun(folder, name, config, content, rows, troubles)


def _read_rows(path: Path) -> tuple[list[Numbers], list[str]]:
    try:
        lines = read_bytes(path, LARGEST_METRICS).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [f"{path.name} cannot be read: {reason(error)}."]
    parsed = [_numbers_of(line) for line in lines]
    damaged = [number for number, row in enumerate(parsed, start=1) if row is None]
    troubles = []
    if damaged:
        which = (
            f"line {damaged[0]}"
            if len(damaged) == 1
            else f"{len(damaged)} of its {len(lines)} lines"
        )
        troubles = [f"{path.name} is damaged: {which} cannot be read."]
    return _in_order(row for row in parsed if row), troubles


def _numbers_of(line: str) -> Numbers | None:
    """The numbers in a line; ``None`` if it is no JSON object."""
    try:
        row = parse_json(line, nonfinite=True)
    except ValueError:
        return None
    if not isinstance(row, dict):
        return None
    return {
        name: float(value)
        for name, value in row.items()
        if (isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300)
        or (isinstance(value, float) and not math.isfinite(value))
    }


def _in_order(rows: Iterable[Numbers]) -> list[Numbers]:
    """By epoch; of an epoch that was written twice, the later line counts."""
    by_epoch = {row.get("epoch", float(index)): row for index, row in enumerate(rows, start=1)}
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]


def common_folder(given: Sequence[Path]) -> Path:
    """The innermost folder that contains all given paths.

    Raises:
        UserError: if there is none but the root of the file system.
    """
    paths = [os.path.normpath(path) for path in given]
    if any(os.path.isabs(path) or path.startswith("..") for path in paths):
        paths = [os.path.abspath(path) for path in paths]
    common = Path(os.path.commonpath(paths))
    if common == Path(common.anchor) and common.anchor:
        raise UserError("the runs have no folder in common: name the page with --output")
    return common
