"""Metrics beside ``metrics.jsonl``: what is written is what the rows say."""

import dataclasses
import math
import re
import sys

import pytest

from jaxcnn import runs
from jaxcnn.runs import TrainConfig, UserError
from jaxcnn.runs.writers import open_writers
from tests.runs.begun import begin

ROWS = [{"epoch": n, "step": 7 * n, "train_loss": 1 / n, "test_accuracy": n / 10} for n in (1, 2, 3)]  # fmt: skip


@pytest.fixture
def run(tmp_path):
    config = TrainConfig(run_dir=tmp_path / "run", tensorboard=True)
    return config, begin(config)


def write(config, folder, rows, step):
    for writer in open_writers(config, folder, step):
        with writer:
            for row in rows:
                writer.epoch(None, [row])


def events(folder):
    """``{(step, name): value}`` of the files, in the order of their writing; purged ones go."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for path in sorted(folder.tensorboard.iterdir()):
        content = path.read_bytes()
        while content:
            length = int.from_bytes(content[:8], "little")
            event = Event.FromString(content[12 : 12 + length])
            content = content[16 + length :]
            if event.HasField("session_log") and event.session_log.status == 1:
                found = {key: value for key, value in found.items() if key[0] < event.step}
            for value in event.summary.value:
                found[event.step, value.tag] = value.simple_value
    return found


def test_tensorboard_events_are_the_rows(run):
    config, folder = run
    write(config, folder, ROWS, 0)
    write(config, folder, ROWS[2:], 14)
    expected = {(row["step"], k): v for row in ROWS for k, v in row.items() if k != "step"}
    found = events(folder)
    assert found.keys() == expected.keys()
    assert all(math.isclose(found[key], expected[key], rel_tol=1e-6) for key in found)


def test_wandb_offline(run, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    config, folder = run
    write(dataclasses.replace(config, tensorboard=False, wandb=True), folder, ROWS, 0)
    (log,) = (folder.path / "wandb").glob("offline-run-*/run-*.wandb")
    content = log.read_bytes()
    assert b"test_accuracy" in content
    assert b"train_loss" in content


@pytest.mark.parametrize(("flag", "module"), [("tensorboard", "tensorboardX"), ("wandb", "wandb")])
def test_a_missing_extra_is_named(flag, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    sentence = f'--{flag} needs the package {module}: pip install "jaxcnn[{flag}]"'
    with pytest.raises(UserError, match=re.escape(sentence)):
        runs.run(TrainConfig(run_dir=tmp_path / "run", **{flag: True}))
    assert not (tmp_path / "run").exists()
