"""Measures one row after another until the time is over."""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator, Sequence

from benchmarks.accelerator.page import HEADERS, lines
from benchmarks.accelerator.results import Results
from benchmarks.accelerator.tables import Measure, ResultTable
from benchmarks.comparison import Row

GRACE = 15
"""Seconds before the time limit at which a running measurement is stopped."""


def measure(tables: Sequence[ResultTable], results: Results, seconds: float) -> None:
    """Measure the rows that there is time for; print and write each of them.

    Args:
        tables: the tables.
        results: where to keep the rows.
        seconds: the whole time.
    """
    for table in tables:
        if table.rows:
            print(f"\n{HEADERS[table.name]}", flush=True)
        for i, (name, row) in enumerate(table.rows.items()):
            left = table.until * seconds - results.seconds
            if left <= 0:
                break
            found = {"name": name} | tried(row, left / (len(table.rows) - i))
            results.add(table.name, found)
            for line in lines(table.name, found, results.record("")):
                print(line, flush=True)


def tried(measure: Measure, seconds: float) -> Row:
    """Measure a row; an error of the compiler or the chip becomes a row, too."""
    try:
        return measure(seconds)
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        return {"error": f"{type(error).__name__}: {reason}"}


@contextlib.contextmanager
def ending_at(seconds: float, results: Results) -> Iterator[None]:
    """End the process when the time is over, even during a compilation.

    Nothing else interrupts one: Python's signals wait for it.
    """

    def end() -> None:
        try:
            results.write("given up in the middle of a row, since the time was over")
            said = f"the time was over in the middle of a row; {results.page} has the others"
            print(said, file=sys.stderr, flush=True)
        finally:
            os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
