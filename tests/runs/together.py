"""Starts several processes of a command on the loopback address, and waits for their end."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

LIMIT = 240
"""Seconds after which processes that still run are killed, and the test fails."""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def started(
    folder: Path,
    count: int,
    *words: str,
    own: Sequence[Sequence[str]] = (),
    environ: Sequence[Mapping[str, str]] = (),
) -> Iterator[list[subprocess.Popen[str]]]:
    """So many processes of ``jaxcnn train``; those that are left are killed at the end.

    Args:
        folder: where compiled programs are kept, and what each process says, ``out.0`` and so on.
        count: how many processes.
        words: options of all of them.
        own: further options of each.
        environ: what each finds of the others in its environment, in place of options.
    """
    common = os.environ | {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
    }
    port, processes = free_port(), []
    try:
        for process in range(count):
            where = ["--coordinator", f"127.0.0.1:{port}", "--num-processes", str(count)]
            told = ["--distributed", *(() if environ else (*where, "--process-id", str(process)))]
            more = own[process] if own else ()
            its = common | dict(environ[process] if environ else {})
            with (folder / f"out.{process}").open("w") as out:
                command = [sys.executable, "-m", "jaxcnn", "train", *words, *told, *more]
                processes.append(
                    subprocess.Popen(command, stdout=out, stderr=out, text=True, env=its)
                )
        yield processes
    finally:
        for one in processes:
            if one.poll() is None:
                one.kill()
            one.wait()


def ended(
    folder: Path, processes: list[subprocess.Popen[str]], limit: float = LIMIT
) -> tuple[list[int], list[str]]:
    """The exit statuses, and what the processes have said."""
    until = time.monotonic() + limit
    statuses = [one.wait(max(until - time.monotonic(), 0.1)) for one in processes]
    return statuses, [(folder / f"out.{i}").read_text() for i in range(len(processes))]


def trained(folder: Path, count: int, *words: str) -> list[str]:
    """What processes say that end well."""
    with started(folder, count, *words) as processes:
        statuses, said = ended(folder, processes)
    assert statuses == [0] * count, "\n".join(said)
    return said


def wait_for(there: Path, lines: int, processes: list[subprocess.Popen[str]]) -> None:
    """Wait until a file has so many lines, while all processes run."""
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        assert all(one.poll() is None for one in processes), "a process has ended"
        if there.exists() and len(there.read_text().splitlines()) >= lines:
            return
        time.sleep(0.05)
    raise AssertionError(f"{there} has no {lines} lines after {LIMIT} s")
