"""Files that a reader sees whole or not at all, also after the process or the power was lost."""

import contextlib
import os
from pathlib import Path

from jaxcnn.errors import UserError


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old or the new one, never half of it.

    So it is, too, after the process was killed or the machine has lost its power.

    Raises:
        UserError: if it cannot be written; the old one stays.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def append_line(path: Path, line: str) -> None:
    """Add a line to a file; it is on the disk when this returns.

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
