"""Draws docs/benchmarks.svg, the picture of all tables, for ``python -m benchmarks.page``."""

import hashlib
import json
import pathlib
import statistics
from typing import Any, NamedTuple

from benchmarks.command import is_kept, kept, relied_on
from benchmarks.comparison import Row
from benchmarks.pool_cases import POOLS
from jaxcnn.extras import missing

FILE = pathlib.Path(__file__).parents[1] / "docs" / "benchmarks.svg"
GREY = "#767c85"  # like the colours below about as well seen on white as on black


class Mark(NamedTuple):
    """The colour and label of a library, and its name in the tables."""

    names: tuple[str, ...]
    colour: str
    shape: str


MARKS = {
    "lax, which Flax calls": Mark(("lax", "Flax", "plain"), "#d9822b", "o"),
    "Flax accelerated": Mark(("Flax accelerated",), "#8a63d2", "D"),
    "torch": Mark(("torch",), "#2f81d0", "s"),
    "torch.compile": Mark(("torch.compile",), "#2da44e", "^"),
    "ONNX Runtime": Mark(("ONNX Runtime",), "#c2539a", "v"),
    "OpenVINO": Mark(("OpenVINO",), "#1f9d9d", "P"),
}

TITLES = {
    "train_steps": "Training steps",
    "inference": "Inference with 1 and 16 images",
    "accelerated": "Unchanged Flax models under accelerate()",
    "layers": "Layers: forward and both gradients",
    "pools": "Poolings",
}

Panel = dict[str, dict[str, list[float]]]
"""The ratios to jaxcnn in each row of a table, by label and library."""


def label(table: str, row: Row) -> str:
    """The line of the picture that a row of a table belongs to."""
    if table == "layers":
        return str(row["layer"]).split()[0]
    if table == "pools":
        return f"{POOLS[row['pooling']].kind}, {row['task']}"
    return str(row["model" if table == "accelerated" else "network"])


def panels() -> dict[str, Panel]:
    """The tables with enough rounds, by title."""
    found: dict[str, Panel] = {}
    for table, title in TITLES.items():
        if not is_kept(table):
            continue
        record = kept(table)
        for row in record["rows"] if relied_on(record) else ():
            of_label = found.setdefault(title, {}).setdefault(label(table, row), {})
            for library, mark in MARKS.items():
                ratios = [row[f"{name} ratio"] for name in mark.names if f"{name} ratio" in row]
                if ratios:
                    of_label.setdefault(library, []).extend(ratios)
    return found


def digest(shown: dict[str, Panel]) -> str:
    """A digest of the numbers in the picture."""
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()


def draw() -> None:
    """Write the picture.

    Raises:
        SystemExit: if matplotlib is not installed.
    """
    sentence = missing("the picture", "bench", ["matplotlib"])
    if sentence is not None:
        raise SystemExit(sentence)
    import matplotlib

    matplotlib.use("svg")
    # Text stays text, in the reader's own font; the same numbers give the same file.
    settings: dict[str, Any] = {"svg.fonttype": "none", "svg.hashsalt": "jaxcnn", "font.size": 9}
    settings |= dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), GREY)
    shown = panels()
    with matplotlib.rc_context(settings):
        metadata = {"Date": None, "Description": digest(shown)}
        _figure(shown).savefig(FILE, transparent=True, metadata=metadata)


def _figure(shown: dict[str, Panel]) -> Any:
    from matplotlib import pyplot

    lines = [len(panel) for panel in shown.values()]
    figure, axes = pyplot.subplots(
        len(shown),
        figsize=(8, 0.2 * sum(lines) + 0.4 * len(lines) + 0.9),
        sharex=True,
        squeeze=False,
        height_ratios=lines,
        layout="constrained",
    )
    for panel, (title, found) in zip(axes[:, 0], shown.items(), strict=True):
        _panel(panel, title, found)
    axes[-1, 0].set_xlabel("times as long as jaxcnn: right of the line jaxcnn is faster")
    _legend(figure, shown)
    return figure


def _panel(axes: Any, title: str, found: Panel) -> None:
    """Every row of a table as a faint mark, and the geometric means."""
    from matplotlib.ticker import LogLocator

    axes.set_title(title, loc="left", fontsize=9, fontweight="bold")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.axvline(1, color=GREY)
    axes.grid(axis="both", color=GREY, alpha=0.2)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, which="both")
    axes.set_yticks(range(len(found)), list(found))
    axes.set_ylim(len(found) - 0.5, -0.5)
    for place, of_label in enumerate(found.values()):
        for library, ratios in of_label.items():
            _, colour, shape = MARKS[library]
            if len(ratios) > 1:
                axes.plot(ratios, [place] * len(ratios), shape, c=colour, ms=3, alpha=0.4, mew=0)
            axes.plot(statistics.geometric_mean(ratios), place, shape, c=colour, ms=6, mew=0)


def _legend(figure: Any, shown: dict[str, Panel]) -> None:
    from matplotlib.lines import Line2D

    names = {library for panel in shown.values() for found in panel.values() for library in found}
    handles = [
        Line2D([], [], color=mark.colour, marker=mark.shape, ls="", label=library)
        for library, mark in MARKS.items()
        if library in names
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
