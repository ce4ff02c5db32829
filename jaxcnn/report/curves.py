"""Draws the curves of metrics as SVG paths; the page's style sheet sets their colours."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jaxcnn.report.groups import Group, finite, spread
from jaxcnn.report.reported_runs import Numbers
from jaxcnn.report.scales import Scale, Tick, make_scale, short

WIDTH, HEIGHT = 340, 226
LEFT, RIGHT, TOP, BOTTOM = 44, 296, 12, 192
"""The size of a drawing and of the frame of its axes, in SVG units."""

_POSITIONS = ("epoch", "step")
_SPLIT = re.compile(r"(train|test|valid|validation|val)_(.+)")
_MARKED = 60
"""The most points of a curve that is drawn with a mark on each point."""

_GAP = 12.0
"""The smallest vertical distance between two labels, in SVG units."""

_WIDE = 48.0
"""Labels whose horizontal distance is larger than this do not overlap."""

_NOT_DRAWN = frozenset({*_POSITIONS, "seconds", "compile_seconds"})
"""Metrics without a curve of their own."""

_TITLES = {"top5 accuracy": "top-5 accuracy", "images per second": "images/s"}


class Curve(NamedTuple):
    """A curve: its SVG path, colour and style.

    Attributes:
        path: the SVG path.
        series: the index of the colour.
        dashed: whether it shows the training images.
        faint: whether it is a single run, and the mean of several runs is drawn too.
    """

    path: str
    series: int
    dashed: bool
    faint: bool


class Point(NamedTuple):
    """A mark on a curve, with its tooltip."""

    x: float
    y: float
    series: int
    description: str


class Label(NamedTuple):
    """The label at the end of a curve."""

    x: float
    y: float
    text: str
    series: int


class Panel(NamedTuple):
    """One diagram: its axes and curves.

    Attributes:
        title: the name of the metric.
        position: the unit of the horizontal axis: epoch, step or row.
        x_ticks: the ticks of the horizontal axis.
        y_ticks: the ticks of the vertical axis.
        bands: mean ± standard deviation, as closed paths, with their colours.
        lines: the curves.
        points: the marks on them.
        labels: the labels at their ends.
        has_dashes: whether it has curves of training images and of other images.
        description: the panel in words, for screen readers.
    """

    title: str
    position: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    bands: list[tuple[str, int]]
    lines: list[Curve]
    points: list[Point]
    labels: list[Label]
    has_dashes: bool
    description: str


class _Series(NamedTuple):
    """The points of one metric of one run, or their mean over the runs of a group."""

    part: str
    series: int
    name: str
    points: list[tuple[float, float]]
    deviations: list[float]
    faint: bool


class Constant(NamedTuple):
    """A metric that never changed, which is printed instead of drawn."""

    name: str
    value: str


def draw(groups: Sequence[Group]) -> tuple[list[Panel], list[Constant]]:
    """Draw a panel for every metric, and list the metrics that never changed.

    ``train_x`` and ``test_x`` share a panel; loss and accuracy come first.
    """
    rows = [row for group in groups for run in group.runs for row in run.rows]
    position = next((name for name in _POSITIONS if rows and all(name in r for r in rows)), "")
    panels, constants = [], []
    for title, names in _panels_of(rows).items():
        values = [row[name] for name in names for row in rows if name in row]
        if len(values) > 1 and len(set(values)) == 1 and len(names) == 1:
            constants.append(Constant(title, short(values[0])))
        elif finite(values):
            panels.append(_panel(title, names, position, groups))
    return panels, constants


def _panels_of(rows: Iterable[Numbers]) -> dict[str, dict[str, str]]:
    """The names in the metrics by title, each with the part of the data it is of."""
    panels: dict[str, dict[str, str]] = {"loss": {}, "accuracy": {}}
    for name in dict.fromkeys(name for row in rows for name in row if name not in _NOT_DRAWN):
        found = _SPLIT.fullmatch(name)
        title, part = (found[2], found[1]) if found else (name, "")
        panels.setdefault(title, {})[name] = part
    spaced = {title.replace("_", " "): names for title, names in panels.items() if names}
    return {_TITLES.get(title, title): names for title, names in spaced.items()}


def _panel(title: str, names: dict[str, str], position: str, groups: Sequence[Group]) -> Panel:
    all_series = [
        series
        for name, part in names.items()
        for index, group in enumerate(groups)
        for series in _series_of(group, index, name, part, position)
    ]
    xs = make_scale([x for series in all_series for x, _ in series.points], LEFT, RIGHT, whole=True)
    ys = make_scale([y for series in all_series for y in _heights(series)], BOTTOM, TOP)
    dashes = len({part == "train" for part in names.values()}) > 1
    marked = [series for series in all_series if len(series.points) <= _MARKED]
    return Panel(
        title,
        position or "row",
        xs.ticks,
        ys.ticks,
        [(band, s.series) for s in all_series if (band := _band(s, xs, ys))],
        [
            Curve(_path(s.points, xs, ys), s.series, dashes and s.part == "train", s.faint)
            for s in all_series
        ],
        [point for series in marked for point in _marks(series, title, position, xs, ys)],
        _labels(all_series, groups, len(names) > 1, xs, ys),
        dashes,
        _in_words(title, all_series),
    )


def _series_of(group: Group, index: int, name: str, part: str, position: str) -> list[_Series]:
    """Each run's curve and, where there are several, the mean of those that a mean is taken of."""
    curves = [_points(run.rows, name, position) for run in group.runs]
    faint = len(curves) > 1
    found = [_Series(part, index, group.letter, points, [], faint) for points in curves if points]
    if faint:
        counted = [_points(run.rows, name, position) for run in group.counted]
        mean, deviations = _mean([dict(points) for points in counted if points])
        if mean:
            found.append(_Series(part, index, group.letter, mean, deviations, False))
    return found


