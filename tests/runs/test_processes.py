"""Several processes train one run: the numbers of one process, and what ends them.

Each is a process of its own on the loopback address, with its own JAX.
"""

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jaxcnn.cli.train import read_train
from jaxcnn.runs import RunFolder, Together, UserError, join, processes, read_metrics
from jaxcnn.runs.config import check_config
from tests.runs.together import ended, free_port, started, trained, wait_for

WORDS = (
    "--model", "lenet_bn", "--dataset", "digits", "--split", "train[:252]",
    "--test-split", "test[:101]", "--batch-size", "32", "--validation", "0.1",
)  # fmt: skip
"""227 images: the last batch has three, which no two processes can share."""


EPOCHS = ("--epochs", "3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("together")


def finished(folder, count, name, *words):
    trained(folder, count, *WORDS, "--run-dir", str(folder / name), *words)
    return folder / name


def rows(run):
    return list(read_metrics(RunFolder(run)))


def digest(folder):
    """Of the parameters, as the first process prints it."""
    (found,) = re.findall(r"parameters sha256: (\w+)", (folder / "out.0").read_text())
    return found


@pytest.fixture(scope="module", params=[(), ("--fsdp",)], ids=["copied", "fsdp"])
def alone(folder, request):
    """The run, its options and its digest in one process that has two devices."""
    run = finished(
        folder, 1, f"alone{len(request.param)}", "--devices", "2", *EPOCHS, *request.param
    )
    return run, request.param, digest(folder)


@pytest.mark.slow
def test_two_processes_are_two_devices_to_the_bit(folder, alone):
    """Each reads its part of every batch; streamed or in memory, scores count every image."""
    run, way, expected = alone
    two = finished(folder, 2, f"two{len(way)}", *EPOCHS, *way)
    assert digest(folder) == expected
    assert "epoch" not in (folder / "out.1").read_text()  # the first one shows the run
    its, others = (json.loads((each / "evaluation.json").read_text()) for each in (two, run))
    for name in ("validation_loss", "test_loss"):  # sums of other batches
        assert its.pop(name) == pytest.approx(others.pop(name), rel=1e-6)
    assert its == others


@pytest.mark.slow
def test_four_are_killed_and_two_go_on(folder):
    """The same images in the same order: the curves are those of one process."""
    run = folder / "four"
    words = (*WORDS, "--run-dir", str(run))
    with started(folder, 4, *words, "--epochs", "400") as four:
        wait_for(run / "metrics.jsonl", 1, four)
        four[2].kill()
        statuses, said = ended(folder, four, 60)
    assert statuses[2] == -signal.SIGKILL
    others = [statuses[process] for process in (0, 1, 3)]
    assert set(others) <= {processes.LOST, -signal.SIGABRT}, said
    for process in (0, 1, 3):
        assert re.search(
            r"another process was lost|JAX distributed service detected", said[process]
        )
        assert "Traceback" not in said[process]
    done = len(rows(run))
    trained(folder, 2, *words, "--epochs", str(done + 2), "--resume")
    assert len(rows(run)) == done + 2
    whole = finished(folder, 1, "whole", "--epochs", str(done + 2))
    for its, others in zip(rows(run), rows(whole), strict=True):
        assert its["train_loss"] == pytest.approx(others["train_loss"], rel=1e-4)


@pytest.mark.slow
def test_a_signal_to_one_stops_all_after_the_same_step(folder):
    run, words = folder / "stopped", (*WORDS, "--run-dir", str(folder / "stopped"))
    with started(folder, 2, *words, "--epochs", "400") as two:
        wait_for(run / "metrics.jsonl", 1, two)
        two[1].send_signal(signal.SIGTERM)
        statuses, said = ended(folder, two, 60)
    assert statuses == [143, 143], said
    steps = [re.findall(r"saved at step ([\d,]+)", each) for each in said]
    assert steps[0] == steps[1] != []
    done = len(rows(run))
    trained(folder, 2, *words, "--epochs", str(done + 1), "--resume")
    in_parts = digest(folder)
    finished(folder, 2, "unstopped", "--epochs", str(done + 1))
    assert digest(folder) == in_parts


@pytest.mark.slow
def test_an_error_of_the_first_ends_all_with_its_sentence(folder):
    """Its disk is full, or the folder has gone."""
    run, words = folder / "broken", (*WORDS, "--run-dir", str(folder / "broken"))
    with started(folder, 2, *words, "--epochs", "400") as two:
        wait_for(run / "metrics.jsonl", 1, two)
        (run / "metrics.jsonl").rename(run / "old")
        (run / "metrics.jsonl").mkdir()
        statuses, said = ended(folder, two, 60)
    assert statuses == [2, 2], said
    assert "metrics.jsonl" in said[0]
    assert "process 0 of 2 has stopped: " in said[1]


@pytest.mark.slow
def test_processes_find_each_other_as_slurm_starts_them(folder):
    """Two tasks on this machine; a job's number is what JAX chooses the port by."""
    environ = {
        "SLURM_JOB_ID": str(free_port()),
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": "2",
        "SLURM_STEP_NUM_NODES": "1",
    }
    own = [{"SLURM_PROCID": str(i), "SLURM_LOCALID": str(i)} for i in range(2)]
    words = (*WORDS, "--epochs", "1", "--run-dir", str(folder / "slurm"))
    with started(folder, 2, *words, environ=[environ | each for each in own]) as two:
        statuses, said = ended(folder, two, 240)
    assert statuses == [0, 0], said
    assert "devices: 2 × cpu in 2 processes" in said[0]


@pytest.mark.parametrize("recipe", ["slurm.sh", "kubernetes.yaml"])
def test_the_recipes(recipe):
    """Their commands are ones; `make lint` compares the Kubernetes job with its schema."""
    text = (Path(__file__).parents[2] / "docs" / "recipes" / recipe).read_text()
    if recipe.endswith(".sh"):
        subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    (command,) = re.findall(r"jaxcnn train (.*?) \$resume", text.replace("\\\n", " "), re.DOTALL)
    command = command.replace("$JOB_COMPLETION_INDEX", "0")
    told = read_train(shlex.split(command))
    check_config(told.config)
    assert told.together.distributed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("own", "what"),
    [
        (((), ("--lr", "0.5")), "--lr"),
        ((("--split", "train[1:253]"), ()), "--data"),
    ],
)
def test_processes_that_differ_are_refused(folder, own, what):
    words = [word for word in WORDS if word not in ("--split", "train[:252]")]
    run = folder / f"differ{what}"
    with started(folder, 2, *words, "--run-dir", str(run), own=own) as two:
        statuses, said = ended(folder, two, 120)
    assert statuses == [2, 2], said
    named = what if what == "--lr" else "data set"
    assert f"process 1 of 2 has another {named} than process 0" in said[0]
    assert not run.exists()


