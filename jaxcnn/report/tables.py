"""The tables of a report: the results of all runs, and their settings."""

import datetime
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from jaxcnn.report.groups import Group, Spread, finite, last, spread, told
from jaxcnn.report.reported_runs import ReportedRun

_COLUMNS = (
    ("test_accuracy", "test accuracy"),
    ("test_loss", "test loss"),
    ("train_accuracy", "train accuracy"),
    ("images_per_second", "images/s"),
)
_LONG = 12
"""The most items of a list that are printed."""


class TableRow(NamedTuple):
    """One row of the table of runs: a run, or the mean of a group."""

    letter: str
    name: str
    seed: str
    epochs: str
    figures: list[str]
    mean: bool


class Entry(NamedTuple):
    """A name and a value."""

    name: str
    value: str


class Section(NamedTuple):
    """A section of ``config.json``."""

    title: str
    facts: list[Entry]


def columns_of(groups: Sequence[Group]) -> list[tuple[str, str]]:
    """The names and titles of the metrics that any run has."""
    rows = [run.rows[-1] for group in groups for run in group.runs if run.rows]
    return [(name, title) for name, title in _COLUMNS if any(name in row for row in rows)]


def results(groups: Sequence[Group]) -> list[TableRow]:
    """The rows of the table of runs: last metrics, and mean ± deviation of each group."""
    columns = [name for name, _ in columns_of(groups)]
    lines = []
    for group in groups:
        lines += [_result(group.letter, run, columns) for run in group.runs]
        if len(group.counted) > 1:
            spreads = [
                (name, spread(outcome(run, name) for run in group.counted)) for name in columns
            ]
            means = [with_deviation(name, value) for name, value in spreads]
            lines.append(TableRow(group.letter, "mean ± std", "", "", means, True))
    return lines


def outcome(run: ReportedRun, name: str) -> float:
    """The final value of a metric; for the speed, the median of the epochs, as `train` prints."""
    if name != "images_per_second":
        return last(run, name)
    speeds = finite(row.get(name, math.nan) for row in run.rows)
    return statistics.median(speeds) if speeds else math.nan


def _result(letter: str, run: ReportedRun, columns: Sequence[str]) -> TableRow:
    figures = [figure(name, outcome(run, name)) for name in columns]
    return TableRow(letter, run.name, str(run.config.seed), run.progress, figures, False)


def with_deviation(name: str, value: Spread) -> str:
    """``mean ± std``, or the mean alone if there is only one value."""
    if value.size < 2:
        return figure(name, value.mean)
    return f"{figure(name, value.mean)} ± {figure(name, value.deviation)}"


def figure(name: str, value: float) -> str:
    """A metric as text, as the command line prints it."""
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if name == "images_per_second" else f"{value:.4f}"


def headline(group: Group) -> list[Entry]:
    """The final metrics of a group of runs."""
    told = []
    for name, title in _COLUMNS:
        value = spread(outcome(run, name) for run in group.counted)
        if value.size:
            told.append(Entry(title, with_deviation(name, value)))
    return told


def settings_of(run: ReportedRun) -> list[Section]:
    """The sections of ``config.json``, of any version of jaxcnn."""
    loose = {k: v for k, v in run.content.items() if not isinstance(v, Mapping)}
    parts = {k: v for k, v in run.content.items() if isinstance(v, Mapping)}
    found = [Section(title, list(_facts(part))) for title, part in parts.items()]
    return [*found, *([Section("run", list(_facts(loose)))] if loose else [])]


def _facts(part: Mapping[str, Any]) -> Iterator[Entry]:
    """One entry for each setting, then one for all that are off and one for all not set."""
    flat = list(_flat(part))
    off = [name for name, value in flat if value is False]
    unset = [name for name, value in flat if value is None or value in ([], "")]
    for name, value in flat:
        if not (value is None or value is False or value in ([], "")):
            yield Entry(name, _moment(value) if name == "started" else _in_words(value))
    for title, names in (("off", off), ("not set", unset)):
        if names:
            yield Entry(title, ", ".join(names))


def _flat(part: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of a section and its subsections, by their names in words."""
    for name, value in part.items():
        if isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield name.replace("_", " "), value


def when(runs: Sequence[ReportedRun]) -> str:
    """A sentence about when the runs were started and how long they trained."""
    begun = sorted(str(run.content["started"]) for run in runs if "started" in run.content)
    seconds = sum(finite(row.get("seconds", 0.0) for run in runs for row in run.rows))
    parts = [f"{'the first ' if len(runs) > 1 else ''}started {_moment(begun[0])}"] if begun else []
    parts += (
        [f"{_duration(seconds)} of training{' in all' if len(runs) > 1 else ''}"] if seconds else []
    )
    text = ", ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _moment(started: Any) -> str:
    """``2026-11-22T12:49:13+0100`` as ``2026-11-22 12:49``, in the time of its own place."""
    try:
        return datetime.datetime.fromisoformat(str(started)).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return str(started)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 9.5 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _in_words(value: Any) -> str:
    if not isinstance(value, list):
        return told(value)
    if all(isinstance(item, int) for item in value) and 0 < len(value) <= 4:
        return " × ".join(map(str, value))
    shown = ", ".join(told(item) for item in value[:_LONG])
    return f"{shown}, … ({len(value)} in all)" if len(value) > _LONG else shown
