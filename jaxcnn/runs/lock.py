"""One process at a time in a run folder: a lock that dies with the process that holds it."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

from jaxcnn.errors import UserError
from jaxcnn.runs.folder import RunFolder


@contextlib.contextmanager
def locked(folder: RunFolder) -> Iterator[None]:
    """Hold the lock of a run folder that exists.

    It is an advisory lock of the kernel's (``flock``), so a process that was killed does not
    hold it, and commands that only read do not ask for it. Where the operating system has no
    ``flock`` (Windows), there is no lock.

    Raises:
        UserError: if another process holds it, or the folder cannot be written.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        file = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise _not_opened(folder, error) from None
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise UserError(f"{folder.lock} is no file, and cannot be locked")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _not_locked(folder, file, error) from None
        os.ftruncate(file, 0)
        with contextlib.suppress(OSError):  # who holds it is only a hint; a full disk is no matter
            os.write(file, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(file)


def _not_opened(folder: RunFolder, error: OSError) -> UserError:
    if error.errno == errno.ELOOP:  # what it names would be emptied
        return UserError(f"{folder.lock} is a link, and cannot be locked")
    return UserError(f"{folder.path} cannot be written: {error.strerror}")


def _not_locked(folder: RunFolder, file: int, error: OSError) -> UserError:
    if not isinstance(error, BlockingIOError):
        return UserError(f"{folder.path} cannot be locked: {error.strerror}")
    holder = os.read(file, 20).decode(errors="replace").strip()
    return UserError(f"{folder.path} is in use by another jaxcnn (process {holder or 'unknown'})")
