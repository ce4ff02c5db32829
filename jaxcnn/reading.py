"""Opens untrusted files without blocking, and reads at most a given number of bytes.

A folder that somebody else gave may hold a named pipe, a device or a huge file where an
ordinary file is expected. Opening a pipe can block forever; reading a device never ends.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading; pipes, devices and folders are refused.

    Args:
        path: the file; links are followed.

    Returns:
        The open file, to be closed by the caller.

    Raises:
        OSError: whose ``strerror`` is the reason in one clause: there is no such file, no
            permission, a folder, a named pipe, a socket or a device.

    >>> import tempfile
    >>> from jaxcnn.reading import open_file
    >>> with tempfile.NamedTemporaryFile() as file, open_file(file.name) as opened:
    ...     opened.read()
    b''
    """
    path = os.fspath(path)
    if "\0" in path:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    # Without O_NONBLOCK, a pipe that nobody writes to would never be opened.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        number = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise _refusal(path, os.stat(path).st_mode) from None
        raise
    try:
        mode = os.fstat(number).st_mode
        if not stat.S_ISREG(mode):
            raise _refusal(path, mode)
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise


def _refusal(path: str, mode: int) -> OSError:
    if stat.S_ISDIR(mode):
        return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    kind = _KINDS.get(stat.S_IFMT(mode), "something else")
    return OSError(errno.EINVAL, f"it is {kind}, expected a file", path)


def read_bytes(path: str | os.PathLike[str], most: int) -> bytes:
    """The content of a regular file that is not larger than a limit.

    Args:
        path: the file.
        most: the largest number of bytes that it may have.

    Returns:
        All of its bytes.

    Raises:
        OSError: whose ``strerror`` is the reason in one clause.

    >>> import tempfile
    >>> from jaxcnn.reading import read_bytes
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     read_bytes(file.name, 100)
    b''
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = b"" if size > most else file.read(most + 1)
    if max(size, len(content)) > most:
        reason = f"it has {max(size, len(content)):,} bytes, expected at most {most:,}"
        raise OSError(errno.EFBIG, reason, os.fspath(path))
    return content


def read_text(path: str | os.PathLike[str], most: int) -> str:
    """The UTF-8 text of a regular file that is not larger than a limit.

    Args:
        path: the file.
        most: the largest number of bytes that it may have.

    Returns:
        Its text, line breaks as they are.

    Raises:
        OSError: whose ``strerror`` is the reason in one clause.
        ValueError: if it is not UTF-8, in one clause.

    >>> import tempfile
    >>> from jaxcnn.reading import read_text
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     read_text(file.name, 100)
    ''
    """
    return as_text(read_bytes(path, most))


def as_text(content: bytes) -> str:
    r"""Decode UTF-8, and refuse bytes that are not.

    Args:
        content: text in UTF-8.

    Returns:
        The text.

    Raises:
        ValueError: if it is not UTF-8, in one clause.

    >>> from jaxcnn.reading import as_text
    >>> as_text(b"Stra\xc3\x9fe")
    'Straße'
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no text, byte {error.start:,} is not UTF-8") from None


def reason(error: OSError) -> str:
    """The reason for an operating system's error, as a clause for a message.

    >>> import errno, os
    >>> from jaxcnn.reading import reason
    >>> reason(OSError(errno.ENOENT, os.strerror(errno.ENOENT)))
    'No such file or directory'
    """
    return error.strerror or str(error).strip().partition("\n")[0] or type(error).__name__


def check_folder_tree(folder: Path) -> None:
    """Refuse a folder that contains a pipe, a device or a socket.

    Libraries that read whole folders open every file in them: a named pipe would block them
    forever, and a link would lead them out of the folder.

    Args:
        folder: the folder; not a link to one.

    Raises:
        OSError: if a part of it cannot be read.
        ValueError: with the name of what is refused, in one clause.
    """
    waiting = [folder]
    if folder.is_symlink():
        raise ValueError("it is a link")
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode):
                    waiting.append(Path(entry.path))
                elif not stat.S_ISREG(found.st_mode):
                    name = os.path.relpath(entry.path, folder)
                    raise ValueError(f"{name} in it is neither a file nor a folder")
