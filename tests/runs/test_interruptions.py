"""Runs that are killed, stopped, starved: each goes on and ends as if nothing had happened."""

import contextlib
import dataclasses
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import pytest

from jaxcnn.runs import RunFolder, Stopped, TrainConfig, UserError, read_metrics, run
from jaxcnn.runs.lock import locked
from jaxcnn.runs.stopping import StopRequests
from tests.runs.numbers import numbers

SECONDS = 240
"""The most that any process here may take; the machine may be busy."""


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory):
    """A run of 28 steps that nothing happens to."""
    config = TrainConfig(
        dataset="fashion_mnist", data_dir=tiny, epochs=4, batch_size=8, optimizer="adam", lr=0.002,
        run_dir=tmp_path_factory.mktemp("whole") / "run", checkpoint_every=1, keep=3,
    )  # fmt: skip
    return config, run(config)


@pytest.fixture(scope="module")
def environment(whole, tmp_path_factory):
    """Processes that find compiled what `whole` has compiled, so that a kill damages no program."""
    return os.environ | {
        "JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir,
        "JAXCNN_CACHE_DIR": str(tmp_path_factory.mktemp("cache")),
        "COLUMNS": "100",
    }


@pytest.fixture
def start(environment):
    """Starts ``jaxcnn train`` for a config; what is left of it is killed in the end."""
    processes = []

    def begin(config, *before, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        command = [*before, sys.executable, "-m", "jaxcnn", "train", *words_of(config)]
        with heard():
            process = subprocess.Popen(command, env=environment, **options)
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@contextlib.contextmanager
def heard():
    """Signals that these tests were told to ignore (``nohup``, ``&``) are heard here as ever."""
    usual = {
        signal.SIGHUP: signal.SIG_DFL,
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
    }
    found = {number: signal.signal(number, handler) for number, handler in usual.items()}
    try:
        yield
    finally:
        for number, handler in found.items():
            signal.signal(number, handler)


def words_of(config):
    words = ["--resume"] if config.resume else []
    for field in ("dataset", "data_dir", "epochs", "batch_size", "optimizer", "lr", "run_dir", "checkpoint_every", "keep"):  # fmt: skip
        words += [f"--{field.replace('_', '-')}", str(getattr(config, field))]
    return words


def steps_in(folder):
    path = folder / "checkpoints"
    names = [p.name for p in path.iterdir()] if path.is_dir() else []
    return [int(name) for name in names if name.isdecimal()]


def wait_until(condition, process):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.002)


def wait_for_step(process, folder, step):
    wait_until(lambda: max(steps_in(folder), default=0) >= step, process)


def is_saving(folder):
    return any((folder / "checkpoints").glob("*.orbax-checkpoint-tmp"))


def same(again, whole):
    assert again.parameters_sha256 == whole.parameters_sha256
    assert numbers(again.folder) == numbers(whole.folder)
    one, other = (result.folder.evaluation.read_text() for result in (again, whole))
    assert one == other


def resumed(config):
    return run(dataclasses.replace(config, resume=True))


