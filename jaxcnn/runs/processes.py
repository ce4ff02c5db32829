"""Several processes that train one run together, on JAX's distributed runtime.

The first process has the run folder: it alone writes, shows and decides, and the others follow it.
All of them compute every step, each on its own devices and with its own part of the images.
"""

import atexit
import contextlib
import dataclasses
import itertools
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import NoReturn

import jax
import numpy as np
from jax._src.distributed import global_state  # no public way to the processes' shared notes
from jax.experimental import multihost_utils

from jaxcnn.errors import UserError, shown

LOST = 75
"""The exit status after another process was lost (EX_TEMPFAIL): the run can go on later."""

_REACHED = 45.0
"""For how many seconds the first process is looked for."""

_JOINED = 300
"""For how many seconds the others are waited for."""

_HEARTBEAT = 30
"""After how many seconds without a sign of life JAX takes a process for dead."""

_ENDED = 60
"""For how many seconds a process waits at its end until all of them are there."""

_DAY = 24 * 60 * 60 * 1000

_NOTE = "jaxcnn/failed"
_RUNS = itertools.count()
_LOOK = 0.5
_LINGER = 4 * _LOOK
_SIGNS = ("Gloo", "NCCL", "RCCL", "closed by peer", "UNAVAILABLE", "DEADLINE_EXCEEDED")
"""What JAX's errors say where a process has gone."""


@dataclasses.dataclass(frozen=True)
class Together:
    """How a process finds those that it trains a run with.

    Attributes:
        distributed: Train with other processes, which are started with the same options: on Slurm,
            Open MPI, Kubernetes and TPUs they find each other; elsewhere the next three options
            say how.
        coordinator: HOST:PORT on which the first process is reached, and listens.
        num_processes: How many processes there are.
        process_id: Which one this is, from 0.
    """

    distributed: bool = False
    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None


class LostError(UserError):
    """Another process of the run was lost.

    Attributes:
        status: the exit status of a command after it.
    """

    status = LOST


def count() -> int:
    """How many processes train together."""
    return int(global_state.num_processes)


def index() -> int:
    """The number of this process, from 0."""
    return int(global_state.process_id)


def first() -> bool:
    """Whether this is the process that has the run folder."""
    return index() == 0


def join(wanted: Together) -> None:
    """Join the other processes, before JAX does any work; nothing happens unless it is wanted.

    Args:
        wanted: where they are.

    Raises:
        UserError: if the options cannot be meant, or the first process cannot be reached.
    """
    _check(wanted)
    if not wanted.distributed:
        return
    if wanted.coordinator is not None and wanted.process_id is not None:
        host, port = _address(wanted.coordinator)
        if wanted.process_id == 0:
            _check_free(port)
        else:
            _reach(host, port)
    # JAX's own answer to SIGTERM waits for minutes; a run has one of its own.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            wanted.coordinator,
            wanted.num_processes,
            wanted.process_id,
            initialization_timeout=_JOINED,
            heartbeat_timeout_seconds=_HEARTBEAT,
            shutdown_timeout_seconds=_ENDED,
        )
    except (ValueError, TypeError) as error:
        raise UserError(
            f"--distributed: neither Slurm nor Open MPI, Kubernetes or a TPU says where the "
            f"processes are, so --coordinator HOST:PORT, --num-processes and --process-id must "
            f"({str(error).splitlines()[0]})"
        ) from None
    except RuntimeError as error:
        raise UserError(f"--distributed: {str(error).splitlines()[0]}") from None
    ending = threading.Event()
    watch = threading.Thread(target=_watch, args=(ending,), daemon=True)
    watch.start()

    def end_watch() -> None:
        # A thread that is inside of JAX while Python ends would end the process with an error.
        ending.set()
        watch.join()

    atexit.register(end_watch)


def _check(wanted: Together) -> None:
    told = {
        "coordinator": wanted.coordinator,
        "num-processes": wanted.num_processes,
        "process-id": wanted.process_id,
    }
    given = [name for name, value in told.items() if value is not None]
    if given and not wanted.distributed:
        raise UserError(f"--{given[0]} needs --distributed")
    if wanted.num_processes is not None and wanted.num_processes < 1:
        raise UserError(f"--num-processes must be at least 1, got {wanted.num_processes}")
    most = wanted.num_processes
    if wanted.process_id is not None and not 0 <= wanted.process_id < (most or 2**31):
        below = "" if most is None else f" and below --num-processes {most}"
        raise UserError(f"--process-id must be at least 0{below}, got {wanted.process_id}")
    if wanted.coordinator is not None:
        _address(wanted.coordinator)


