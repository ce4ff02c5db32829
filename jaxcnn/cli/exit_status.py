"""Ends a command with one sentence and an exit status, instead of a traceback."""

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Iterator

from jaxcnn.runs import Stopped, UserError, processes
from jaxcnn.runs.log import library_heard
from jaxcnn.starting import INTERRUPTED, ready

USER_ERROR = 2
"""The exit status after an error that the user can mend."""

CRASHED = 1
"""The exit status after an error that nobody foresaw."""

PIPE_CLOSED = 141
"""The exit status after the reader of the output has closed it (128 + SIGPIPE)."""


_GONE = (errno.EPIPE, errno.EIO)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def errors_in_one_sentence(*, resumable: bool = False) -> Iterator[None]:
    """End the program after a `UserError` with one sentence and status 2, without a traceback.

    What the library logs meanwhile is printed as warnings.

    Args:
        resumable: whether an interrupted command can be continued with ``--resume``.
    """
    ready()
    try:
        with _all_written(), library_heard():
            yield
    except (UserError, Stopped, KeyboardInterrupt, OSError) as error:
        _end_after(error, resumable=resumable)
        _end_all_after(error)
        raise
    except Exception as error:
        _end_all_after(error)
        raise


def _end_all_after(error: BaseException) -> None:
    """End all processes of a run after an error that nobody foresaw, if there are several."""
    if processes.count() > 1:
        traceback.print_exception(error)
        processes.failed(f"{type(error).__name__}: {error}", CRASHED)
        processes.leave(CRASHED)


def _end_after(error: BaseException, *, resumable: bool) -> None:
    """End the program after an error that has a sentence; return after any other."""
    if isinstance(error, UserError):
        status = getattr(error, "status", USER_ERROR)
        print(f"jaxcnn: {error}", file=sys.stderr)
        processes.failed(str(error), status)
        processes.leave(status)
    if isinstance(error, Stopped):
        _print_last(str(error))
        sys.exit(error.status)
    if isinstance(error, KeyboardInterrupt):
        hint = " (a run goes on with --run-dir and --resume)" if resumable else ""
        _print_last(f"interrupted{hint}")
        # At once: an ordinary exit would wait for a checkpoint that is being written.
        os._exit(INTERRUPTED)
    if isinstance(error, OSError) and error.errno in _GONE + _FULL:
        # What is left would not be written either; Python would complain once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno in _GONE:
            sys.exit(PIPE_CLOSED)
        _print_last(f"the output cannot be written: {error.strerror}")
        sys.exit(USER_ERROR)


@contextlib.contextmanager
def _all_written() -> Iterator[None]:
    """Flush the output at the end, where an error can still be handled."""
    try:
        yield
    except SystemExit:
        sys.stdout.flush()
        raise
    sys.stdout.flush()


def _print_last(sentence: str) -> None:
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        print(f"jaxcnn: {sentence}", file=sys.stderr, flush=True)
