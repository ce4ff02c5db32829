"""Ctrl-C while the ``jaxcnn`` command is still being imported, which takes a second or two."""

import os
import signal
from types import FrameType

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""


def end_quietly_when_interrupted() -> None:
    """Until `ready`, Ctrl-C ends the process with one sentence; for the command alone."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def ready() -> None:
    """From here on Ctrl-C is a KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"jaxcnn: interrupted\n")
    # At once: threads that libraries have begun would abort an ordinary exit.
    os._exit(INTERRUPTED)
