"""A test that would wait for ever fails instead."""

import contextlib
import signal


@contextlib.contextmanager
def within(seconds: float):
    """Raise in the middle of what takes longer."""

    def ring(*_):
        raise AssertionError(f"this took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