def test_a_coordinator_that_is_not_there(monkeypatch):
    monkeypatch.setattr(processes, "_REACHED", 0.2)
    port = free_port()
    with pytest.raises(UserError, match=f"no process answers on 127.0.0.1:{port} after"):
        join(Together(True, f"127.0.0.1:{port}", 2, 1))


def test_a_port_in_use():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} cannot be used: Address already in use"):
            join(Together(True, f"127.0.0.1:{port}", 2, 0))


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (Together(coordinator="a:1"), "--coordinator needs --distributed"),
        (Together(num_processes=2), "--num-processes needs --distributed"),
        (Together(True, "a:1", 0, 0), "--num-processes must be at least 1, got 0"),
        (Together(True, "a:1", 2, 2), "--process-id must be at least 0 and below --num-processes 2"),
        (Together(True, "a:1", None, -1), "--process-id must be at least 0, got -1"),
        (Together(True, "a", 2, 1), "--coordinator must be HOST:PORT, got 'a'"),
        (Together(True, "a:0", 2, 1), "--coordinator must be HOST:PORT, got 'a:0'"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant(wanted, sentence):
    with pytest.raises(UserError, match=re.escape(sentence)):
        join(wanted)


def test_nothing_says_where_the_processes_are():
    """In a process of its own: JAX joins others before it does any work."""
    done = subprocess.run(
        [sys.executable, "-m", "jaxcnn", "train", "--distributed", "--run-dir", "nowhere"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("jaxcnn: --distributed: neither Slurm nor Open MPI")
    assert done.stderr.count("\n") == 1


def test_bits_are_handed_out_as_they_are():
    """Of one process; of several the sum is one of integers, so that minus zero stays one."""
    array = np.array([-0.0, np.nan, 1e-45], np.float32)
    assert processes.handed_out(array).tobytes() == array.tobytes()
