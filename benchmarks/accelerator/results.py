"""Keeps the measured rows, and writes them to the disk after each row."""

import json
import re
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accelerator.page import page
from benchmarks.accelerator.tables import ResultTable
from benchmarks.comparison import Row
from jaxcnn.interop.output_files import check_free, write_files


class Results:
    """The rows of all tables, in a JSON file and a Markdown page named after the chip.

    Args:
        folder: where to write them.
        facts: what they are measured on.
        planned: all tables.

    Raises:
        UserError: if the folder cannot be written.
    """

    def __init__(self, folder: Path, facts: dict[str, Any], planned: Sequence[ResultTable]) -> None:
        self.folder, self.facts, self.planned = folder, facts, planned
        self.rows: dict[str, list[Row]] = {part.name: [] for part in planned}
        stem = "accelerator-" + re.sub(r"[^a-z0-9]+", "-", facts["chip"].lower()).strip("-")
        self.json, self.page = folder / f"{stem}.json", folder / f"{stem}.md"
        self._start = time.monotonic()
        self._lock = threading.Lock()
        check_free(folder, (self.json.name, self.page.name), overwrite=True)

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def add(self, part: str, row: Row) -> None:
        """Add a row, and write all rows to the disk."""
        self.rows[part].append(row)
        self.write("not ended: this was written after a row, and others were to follow")

    def left_out(self) -> dict[str, list[str]]:
        """The names of the rows that were not measured, by table."""
        done = {part: {row["name"] for row in rows} for part, rows in self.rows.items()}
        names = {
            part.name: [n for n in part.rows if n not in done[part.name]] for part in self.planned
        }
        return {part: rows for part, rows in names.items() if rows}

    def wrong(self) -> list[str]:
        """The names of the rows that failed, and of the ops with wrong results."""
        rows = [row for rows in self.rows.values() for row in rows]
        return [row["name"] for row in rows if "error" in row or not row.get("ok", True)]

    def record(self, ending: str) -> dict[str, Any]:
        """All results as JSON values."""
        return {
            **self.facts,
            "ending": ending,
            "seconds": round(self.seconds, 1),
            "left_out": self.left_out(),
            "rows": self.rows,
        }

    def write(self, ending: str) -> None:
        """Write both files; ``ending`` says how the command ended.

        Raises:
            UserError: if they cannot be written.
        """
        with self._lock:  # the time may be up while a row is being written
            record = self.record(ending)
            text = json.dumps(record, indent=1, allow_nan=False) + "\n"
            files = {self.json.name: text.encode(), self.page.name: page(record).encode()}
            write_files(self.folder, files, overwrite=True)
