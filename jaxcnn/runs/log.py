"""What a run says: to whoever reads it, and with the time into ``log.txt`` of its folder."""

import contextlib
import contextvars
import logging
import os
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxcnn.errors import UserError, shown
from jaxcnn.reading import open_file
from jaxcnn.runs.stopping import Stopped

_QUIET: contextvars.ContextVar[bool] = contextvars.ContextVar("quiet", default=False)


@contextlib.contextmanager
def quiet(on: bool = True) -> Iterator[None]:
    """While it is entered, a run prints warnings only; all its lines are noted nevertheless.

    Args:
        on: whether to be quiet at all.
    """
    token = _QUIET.set(on)
    try:
        yield
    finally:
        _QUIET.reset(token)


def is_quiet() -> bool:
    """Whether a run prints warnings only."""
    return _QUIET.get()


def say(line: str) -> None:
    """Note a line, and print it unless the run is quiet or nobody is left to read it."""
    note(line)
    if not is_quiet():
        with unless_nobody_reads():
            print("\n".join(map(shown, line.split("\n"))), flush=True)


def warn(sentence: str) -> None:
    """Print a warning on standard error, and note it."""
    note(f"warning: {sentence}")
    _complain(sentence)


def note(text: str) -> None:
    """Put the lines of ``text`` into the journal of the run, where one is kept."""
    journal = _JOURNAL.get()
    if journal is not None:
        journal.note(text)


def _complain(sentence: str) -> None:
    with unless_nobody_reads(sys.stderr):
        print(f"jaxcnn: warning: {shown(sentence)}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def unless_nobody_reads(stream: Any = None) -> Iterator[None]:
    """A terminal or a pipe that has gone (EIO, EPIPE) does not stop a run: it goes on unseen.

    What the run has to say is in its folder, too.
    """
    try:
        yield
    except OSError:
        _unseen(stream or sys.stdout)


def _unseen(stream: Any) -> None:
    """From here on, what is written to a stream goes nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Journal:
    """The lines of a run; they wait until the run has a folder."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._path: Path | None = None
        self._usable = True

    def note(self, text: str) -> None:
        """Add lines; they are in the file when this returns, where there is one."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        self._waiting += [f"{stamp} {shown(line)}\n" for line in text.splitlines()]
        if self._path is not None and self._usable:
            self._write(self._path)

    @contextlib.contextmanager
    def kept_in(self, path: Path) -> Iterator[None]:
        """Write what is noted behind what ``path`` holds; at last, what ended the run."""
        self._path = path
        if os.path.lexists(path) and not _ends_with_a_line(path):  # of a killed process
            self._waiting.insert(0, "\n")
        try:
            yield
        except BaseException as error:
            self.note(_last_words(error))
            raise

    def _write(self, path: Path) -> None:
        content = "".join(self._waiting).encode(errors="backslashreplace")
        self._waiting.clear()
        try:
            with open(path, "ab", opener=_without_waiting) as file:
                file.write(content)
        except OSError as error:  # a run is worth more than what it says
            self._usable = False
            _complain(f"{path} cannot be written: {error.strerror}")


_JOURNAL: contextvars.ContextVar[Journal | None] = contextvars.ContextVar("journal", default=None)


@contextlib.contextmanager
def journaled() -> Iterator[Journal]:
    """While it is entered, what is said in this thread is noted."""
    token = _JOURNAL.set(journal := Journal())
    try:
        yield journal
    finally:
        _JOURNAL.reset(token)


@contextlib.contextmanager
def library_heard() -> Iterator[None]:
    """While it is entered, what the library logs is a warning of the command."""
    logger, handler = logging.getLogger("jaxcnn"), _Warning(logging.WARNING)
    propagate, logger.propagate = logger.propagate, False  # other libraries would say it again
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


class _Warning(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())


def _without_waiting(path: str, flags: int) -> int:
    """Open a file of a folder that may be a stranger's: no pipe, no link to another file."""
    more = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    return os.open(path, flags | more, 0o666)


def _ends_with_a_line(path: Path) -> bool:
    try:
        with open_file(path) as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"
    except OSError:  # it is empty
        return True


def _last_words(error: BaseException) -> str:
    """What ended a run; what nobody foresaw is noted at length."""
    if isinstance(error, Stopped):
        return str(error)
    if isinstance(error, UserError):
        return f"error: {error}"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return "".join(traceback.format_exception(error))
