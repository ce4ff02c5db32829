"""``metrics.jsonl``: one JSON object for each epoch of a run."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jaxcnn.data.documents import parse_json
from jaxcnn.errors import UserError
from jaxcnn.reading import as_text, read_bytes, reason
from jaxcnn.runs.folder import RunFolder
from jaxcnn.runs.formats import EPOCH, LARGEST_METRICS
from jaxcnn.writing import append_line, write_whole


def append_metrics(folder: RunFolder, row: Mapping[str, Any]) -> None:
    """Add one line to ``metrics.jsonl``; it is on the disk when this returns."""
    append_line(folder.metrics, json.dumps(row))


def read_metrics(folder: RunFolder) -> Iterator[dict[str, Any]]:
    """The lines of ``metrics.jsonl``; a last line cut short by a crash is left out.

    Raises:
        UserError: if a line is there that no run has written.
    """
    try:
        lines = read_bytes(folder.metrics, LARGEST_METRICS).splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"{folder.metrics} cannot be read: {reason(error)}") from None
    for number, line in enumerate(lines, start=1):
        try:
            row = parse_json(as_text(line), nonfinite=True)
            EPOCH.check(row, "")
        except json.JSONDecodeError:
            return
        except ValueError as error:
            raise UserError(f"{folder.metrics} is damaged: line {number}: {error}") from None
        yield row


def keep_metrics(folder: RunFolder, epochs: int) -> int:
    """Drop the lines after the first ``epochs`` epochs, which a resumed run writes again.

    Returns:
        How many of those epochs have no line (a part of the file was lost).

    Raises:
        UserError: if the file cannot be written.
    """
    rows = [row for row in read_metrics(folder) if row["epoch"] <= epochs]
    write_whole(folder.metrics, "".join(json.dumps(row) + "\n" for row in rows))
    return epochs - len(rows)
