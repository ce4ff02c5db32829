"""Groups runs that differ only in the seed, and computes their mean and deviation."""

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxcnn.report.reported_runs import OF_THE_DATA, ReportedRun, shortest_names

_LEFT_OUT = "it is left out of every mean."


class Group(NamedTuple):
    """The runs of one config.

    Attributes:
        letter: its name in curves and tables: ``A``, ``B``, ….
        title: the model, the data set and the settings that differ between groups.
        runs: its runs, sorted by seed.
    """

    letter: str
    title: str
    runs: list[ReportedRun]

    @property
    def counted(self) -> list[ReportedRun]:
        """The runs that the mean is computed over, one for each seed.

        They are those that came furthest, hence the finished ones where there are any.
        """
        furthest = max(run.epochs for run in self.runs)
        by_seed: dict[int, ReportedRun] = {}
        for run in self.runs:
            if run.epochs == furthest:
                by_seed.setdefault(run.config.seed, run)
        return list(by_seed.values())

    @property
    def notes(self) -> list[str]:
        """Sentences about runs that are not in the mean, and about unfinished runs."""
        counted = self.counted
        notes = [_unfinished(self)] if counted[0].unfinished else []
        for run in self.runs:
            if run.epochs < counted[0].epochs:
                notes.append(f"{run.name} has {run.progress} epochs: {_LEFT_OUT}")
            elif run not in counted:
                first = next(o.name for o in counted if o.config.seed == run.config.seed)
                notes.append(f"{run.name} has the seed of {first}: {_LEFT_OUT}")
        return notes

    @property
    def typical(self) -> ReportedRun:
        """The run that gets a chapter: the one with the median last test accuracy."""
        scored = [run for run in self.counted if finite([last(run, "test_accuracy")])]
        ranked = sorted(scored, key=lambda run: last(run, "test_accuracy"))
        return ranked[(len(ranked) - 1) // 2] if ranked else self.counted[0]

    @property
    def choice(self) -> str:
        """The reason why the typical run was chosen, as the end of a sentence."""
        number = len([run for run in self.counted if finite([last(run, "test_accuracy")])])
        if number < 2:
            return "the only one that counts" if len(self.counted) == 1 else "the first of them"
        if number % 2:
            return f"whose test accuracy is the median of {number} runs"
        half = "lower" if number == 2 else "lower of the two in the middle"
        return f"whose test accuracy is the {half} of {number} runs"


def _unfinished(group: Group) -> str:
    progress = group.counted[0].progress
    if len(group.runs) == 1:
        return f"This run is not finished: it has {progress} epochs."
    return f"No run of these is finished: the figures are those after {progress} epochs."


class Spread(NamedTuple):
    """A sample's mean and standard deviation (NaN for fewer than two values)."""

    mean: float
    deviation: float
    size: int


def group(runs: Sequence[ReportedRun]) -> list[Group]:
    """The runs by config, in the order in which each config first comes."""
    by_config: dict[str, list[ReportedRun]] = {}
    for run in runs:
        key = json.dumps(run.settings, sort_keys=True, default=str)
        by_config.setdefault(key, []).append(run)
    members = [sorted(runs, key=lambda run: run.config.seed) for runs in by_config.values()]
    firsts = [runs[0] for runs in members]
    differing = _differing(firsts)
    folders = _folder_names(firsts)
    return [
        Group(_letter(index), _title(runs[0], differing, folders), runs)
        for index, runs in enumerate(members)
    ]


def _letter(index: int) -> str:
    """A to Z, then AA, AB and so on."""
    before, rest = divmod(index, 26)
    return (_letter(before - 1) if before else "") + chr(ord("A") + rest)


def _differing(runs: Sequence[ReportedRun]) -> list[str]:
    """The settings that differ between the configs.

    Of other sets other images are no news: these are named where they differ within one set.
    """
    by_set: dict[str, list[ReportedRun]] = {}
    for run in runs:
        by_set.setdefault(run.config.dataset, []).append(run)
    names = dict.fromkeys(name for run in runs for name in run.settings)
    return [
        name
        for name in names
        if any(
            len({repr(run.settings.get(name)) for run in compared}) > 1
            for compared in (by_set.values() if name in OF_THE_DATA else [runs])
        )
        and name not in ("model", "dataset")
    ]


def _folder_names(runs: Sequence[ReportedRun]) -> dict[str, str]:
    """The shortest distinct names of the data folders, which do not tell where they are."""
    given = [run.settings.get("data_dir") for run in runs]
    folders = list(dict.fromkeys(str(folder) for folder in given if folder))
    return dict(zip(folders, shortest_names([Path(folder) for folder in folders]), strict=True))


def _title(run: ReportedRun, differing: Iterable[str], folders: Mapping[str, str]) -> str:
    settings = run.settings
    parts = [f"{run.config.model} on {run.config.dataset}"]
    for name in (name for name in differing if name in settings):
        value = settings.get(name)
        words = folders[str(value)] if name == "data_dir" and value else told(value)
        parts.append(f"{name.replace('_', ' ')} {words}")
    return ", ".join(parts)


def told(value: Any) -> str:
    """The value of a setting as text."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def last(run: ReportedRun, name: str) -> float:
    """The value of a metric in the run's last row; NaN if there is none."""
    return run.rows[-1].get(name, math.nan) if run.rows else math.nan


def finite(values: Iterable[float]) -> list[float]:
    """The values that are finite."""
    return [value for value in values if math.isfinite(value)]


def spread(values: Iterable[float]) -> Spread:
    """The mean and the sample standard deviation of the finite values."""
    kept = finite(values)
    return Spread(
        statistics.fmean(kept) if kept else math.nan,
        statistics.stdev(kept) if len(kept) > 1 else math.nan,
        len(kept),
    )