@pytest.mark.slow
@pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.deep)])
def test_killed_again_and_again(kills, whole, start, tmp_path):
    """SIGKILL at random steps, every other time while a checkpoint is being written."""
    config = dataclasses.replace(whole[0], run_dir=tmp_path / "run")
    dice = random.Random()
    in_saves = 0
    for kill in range(kills):
        behind = max(steps_in(config.run_dir), default=0)
        target = behind + dice.randint(1, max(1, (26 - behind) // (kills - kill)))
        process = start(dataclasses.replace(config, resume=kill > 0))
        wait_for_step(process, config.run_dir, min(target, 26))
        if kill % 2 == 0:
            wait_until(lambda: is_saving(config.run_dir), process)
        process.kill()
        process.wait(SECONDS)
        in_saves += is_saving(config.run_dir)
    print(f"{kills} kills, {in_saves} of them while saving; at {max(steps_in(config.run_dir))}")
    same(resumed(config), whole[1])


@pytest.mark.parametrize(
    ("name", "status"),
    [("SIGTERM", 143), ("SIGINT", 130), pytest.param("SIGHUP", 129, marks=pytest.mark.deep)],
)
@pytest.mark.slow
def test_asked_to_stop(name, status, whole, start, tmp_path):
    config = dataclasses.replace(whole[0], run_dir=tmp_path / "run", checkpoint_every=0)
    process = start(config)
    wait_for_step(process, config.run_dir, 7)
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == status, errors
    step = max(steps_in(config.run_dir))
    assert f"stopped by {name} and saved at step {step} " in errors
    assert f"go on with: jaxcnn train --run-dir {config.run_dir} --resume" in errors
    assert errors.count("\n") == 1
    last = (config.run_dir / "log.txt").read_text().splitlines()[-1]
    assert f"jaxcnn: {last.partition(' ')[2]}\n" == errors
    same(resumed(config), whole[1])


def test_a_second_ctrl_c_is_not_noted():
    with heard(), StopRequests() as stops:
        signal.raise_signal(signal.SIGINT)
        assert stops.number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_signal_that_was_ignored_stays_ignored():
    """As under ``nohup``."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequests() as stops:
            signal.raise_signal(signal.SIGHUP)
            assert stops.number is None
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
@pytest.mark.parametrize("last", [9, pytest.param(15, marks=pytest.mark.deep)])
def test_stopped_at_any_step_in_one_process(last, whole, tmp_path, monkeypatch):
    """A step at a time, saved and restored after each, past the first epoch or the second."""
    config = dataclasses.replace(whole[0], run_dir=tmp_path / "run", checkpoint_every=0)
    monkeypatch.setattr(StopRequests, "number", signal.SIGTERM, raising=False)
    monkeypatch.setattr(StopRequests, "__init__", lambda self: setattr(self, "_before", {}))
    with pytest.raises(Stopped, match="saved at step 1 ") as stop:
        run(config)
    assert stop.value.status == 143
    for step in range(2, last + 1):
        with pytest.raises(Stopped, match=f"saved at step {step} "):
            resumed(config)
    monkeypatch.undo()
    same(resumed(config), whole[1])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pipe", pytest.param("terminal", marks=pytest.mark.deep)])
def test_nobody_reads_any_more(kind, whole, start, tmp_path):
    """A pipe whose reader has gone, a terminal that is closed: the run goes on to its end."""
    config = dataclasses.replace(whole[0], run_dir=tmp_path / "run")
    reader, writer = os.pipe() if kind == "pipe" else os.openpty()
    process = start(config, stdout=writer, stderr=writer, start_new_session=True)
    os.close(writer)
    wait_for_step(process, config.run_dir, 2)
    os.close(reader)
    process.wait(SECONDS)
    assert (config.run_dir / "evaluation.json").exists()
    assert len(list(read_metrics(RunFolder(config.run_dir)))) == 4
    assert process.returncode == 0
    log = (config.run_dir / "log.txt").read_text()
    assert [f" epoch {number}/4 " in log for number in range(1, 5)] == [True] * 4
    assert " parameters sha256: " in log
    same(resumed(config), whole[1])


@pytest.mark.slow
def test_the_disk_is_full(whole, start, tmp_path):
    """No file may grow beyond 40 kB: config and metrics fit, a checkpoint does not."""
    config = dataclasses.replace(whole[0], run_dir=tmp_path / "run", checkpoint_every=0, epochs=1)
    run(config)
    config = dataclasses.replace(config, epochs=4)
    again = dataclasses.replace(config, resume=True)
    # Compiled programs are files, too, which JAX warns about.
    process = start(again, "prlimit", "--fsize=40000", "env", "JAXCNN_COMPILE_CACHE=0")
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 2, errors
    assert "cannot be written into" in errors
    assert errors.endswith(": File too large\n")
    assert "that of step 7 stays the last" in errors
    assert errors.count("\n") == 1
    assert steps_in(config.run_dir) == [7]
    same(resumed(config), whole[1])


@pytest.mark.slow
def test_a_run_folder_that_is_read_only(whole, environment):
    """Somebody else's run: reading works, going on does not, and nothing changes."""
    folder = Path(tempfile.mkdtemp())
    try:
        shutil.copytree(whole[0].run_dir, folder / "run")
        shutil.copytree(whole[0].data_dir, folder / "data")
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        # The superuser may write everywhere, unless that right is taken away.
        caps = "--bounding-set=-dac_override,-dac_read_search"
        before = ["setpriv", caps, "--inh-caps=-all"] if os.getuid() == 0 else []

        def jaxcnn(*words):
            return subprocess.run(
                [*before, sys.executable, "-m", "jaxcnn", *map(str, words), "--data-dir", folder / "data"],
                capture_output=True, text=True, timeout=SECONDS,
                env=environment | {"JAX_COMPILATION_CACHE_DIR": "", "JAXCNN_CACHE_DIR": "/nowhere"},
            )  # fmt: skip

        done = jaxcnn("train", "--run-dir", folder / "run", "--resume", "--epochs", 5)
        assert done.returncode == 2, done
        assert done.stderr == f"jaxcnn: {folder / 'run'} cannot be written: Permission denied\n"
        done = jaxcnn("eval", folder / "run")
        assert done.returncode == 0, done
        assert done.stderr == ""
        assert f"parameters sha256: {whole[1].parameters_sha256}" in done.stdout
    finally:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.slow
def test_two_processes_in_one_folder(whole, start, tmp_path):
    config = dataclasses.replace(whole[0], run_dir=tmp_path / "run")
    process = start(config)
    wait_for_step(process, config.run_dir, 1)
    message = rf"is in use by another jaxcnn \(process {process.pid}\)"
    with pytest.raises(UserError, match=message):
        resumed(config)
    with pytest.raises(UserError, match=message):
        run(dataclasses.replace(config, overwrite=True))
    process.kill()
    process.wait(SECONDS)
    with locked(RunFolder(config.run_dir)):
        pass
