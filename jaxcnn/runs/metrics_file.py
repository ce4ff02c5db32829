"""``metrics.jsonl``: one JSON object for each epoch of a run."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jaxcnn.errors import UserError
from jaxcnn.runs.folder import RunFolder
from jaxcnn.runs.writing import append_line, write_whole


def append_metrics(folder: RunFolder, row: Mapping[str, Any]) -> None:
    """Add one line to ``metrics.jsonl``; it is on the disk when this returns."""
    append_line(folder.metrics, json.dumps(row))


def read_metrics(folder: RunFolder) -> Iterator[dict[str, Any]]:
    """The lines of ``metrics.jsonl``; a last line cut short by a crash is left out.

    Raises:
        UserError: if a line is there that no run has written.
    """
    try:
        lines = folder.metrics.read_bytes().splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"{folder.metrics} cannot be read: {error.strerror}") from None
    for line in lines:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            return
        except UnicodeDecodeError:
            raise UserError(f"{folder.metrics} is damaged: a line of it is no text") from None
        if not _is_epoch(row):
            raise UserError(f"{folder.metrics} is damaged: a line of it is no epoch")
        yield row


def _is_epoch(row: Any) -> bool:
    """Whether a line has what is needed to go on, and to tell the speed."""
    if not isinstance(row, dict):
        return False
    speed = row.get("images_per_second")
    return type(row.get("epoch")) is int and isinstance(speed, int | float)


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
