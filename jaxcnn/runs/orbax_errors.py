"""What Orbax and tensorstore raise, which is long and of many kinds, in one sentence."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from typing import Any

from jaxcnn.errors import UserError

_CAUSES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
"""What the operating system may have against it; they tell it at the end of many lines."""


def unless_loop_closed(hook: Callable[[Any], object], what: Any) -> None:
    """Where one of its reads or writes fails, Orbax does not wait for the answers to the others."""
    if not (isinstance(what.exc_value, RuntimeError) and "loop is closed" in str(what.exc_value)):
        hook(what)


def first_line(error: Exception) -> str:
    """The first line of what an error says; its kind, where it says nothing."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]


@contextlib.contextmanager
def in_one_sentence(what: Callable[[], str]) -> Iterator[None]:
    """Orbax and tensorstore raise many kinds of errors; ``what`` says what could not be done."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{what()}: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    """The first line of an error; of a long one, what the operating system said, at its end."""
    text = str(error)
    known = [name for name in map(os.strerror, _CAUSES) if name in text]
    return known[0] if known else first_line(error)
