"""Writes files atomically: a reader sees the old file or the new one, never a part of it."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from jaxcnn.errors import UserError


def write_whole(path: Path, content: str | bytes) -> None:
    """Write one file atomically.

    A reader sees the old file or the new one, never half of it, even after the process was
    killed or the machine has lost its power.

    Args:
        path: the file; its folder must exist.
        content: text is written as UTF-8.

    Raises:
        UserError: if it cannot be written; the old file stays.
    """
    write_together({path: content})


def write_together(files: Mapping[Path, str | bytes]) -> None:
    """Write several files; all are on the disk before the first one gets its name.

    Args:
        files: the contents by path; the folders must exist.

    Raises:
        UserError: if one of them cannot be written; the old files stay.
    """
    drafts = {path: path.with_name(f"{path.name}.{os.getpid()}.tmp") for path in files}
    path = Path()
    try:
        for path, content in files.items():
            _write(drafts[path], content.encode() if isinstance(content, str) else content)
        for path, draft in drafts.items():
            draft.replace(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UserError(f"{path} cannot be written: {reason}") from None
    finally:
        for draft in drafts.values():
            with contextlib.suppress(OSError):
                draft.unlink()


def append_line(path: Path, line: str) -> None:
    """Add a line to a file; the line is on the disk when the function returns.

    Args:
        path: the file, which is created if it does not exist.
        line: the text, without its line break.

    Raises:
        UserError: if it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
