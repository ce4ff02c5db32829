"""Renders the HTML page of a report and writes it."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxcnn.reading import open_file, reason
from jaxcnn.report import curves, tables
from jaxcnn.report.chapters import Chapter, loader, write_chapter
from jaxcnn.report.groups import Group, group
from jaxcnn.report.layer_pictures import describe_field
from jaxcnn.report.privacy import private_paths, without
from jaxcnn.report.reported_runs import common_folder, read_runs
from jaxcnn.report.scales import short
from jaxcnn.report.templating import templates
from jaxcnn.runs import UserError
from jaxcnn.runs.model import ModelMaker, is_own
from jaxcnn.version import __version__
from jaxcnn.writing import write_whole

NAME = "report.html"
"""The default name of the page."""

_MARK = '<meta name="generator" content="jaxcnn report">'
"""The tag that marks a file as a report; other files are never overwritten."""

SERIES = 6
"""The number of colours; with more groups colours repeat, and the letters distinguish them."""

_NAMED = 3
"""The most models or data sets that the title lists."""


class Report(NamedTuple):
    """The result of `write_report`.

    Attributes:
        path: the path of the page.
        runs: the number of runs on it.
        troubles: one sentence for each part that is missing, with the reason.
    """

    path: Path
    runs: int
    troubles: list[str]


def write_report(
    runs: Sequence[Path],
    *,
    output: Path | None = None,
    data_dir: Path | None = None,
    best: bool = False,
    maker: ModelMaker | None = None,
) -> Report:
    """Write one HTML page about one or several runs.

    Args:
        runs: run folders, or folders with runs below them, four folders deep at most.
        output: the file to write; by default ``report.html`` in the given folder, or in the
            innermost folder that contains all given ones.
        data_dir: the folder of the data; by default the one that the runs were trained with.
        best: whether to use the best checkpoint of a run instead of the last.
        maker: the function that makes the model, for runs of the user's own model.

    Returns:
        The path of the page, and what is missing on it. A part that cannot be made, since a
        checkpoint is damaged or the data are missing, is left out with a sentence on the page.

    Raises:
        UserError: if a folder holds no run, or the file cannot be written.
    """
    if not runs:
        raise UserError("a report needs at least one run folder")
    found = read_runs(runs)
    path = common_folder(runs) / NAME if output is None else output.expanduser()
    _check_output(path)
    groups = group(found)
    load = loader(data_dir)
    chapters = [write_chapter(each, load, best=best, maker=_for(each, maker)) for each in groups]
    page = render(groups, chapters, without(private_paths(found, [*runs, data_dir])))
    write_whole(path, page)
    named = len(chapters) > 1
    troubles = [
        f"{chapter.run.name}: {trouble}" if named else trouble
        for chapter in chapters
        for trouble in chapter.troubles
    ]
    return Report(path, len(found), troubles)


def _for(group: Group, maker: ModelMaker | None) -> ModelMaker | None:
    """The function that makes the model of a group, or ``None`` if jaxcnn has the model."""
    return maker if is_own(group.typical.config.model) else None


def render(
    groups: Sequence[Group], chapters: Sequence[Chapter], shorten: Callable[[str], str]
) -> str:
    """Render the page as HTML; ``shorten`` removes private paths from a text."""
    environment = templates()
    environment.filters["shorten"] = shorten
    environment.filters |= {"short": short, "shape": _shape, "share": _share, "number": _number}
    panels, constants = curves.draw(groups)
    return environment.get_template("report.html").render(
        groups=groups,
        chapters=chapters,
        runs=sum(len(each.runs) for each in groups),
        seeds=len({run.config.seed for each in groups for run in each.runs}),
        title=_title(groups),
        panels=panels,
        constants=constants,
        columns=[title for _, title in tables.columns_of(groups)],
        results=tables.results(groups),
        headline=tables.headline,
        settings_of=tables.settings_of,
        describe_field=describe_field,
        axes=curves,
        colour=lambda series: series % SERIES + 1,
        when=tables.when([run for each in groups for run in each.runs]),
        made=time.strftime("%Y-%m-%d %H:%M"),
        version=__version__,
    )


def _title(groups: Sequence[Group]) -> str:
    if len(groups) == 1:
        return groups[0].title
    firsts = [each.runs[0] for each in groups]
    models = list(dict.fromkeys(run.config.model for run in firsts))
    sets = list(dict.fromkeys(run.config.dataset for run in firsts))
    pairs = dict.fromkeys(f"{run.config.model} on {run.config.dataset}" for run in firsts)
    if max(len(models), len(sets), len(pairs)) > _NAMED:
        return f"{len(groups)} configurations compared"
    # "lenet and alexnet on mnist and digits" would say that each was trained on both.
    whole = len(models) == 1 or len(sets) == 1
    return f"{' and '.join(models)} on {' and '.join(sets)}" if whole else ", ".join(pairs)


def _shape(sizes: Sequence[int]) -> str:
    return " × ".join(f"{size:,}" for size in sizes)


def _share(value: float | None) -> str:
    """A share in per cent; only exactly 1 becomes 100 %."""
    if value is None or value != value:
        return "–"
    if 0 < value < 0.001:
        return "< 0.1 %"
    if 0.999 < value < 1:
        return "> 99.9 %"
    return f"{100 * value:.1f} %"


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _beginning(path: Path) -> bytes:
    """The first bytes of a file; empty if it does not exist."""
    if not path.exists():
        return b""
    with open_file(path) as file:
        return file.read(4096)


def _check_output(path: Path) -> None:
    """Refuse an output file that is no report or cannot be written, before any work."""
    try:
        if path.is_dir():
            raise UserError(f"--output {path} is a folder: name a file, {path / NAME} for example")
        if os.path.lexists(path) and _MARK.encode() not in _beginning(path):
            raise UserError(f"{path} is not a report of jaxcnn: give another --output")
        if not path.parent.is_dir():
            raise UserError(f"the folder {path.parent} does not exist: give another --output")
    except OSError as error:
        raise UserError(f"{path} cannot be used: {reason(error)}") from None
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(
            f"{path} cannot be written: no permission in {path.parent}: give another --output"
        )
