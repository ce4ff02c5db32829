"""Files that come whole or not at all."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from jaxcnn.interop.errors import InteropError


def write_files(folder: Path, files: Mapping[str, bytes], *, overwrite: bool = False) -> None:
    """Write files that belong together; none gets its name before all of them are on the disk.

    Args:
        folder: where; it is made if need be.
        files: their contents by name.
        overwrite: whether files that are there may be replaced.

    Raises:
        InteropError: if one is there already, or they cannot be written. Nothing is lost then.
    """
    check_free(folder, files, overwrite=overwrite)
    drafts = {name: folder / f".{name}.{os.getpid()}.tmp" for name in files}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _write(drafts[name], content)
        for name in files:
            drafts[name].replace(folder / name)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InteropError(f"{folder} cannot be written: {reason}") from None
    finally:
        for draft in drafts.values():
            with contextlib.suppress(OSError):
                draft.unlink()


def check_free(folder: Path, names: Iterable[str], *, overwrite: bool) -> None:
    """Refuse to replace what was not meant to be replaced, before any work is done.

    Raises:
        InteropError: if a name is taken, and ``overwrite`` is not set or it is no file; or if
            ``folder`` cannot be made or written.
    """
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise InteropError(f"{nearest} is a file, not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InteropError(f"{folder} cannot be written: no permission in {nearest}")
    for name in names:
        path = folder / name
        if path.is_dir():
            raise InteropError(f"{path} is a folder")
        if os.path.lexists(path) and not overwrite:
            raise InteropError(f"{path} is there already: give --overwrite, or another --output")


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
