"""What the members of a sweep come to: their rows on the disk, and a table for people."""

import csv
import io
import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from jaxcnn.errors import UserError, shown
from jaxcnn.runs.folder import RunFolder
from jaxcnn.runs.formats import read_saved
from jaxcnn.runs.rows import MetricsRow, has_diverged
from jaxcnn.runs.seeds import spread
from jaxcnn.runs.stopping import Stopped
from jaxcnn.training import Totals
from jaxcnn.writing import write_whole


class Member(NamedTuple):
    """One run of a sweep.

    Attributes:
        seed: its seed.
        rate: its learning rate.
        rows: its metrics, an object for each epoch.
        diverged: the first epoch in which a number of it was not finite; ``None`` if all were.
        params: its parameters after the last epoch, NumPy arrays.
    """

    seed: int
    rate: float
    rows: list[MetricsRow]
    diverged: int | None
    params: Any


class Swept(NamedTuple):
    """What a sweep came to.

    Attributes:
        members: all runs, by learning rate, then by seed.
        folder: where it is written.
        epochs: the epochs that every member has behind it.
        stopped: the signal that stopped it, and where; ``None`` if it is at its end.
        compile_seconds: how long the compilation took.
        seconds: how long the epochs took, scores included.
    """

    members: list[Member]
    folder: RunFolder
    epochs: int
    stopped: Stopped | None
    compile_seconds: float
    seconds: float

    def __str__(self) -> str:
        """What is told in the end."""
        where = f"run folder: {shown(self.folder.path)}"
        if not self.epochs:
            return where
        times = f"compilation: {self.compile_seconds:.1f} s, training: {self.seconds:.1f} s"
        return f"{table(self)}\n{times}\n{where}"


def noted(member: Member, row: MetricsRow, totals: Totals) -> Member:
    """The member with one more row; marked, if a number is not finite or no step was taken."""
    diverged = member.diverged
    if diverged is None and has_diverged(totals, row):
        diverged = row["epoch"]
    return member._replace(rows=[*member.rows, row], diverged=diverged)


def write_outcome(swept: Swept, facts: Mapping[str, Any]) -> None:
    """Write ``sweep.json`` and ``sweep.csv``, each whole."""
    content = {
        "epochs": swept.epochs,
        "compile_seconds": swept.compile_seconds,
        "seconds": swept.seconds,
        "members": [
            {
                "seed": member.seed,
                "lr": member.rate,
                "diverged": member.diverged,
                "final": _strict(member.rows[-1]) if member.rows else None,
                "rows": [_strict(row) for row in member.rows],
            }
            for member in swept.members
        ],
        **facts,
    }
    write_whole(swept.folder.sweep, json.dumps(content, indent=1) + "\n")
    rows = [{"seed": m.seed, "lr": m.rate, **_strict(row)} for m in swept.members for row in m.rows]
    if rows:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(swept.folder.path / "sweep.csv", text.getvalue())


def read_outcome(folder: RunFolder) -> dict[str, Any]:
    """What `write_outcome` wrote of a sweep that goes on.

    Raises:
        UserError: if it cannot be read.
    """
    content = read_saved(folder.sweep)
    for name in ("members", "epochs", "seconds"):
        if name not in content:
            raise UserError(f"{folder.sweep} is damaged: {name} is missing")
    return content


def members_after(
    folder: RunFolder, pairs: Sequence[tuple[int, float]], epochs: int
) -> list[Member]:
    """The members as they were after so many epochs; later rows are dropped.

    Args:
        folder: the sweep.
        pairs: the seed and the learning rate of each member.
        epochs: the epochs that lie behind.

    Raises:
        UserError: if ``sweep.json`` does not have them.
    """
    content = read_outcome(folder)
    try:
        found = {(entry["seed"], entry["lr"]): entry for entry in content["members"]}
        return [_member_after(found[pair], pair, epochs) for pair in pairs]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{folder.sweep} is damaged: {error}") from None


def _member_after(entry: Mapping[str, Any], pair: tuple[int, float], epochs: int) -> Member:
    rows = [
        {name: math.nan if value is None else value for name, value in row.items()}
        for row in entry["rows"][:epochs]
    ]
    if [row["epoch"] for row in rows] != list(range(1, epochs + 1)):
        raise ValueError(f"the member of seed {pair[0]} and lr {pair[1]:g} lacks epochs")
    diverged = entry["diverged"]
    return Member(*pair, rows, diverged if diverged and diverged <= epochs else None, None)


def _strict(row: MetricsRow) -> MetricsRow:
    """JSON has no NaN: ``null`` stands for what is no number, in CSV an empty field."""
    return {name: value if math.isfinite(value) else None for name, value in row.items()}


def line(swept: Swept, epochs: int) -> str:
    """What is said of an epoch."""
    figures = [
        f"lr {rate:g}: {spread(kept, '.4f') if kept else 'diverged'}"
        for rate, members in by_rate(swept.members).items()
        for kept in [_finals(members, "test_accuracy")]
    ]
    width = len(str(epochs))
    return f"epoch {swept.epochs:{width}}/{epochs}  test accuracy  {',  '.join(figures)}"


def by_rate(members: Iterable[Member]) -> dict[float, list[Member]]:
    """The members of each learning rate, in the order of the rates."""
    found: dict[float, list[Member]] = {}
    for member in members:
        found.setdefault(member.rate, []).append(member)
    return found


def _finals(members: Sequence[Member], name: str) -> list[float]:
    """The last values of those members that have not diverged."""
    return [
        m.rows[-1][name] for m in members if m.rows and m.diverged is None and name in m.rows[-1]
    ]


def table(swept: Swept) -> str:
    """Mean ± sample standard deviation of each learning rate, as Markdown; the best is marked.

    The best rate has the highest mean validation accuracy; without validation images there is
    none. Members that diverged are counted, and are in no mean.
    """
    groups = by_rate(swept.members)
    row = swept.members[0].rows[-1]
    splits = [name for name in ("validation", "test", "train") if f"{name}_accuracy" in row]
    columns = [f"{split}_{what}" for split in splits for what in ("accuracy", "loss")]
    titles = " | ".join(name.replace("_", " ") for name in columns)
    lines = [f"| lr | {titles} | seeds | diverged |", "|---" * (len(columns) + 3) + "|"]
    best = best_rate(swept.members)
    for rate, members in groups.items():
        columns_kept = [_finals(members, name) for name in columns]
        figures = " | ".join(spread(kept, ".4f") if kept else "–" for kept in columns_kept)
        mark = " (best)" if rate == best and len(groups) > 1 else ""
        gone = sum(member.diverged is not None for member in members)
        lines.append(f"| {rate:g}{mark} | {figures} | {len(members) - gone} | {gone} |")
    if len(groups) > 1 and splits[0] != "validation":
        lines.append(f"\n{NO_BEST}")
    return "\n".join(lines)


NO_BEST = (
    "no learning rate is marked as the best: test images choose nothing, and there are no "
    "validation images (--validation 0.1 holds some of the training images out)"
)


def best_rate(members: Iterable[Member]) -> float | None:
    """The learning rate with the highest mean validation accuracy; the first of equals."""
    scores = {
        rate: statistics.fmean(kept)
        for rate, its in by_rate(members).items()
        if (kept := _finals(its, "validation_accuracy"))
    }
    return max(scores, key=lambda rate: scores[rate], default=None)
