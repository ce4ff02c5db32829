"""Ctrl-C while the ``jaxcnn`` command is still being imported, which takes a second or two."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""


def end_quietly_when_interrupted() -> None:
    """Until `ready`, Ctrl-C ends the process with one sentence, if it is the command's.

    A program that imports jaxcnn as a library keeps its signals as they are.
    """
    if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def ready() -> None:
    """From here on Ctrl-C is a KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_command() -> bool:
    """Whether Python was started as ``jaxcnn`` or ``python -m jaxcnn``."""
    if sys.argv[:1] == ["-m"]:  # what it holds while Python still looks for the module
        words = sys.orig_argv
        return words[words.index("-m") + 1 :][:1] == ["jaxcnn"] if "-m" in words else False
    return bool(sys.argv) and Path(sys.argv[0]).stem == "jaxcnn"


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"jaxcnn: interrupted\n")
    # At once: threads that libraries have begun would abort an ordinary exit.
    os._exit(INTERRUPTED)