def _address(coordinator: str) -> tuple[str, int]:
    host, _, port = coordinator.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 2**16:
        raise UserError(f"--coordinator must be HOST:PORT, got {coordinator!r}")
    return host.strip("[]"), int(port)


def _check_free(port: int) -> None:
    """Refuse a port that is taken, in a sentence; JAX would end the process.

    Raises:
        UserError: if so.
    """
    kind = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    with socket.socket(kind) as trial:
        if kind == socket.AF_INET6:
            trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("", port))
        except OSError as error:
            raise UserError(
                f"--coordinator: port {port} cannot be used: {error.strerror}"
            ) from None


def _reach(host: str, port: int) -> None:
    """Wait until the first process listens; JAX would end this one if it never does.

    Raises:
        UserError: if it does not, after a while.
    """
    until = time.monotonic() + _REACHED
    while True:
        try:
            socket.create_connection((host, port), timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() > until:
                raise UserError(
                    f"--coordinator: no process answers on {host}:{port} after "
                    f"{_REACHED:.0f} seconds ({error.strerror or error}); is the first one running?"
                ) from None
        time.sleep(_LOOK)


def gathered(*values: int) -> np.ndarray:
    """The numbers of every process, one row for each; all processes call it at the same place."""
    mine = np.array(values, np.int32)
    return mine[None] if count() == 1 else multihost_utils.process_allgather(mine)


def agreed(*values: int) -> tuple[int, ...]:
    """The numbers of the first process; all processes call it at the same place."""
    return tuple(int(value) for value in gathered(*values)[0])


def handed_out(array: np.ndarray) -> np.ndarray:
    """The bits of an array of the first process; the others give one of the same shape and type.

    All processes call it at the same place.
    """
    if count() == 1:
        return array
    whole = array.tobytes()
    # As integers, whose sum with zeros changes no bit: minus zero stays one.
    words = np.frombuffer(whole + bytes(-len(whole) % 4), np.uint32)
    theirs = np.asarray(multihost_utils.broadcast_one_to_all(words))
    return np.frombuffer(theirs.tobytes()[: len(whole)], array.dtype).reshape(array.shape)


def wait_for_all() -> None:
    """Wait at the end of a run until every process is there; the first one writes for longest."""
    run = next(_RUNS)
    if count() > 1 and global_state.client is not None:
        global_state.client.wait_at_barrier(f"jaxcnn/ended/{run}", _DAY)


@contextlib.contextmanager
def losses_in_one_sentence() -> Iterator[None]:
    """Turn JAX's error about a process that is gone into a `LostError`."""
    try:
        yield
    except UserError:
        raise
    except (jax.errors.JaxRuntimeError, ValueError) as error:  # the latter where it is fetched
        said = str(error).strip().splitlines() or [""]
        if count() == 1 or not any(sign in said[0] for sign in _SIGNS):
            raise
        raise LostError(
            f"another process was lost ({said[0]:.160}); what was saved is whole: start all "
            f"processes again, with --resume"
        ) from None


def failed(sentence: str, status: int) -> None:
    """Tell the other processes that this one ends with an error, so that they end, too."""
    if count() == 1 or global_state.client is None:
        return
    note = json.dumps({"process": index(), "sentence": sentence, "status": status})
    with contextlib.suppress(jax.errors.JaxRuntimeError):  # another one may have been faster
        global_state.client.key_value_set(_NOTE, note)
    if first():  # which keeps the notes
        time.sleep(_LINGER)


def leave(status: int) -> NoReturn:
    """End this process after an error; several do not wait for each other then."""
    if count() == 1:
        sys.exit(status)
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(status)


def _watch(ending: threading.Event) -> None:
    """End this process when another one says that it has failed."""
    client = global_state.client
    while client is not None and not ending.wait(_LOOK):
        try:
            note = json.loads(client.key_value_try_get(_NOTE))
        except jax.errors.JaxRuntimeError:  # there is none
            continue
        if note["process"] == index():
            return
        sentence = f"process {note['process']} of {count()} has stopped: {note['sentence']}"
        with contextlib.suppress(OSError):
            print(f"jaxcnn: {shown(sentence)}", file=sys.stderr, flush=True)
        if first():
            time.sleep(_LINGER)
        leave(note["status"])
