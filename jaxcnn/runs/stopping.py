"""Asking a run to stop: SIGTERM, Ctrl-C and the terminal that goes away."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_NAMES = ("SIGTERM", "SIGINT", "SIGHUP")


class Stopped(KeyboardInterrupt):
    """A run that was asked to stop, and has saved what it had.

    Attributes:
        status: The exit status that says so: 128 and the signal's number (143 after SIGTERM, 130
            after Ctrl-C, 129 after SIGHUP).
    """

    def __init__(self, number: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = 128 + number


def stopped_at(number: int, where: str, command: str) -> Stopped:
    """What tells of a run that signal ``number`` stopped: where it stands, and how it goes on."""
    name = signal.Signals(number).name
    return Stopped(number, f"stopped by {name} and saved at {where}; go on with: jaxcnn {command}")


class StopRequests:
    """While it is entered, the first such signal is noted, and a second one acts as ever.

    The run looks at `number` between steps, where its state is whole. A signal that the process
    was started to ignore (``nohup``) stays ignored. Only the main thread hears signals; elsewhere
    nothing is changed.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequests":
        if threading.current_thread() is threading.main_thread():
            for name in _NAMES:
                number = getattr(signal, name, None)  # Windows has no SIGHUP
                if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._restore()

    def _restore(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())
