"""What a mistake of the user comes to: one sentence, and an exit status that says what it was."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator

from jaxcnn.data import DataError
from jaxcnn.training import Stopped, UserError

USER_ERROR = 2
"""The exit status after a mistake that the user can mend."""

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""

PIPE_CLOSED = 141
"""The exit status after the reader of the output has gone (128 + SIGPIPE)."""


@contextlib.contextmanager
def mistakes_in_one_sentence() -> Iterator[None]:
    """A user's mistake ends the program with one sentence and status 2, without a traceback."""
    try:
        yield
    except (UserError, DataError) as error:
        print(f"jaxcnn: {error}", file=sys.stderr)
        sys.exit(USER_ERROR)
    except Stopped as stop:
        _last_words(str(stop))
        sys.exit(stop.status)
    except KeyboardInterrupt:
        _last_words("interrupted (a run goes on with --run-dir and --resume)")
        # At once: an ordinary exit would wait for a checkpoint that is being written.
        os._exit(INTERRUPTED)
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        # Whoever read the output has gone; Python would complain once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(PIPE_CLOSED)


def _last_words(sentence: str) -> None:
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        print(f"jaxcnn: {sentence}", file=sys.stderr, flush=True)
