"""Removes absolute paths from the text of a page, since a page may be sent to anyone."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from jaxcnn.report.reported_runs import ReportedRun

_NAME = r"[^\s/:;,'\"]+"
"""A part of a path within a sentence, without spaces."""


def private_paths(runs: Sequence[ReportedRun], given: Iterable[Path | None]) -> list[str]:
    """The paths that a page must not show, whatever characters they hold."""
    paths = [*given, Path.home(), *(run.folder.path for run in runs)]
    known = [str(path.expanduser().absolute()) for path in paths if path is not None]
    config = [value for run in runs for value in run.content["config"].values()]
    return [*known, *filter(_is_absolute, config)]


def _is_absolute(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/")


def without(places: Iterable[str]) -> Callable[[str], str]:
    """A function that replaces every absolute path in a text by its last part.

    >>> shorten = without(["/home/me/my photos"])
    >>> shorten("the data directory '/home/me/my photos/cats' does not exist")
    "the data directory 'cats' does not exist"
    >>> shorten("IDX files in /usr/share/mnist, 12 images/s")
    'IDX files in mnist, 12 images/s'
    """
    known = [re.escape(place.rstrip("/")) for place in sorted(places, key=len, reverse=True)]
    begins = "|".join(f"{place}(?!{_NAME})" for place in known if place)
    # A slash within a word, or in "</", begins no path.
    path = re.compile(
        rf"(?:{begins + '|' if begins else ''}(?<![\w.<)\]-])/{_NAME})(?:/{_NAME})*/?"
    )
    return lambda text: path.sub(lambda found: Path(found[0]).name, text)