def _mean(curves: Sequence[dict[float, float]]) -> tuple[list[tuple[float, float]], list[float]]:
    """The mean of curves and its deviations, at those places that all of them have."""
    places = sorted(set.intersection(*map(set, curves))) if curves else []
    values = [(x, spread(curve[x] for curve in curves)) for x in places]
    return [(x, value.mean) for x, value in values], [value.deviation for _, value in values]


def _points(rows: Sequence[Numbers], name: str, position: str) -> list[tuple[float, float]]:
    return [
        (row.get(position, float(number)), row[name])
        for number, row in enumerate(rows, start=1)
        if name in row and math.isfinite(row[name])
    ]


def _heights(series: _Series) -> list[float]:
    """Everything that is drawn of a curve, its band too."""
    ends = zip(series.points, series.deviations, strict=False)
    bands = [edge for (_, y), d in ends if math.isfinite(d) for edge in (y - d, y + d)]
    return [y for _, y in series.points] + bands


def _path(points: Sequence[tuple[float, float]], xs: Scale, ys: Scale) -> str:
    return "M" + "L".join(f"{xs(x):.1f},{ys(y):.1f}" for x, y in points)


def _band(series: _Series, xs: Scale, ys: Scale) -> str:
    """Mean ± standard deviation, where there are two values or more."""
    edges = [
        (x, y - d, y + d)
        for (x, y), d in zip(series.points, series.deviations, strict=False)
        if math.isfinite(d)
    ]
    if len(edges) < 2:
        return ""
    there = [(x, high) for x, _, high in edges]
    back = [(x, low) for x, low, _ in reversed(edges)]
    return _path(there + back, xs, ys) + "Z"


def _marks(series: _Series, title: str, position: str, xs: Scale, ys: Scale) -> Iterable[Point]:
    if series.faint:
        return
    what = f"{series.part} {title}".strip()
    deviations = series.deviations or [math.nan] * len(series.points)
    for (x, y), deviation in zip(series.points, deviations, strict=True):
        value = f"{y:.4g}" + (f" ± {deviation:.2g}" if math.isfinite(deviation) else "")
        description = f"{what} {value}, {position or 'row'} {x:g}"
        yield Point(round(xs(x), 1), round(ys(y), 1), series.series, description)


def _labels(
    all_series: Sequence[_Series], groups: Sequence[Group], parts: bool, xs: Scale, ys: Scale
) -> list[Label]:
    """Names at the ends of the curves, moved apart where they would touch."""
    wanted = []
    for series in all_series:
        if not series.faint:
            words = [series.name] if len(groups) > 1 else []
            words += [series.part] if parts else []
            if words:
                x, y = series.points[-1]
                wanted.append(Label(round(xs(x), 1), ys(y), " ".join(words), series.series))
    return [label for near in _columns(wanted) for label in _apart(near)]


def _columns(labels: Iterable[Label]) -> list[list[Label]]:
    """Labels that could touch, since their curves end at nearly one place."""
    columns: list[list[Label]] = []
    for label in sorted(labels, key=lambda label: label.x):
        if columns and label.x - columns[-1][-1].x < _WIDE:
            columns[-1].append(label)
        else:
            columns.append([label])
    return columns


def _apart(labels: Sequence[Label]) -> list[Label]:
    """Labels moved down where they would touch, then those up that fell out of the frame."""
    placed: list[Label] = []
    for label in sorted(labels, key=lambda label: label.y):
        least = placed[-1].y + _GAP if placed else TOP
        placed.append(label._replace(y=max(label.y, least)))
    # Beside the frame there is room for one below the axis, within it there are numbers.
    most = BOTTOM + 4.0 if labels[0].x > RIGHT - _WIDE else BOTTOM - 8.0
    for index in reversed(range(len(placed))):
        placed[index] = placed[index]._replace(y=round(min(placed[index].y, most), 1))
        most = placed[index].y - _GAP
    return placed


def _in_words(title: str, all_series: Sequence[_Series]) -> str:
    ends = [
        f"{series.name} {series.part} ends at {series.points[-1][1]:.4g}".replace("  ", " ")
        for series in all_series
        if not series.faint
    ]
    return f"{title}: {'; '.join(ends)}"
