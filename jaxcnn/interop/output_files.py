"""Writes the files of an export, all of them or none."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from jaxcnn.interop.errors import InteropError
from jaxcnn.writing import write_together


def write_files(folder: Path, files: Mapping[str, bytes], *, overwrite: bool = False) -> None:
    """Write the files of an export; all are on the disk before the first one gets its name.

    Args:
        folder: where to write them; it is created if it does not exist.
        files: their contents by name.
        overwrite: whether existing files may be replaced.

    Raises:
        InteropError: if a file exists already, or one cannot be written. Nothing is lost then.
    """
    check_free(folder, files, overwrite=overwrite)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InteropError(f"{folder} cannot be written: {error.strerror}") from None
    write_together({folder / name: content for name, content in files.items()})


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
