"""Metrics beside ``metrics.jsonl``: what is written is what the rows say."""

import dataclasses
import importlib.util
import math

import pytest

from jaxcnn.runs import RunFolder, TrainConfig, UserError, run
from jaxcnn.runs.folder import begin, make_folder
from jaxcnn.runs.writers import open_writers

ROWS = [{"epoch": n, "step": 7 * n, "train_loss": 1 / n, "test_accuracy": n / 10} for n in (1, 2, 3)]  # fmt: skip


@pytest.fixture
def run(tmp_path):
    config = TrainConfig(run_dir=tmp_path / "run", tensorboard=True)
    folder = RunFolder(config.run_dir)
    make_folder(folder, config)
    begin(folder, config, {})
    return config, folder


def write(config, folder, rows, step):
    for writer in open_writers(config, folder, step):
        for row in rows:
            writer.write(row)
        writer.close()


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
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: None if n == module else find(n))
    with pytest.raises(UserError, match=rf"--{flag} needs {module}, .* 'jaxcnn\[{flag}\]'"):
        run(TrainConfig(run_dir=tmp_path / "run", **{flag: True}))
    assert not (tmp_path / "run").exists()
