"""Rows of tables: the time of each library, and its ratio to the time of jaxcnn."""

import statistics
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.timing import interleaved, ratio, spread

Row = dict[str, Any]
"""Milliseconds by library; for all but jaxcnn also ``"NAME ratio"`` and its ``"NAME spread"``.

``"jaxcnn spread"`` is that of jaxcnn's milliseconds.
"""


def compared(calls: dict[str, Callable[[], Any]], rounds: int) -> Row:
    """Time calls in turn, one of them of jaxcnn, and return the row."""
    return summarized(interleaved(calls, rounds))


def summarized(times: dict[str, list[float]]) -> Row:
    """The row of medians, with ratios if jaxcnn is among the libraries."""
    row: Row = {library: statistics.median(values) for library, values in times.items()}
    if "jaxcnn" in times:
        row["jaxcnn spread"] = spread(times["jaxcnn"])
    for other in times:
        if other != "jaxcnn" and "jaxcnn" in times:
            row[f"{other} ratio"], row[f"{other} spread"] = ratio(times, other)
    return row


def our_time(row: Row) -> str:
    """A table cell: the milliseconds of jaxcnn, with their spread."""
    width = row["jaxcnn spread"]
    return f"{row['jaxcnn']:.1f}" + ("" if width is None else f" ± {width:.1f}")


def times_ours(row: Row, other: str) -> str:
    """A table cell: the ratio of another library's time to that of jaxcnn."""
    if f"{other} ratio" not in row:
        return "—"
    spread = row[f"{other} spread"]
    return f"{row[f'{other} ratio']:.2f}" + ("" if spread is None else f" ± {spread:.2f}")


def timed(rows: list[Row], others: Iterable[str]) -> list[str]:
    """The libraries that at least one row was timed with."""
    return [other for other in others if any(f"{other} ratio" in row for row in rows)]


def mean_ratio(rows: Iterable[Row], other: str) -> float:
    """The geometric mean of the ratios of another library."""
    return statistics.geometric_mean(
        row[f"{other} ratio"] for row in rows if f"{other} ratio" in row
    )


def mean_line(rows: list[Row], others: Iterable[str], blank: int, name: str) -> str:
    """A last row of a table: the geometric mean of each library's ratios.

    Args:
        rows: the rows of the table.
        others: the libraries, in the order of the last columns.
        blank: how many columns between the first and these stay empty.
        name: the first cell.
    """
    known = timed(rows, others)
    means = [f"{mean_ratio(rows, other):.2f}" if other in known else "—" for other in others]
    return line([name, *[""] * blank, *means])


def speed(row: Row, gemm: float | None) -> list[str]:
    """Two table cells: GFLOP/s of jaxcnn, and their share of the machine's matrix product."""
    rate = 1e3 * row["gflop"] / row["jaxcnn"]
    return [f"{rate:.1f}", "—" if gemm is None else f"{100 * rate / gemm:.0f} %"]


def line(cells: Iterable[str]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def header(cells: list[str]) -> str:
    """The first two rows of a Markdown table."""
    return line(cells) + "\n" + "|" + "---|" * len(cells)
