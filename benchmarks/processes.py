"""Runs a function in a fresh process, on some of the cores, and measures memory there."""

import contextlib
import multiprocessing
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_STATUS = pathlib.Path("/proc/self/status")


def alone(fn: Callable[..., T], *args: Any, cores: int | None = None) -> T:
    """The result of a function, computed in a fresh process that ends after it.

    Args:
        fn: a function of a module.
        *args: its arguments.
        cores: how many cores the process may use; all of them where it is left out.

    Raises:
        BrokenProcessPool: if the process is killed, for example for want of memory.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=_keep_to, initargs=(cores,)) as pool:
        return pool.submit(fn, *args).result()


def _keep_to(cores: int | None) -> None:
    """Leave this process the first so many of its cores; both JAX and torch count them."""
    if cores is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


@contextlib.contextmanager
def empty_caches() -> Iterator[None]:
    """Let torch.compile begin without what it compiled for programs before; children do so too."""
    name = "TORCHINDUCTOR_CACHE_DIR"
    before = os.environ.get(name)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[name] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before


def resident() -> float | None:
    """The memory of this process in MiB, from which its peak counts anew; ``None`` off Linux."""
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    return _mebibytes("VmRSS")


def peak() -> float | None:
    """The largest memory of this process in MiB since the last `resident`."""
    return _mebibytes("VmHWM")


def _mebibytes(entry: str) -> float | None:
    if not _STATUS.exists():
        return None
    values = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(values[entry].split()[0]) / 1024
