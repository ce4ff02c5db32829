"""A run, or a sweep, that goes on under another engine: refused, or accepted and written down."""

import dataclasses
import json
import os
import subprocess
import sys

import pytest

from jaxcnn import engine
from jaxcnn.engine import caches
from jaxcnn.runs import RunFolder, TrainConfig, UserError, run, session
from jaxcnn.runs.plan import SweepPlan
from jaxcnn.runs.seeds import Plan, train_seeds
from jaxcnn.runs.sweep import sweep

OLDER = "x86_64 mmx"
"""The instructions of a machine that is not this one."""


@pytest.fixture
def config(tiny, tmp_path):
    return TrainConfig(
        model="lenet_modern", dataset="fashion_mnist", data_dir=tiny, epochs=1, batch_size=8,
        optimizer="adam", lr=0.002, run_dir=tmp_path / "run", platform="cpu",
    )  # fmt: skip


@pytest.fixture
def moved(monkeypatch):
    """Moves this process to another machine."""
    return lambda: monkeypatch.setattr(caches, "instructions", lambda: OLDER)


def further(config, **changes):
    return dataclasses.replace(config, resume=True, **changes)


def content(path):
    return json.loads(path.read_text())


def files(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


def no_work(*_):
    raise AssertionError("work was done")


@pytest.mark.slow
def test_a_run_says_which_engine_it_has(config):
    folder = run(config).folder
    here = engine.identity("cpu")
    assert content(folder.config)["engine"] == here._asdict()
    assert f" engine: {here}\n" in folder.log.read_text()


@pytest.mark.slow
def test_another_engine_is_refused_before_any_work(config, moved, monkeypatch):
    begun = engine.identity()
    folder = run(config).folder
    before = files(folder.path)
    moved()
    monkeypatch.setattr(session, "load_data", no_work)
    with pytest.raises(UserError) as error:
        run(further(config, epochs=2))
    assert str(error.value) == (
        f"--resume: {folder.path} has run by {begun}, but this process computes by "
        f"{engine.identity()}, so it would end with other parameters: --accept-engine goes on "
        f"nevertheless"
    )
    assert files(folder.path) == before


@pytest.mark.slow
def test_an_accepted_engine_is_written_down(config, moved, capsys):
    begun = engine.identity()
    folder = run(config).folder
    moved()
    run(further(config, epochs=2, accept_engine=True))
    now = engine.identity()
    saved = content(folder.config)
    assert saved["engine"] == now._asdict()
    change = {"step": 7, "epoch": 2, "batch": 0, "from": begun._asdict(), "to": now._asdict()}
    assert saved["engine_changes"] == [change]
    assert "accept_engine" not in saved["config"]
    sentence = (
        f"warning: the engine changes at step 7 (epoch 2, batch 0 of 7), from {begun} to {now}: "
        f"what follows is not equal to the bit\n"
    )
    assert capsys.readouterr().err == f"jaxcnn: {sentence}"
    assert folder.log.read_text().count(sentence) == 1
    # From here on it is the run's own engine.
    run(further(config, epochs=3))
    assert content(folder.config)["engine_changes"] == [change]
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_the_same_engine_needs_no_acceptance(config, capsys):
    folder = run(config).folder
    run(further(config, epochs=2, accept_engine=True))
    assert "engine_changes" not in content(folder.config)
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_a_run_of_before_goes_on_with_a_warning(config, capsys):
    folder = run(config).folder
    saved = content(folder.config)
    del saved["engine"]
    folder.config.write_text(json.dumps(saved))
    run(further(config, epochs=2))
    assert capsys.readouterr().err == (
        f"jaxcnn: warning: {folder.path} does not say by which engine it has run: if it was "
        f"another one than now ({engine.identity()}), what follows is not equal to the bit\n"
    )
    saved = content(folder.config)
    assert saved["engine"] == engine.identity()._asdict()
    assert "engine_changes" not in saved


@pytest.mark.parametrize("entry", ["native", [], {"kind": 3}, {}, {"kind": "native", "x": "y"}])
@pytest.mark.slow
def test_an_entry_that_no_run_has_written(entry, config):
    folder = run(config).folder
    folder.config.write_text(json.dumps(content(folder.config) | {"engine": entry}))
    with pytest.raises(UserError, match=r"config\.json is damaged: "):
        run(further(config))


def test_acceptance_is_of_a_run_that_goes_on(config):
    with pytest.raises(UserError, match=r"^--accept-engine needs --resume: "):
        run(dataclasses.replace(config, accept_engine=True))
    assert not config.run_dir.exists()


@pytest.mark.slow
def test_seeds_go_on_under_an_accepted_engine(config, moved):
    """One seed is begun, the other is not."""
    run(dataclasses.replace(config, run_dir=config.run_dir / "seed-0"))
    moved()
    with pytest.raises(UserError, match="--accept-engine goes on nevertheless"):
        train_seeds(Plan(further(config), seeds=2))
    train_seeds(Plan(further(config, accept_engine=True), seeds=2))
    changed = ["engine_changes" in content(config.run_dir / f"seed-{n}" / "config.json") for n in (0, 1)]  # fmt: skip
    assert changed == [True, False]


@pytest.mark.deep
def test_sweeps_too(config, moved, monkeypatch, capsys):
    begun = engine.identity()
    plan = SweepPlan(config, 1, (0.001, 0.002))
    saved = RunFolder(config.run_dir).sweep
    sweep(plan)
    assert content(saved)["engine"] == begun._asdict()
    before = files(config.run_dir)
    moved()

    def again(**changes):
        return sweep(dataclasses.replace(plan, config=further(config, epochs=2, **changes)))

    with monkeypatch.context() as patch:
        patch.setattr(session, "load_data", no_work)
        with pytest.raises(UserError) as error:
            again()
    assert str(error.value).startswith(f"--resume: {config.run_dir} has run by {begun}, but ")
    assert files(config.run_dir) == before
    again(accept_engine=True)
    now = engine.identity()
    change = {"step": 7, "epoch": 2, "batch": 0, "from": begun._asdict(), "to": now._asdict()}
    assert (content(saved)["engine"], content(saved)["engine_changes"]) == (now._asdict(), [change])
    sentence = "the engine changes at step 7 (epoch 2, batch 0 of 7), from "
    assert sentence in capsys.readouterr().err
    assert sentence in (config.run_dir / "log.txt").read_text()
    saved.write_text(json.dumps({k: v for k, v in content(saved).items() if k != "engine"}))
    again()
    assert "does not say by which engine it has run" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command(config):
    """Status 2 and one sentence; and what a machine without a compiler is told."""

    def jaxcnn(*words, **environment):
        return subprocess.run(
            [sys.executable, "-m", "jaxcnn", *map(str, words)], capture_output=True, text=True,
            timeout=240, env={**os.environ, "JAXCNN_NATIVE": "1", **environment},
        )  # fmt: skip

    words = [
        "--model",
        "lenet",
        "--dataset",
        "fashion_mnist",
        "--epochs",
        "1",
        "--batch-size",
        "53",
        "--lr",
        "0.1",
    ]
    words += ["--data-dir", config.data_dir, "--run-dir", config.run_dir]
    done = jaxcnn("train", *words, CXX="no-such-compiler")
    assert done.returncode == 0, done.stderr
    sentence = (
        "warning: no C++ compiler was found: convolutions on this CPU run by JAX's own operations "
        "(ResNet-18 takes about a third longer); install g++ or clang++\n"
    )
    assert done.stderr == f"jaxcnn: {sentence}"
    log = (config.run_dir / "log.txt").read_text()
    assert log.count(sentence) == 1
    saved = content(config.run_dir / "config.json")
    assert (saved["engine"]["kind"], saved["engine"]["reason"]) == (
        "portable",
        "no C++ compiler was found",
    )
    # For want of a compiler or by choice: it is the same engine, and a choice needs no words.
    same = jaxcnn("train", "--run-dir", config.run_dir, "--resume", JAXCNN_NATIVE="0")
    assert (same.returncode, same.stderr) == (0, "")
    saved["engine"]["instructions"] = OLDER
    (config.run_dir / "config.json").write_text(json.dumps(saved))
    resume = ("train", "--run-dir", config.run_dir, "--resume", "--epochs", 2)
    done = jaxcnn(*resume, JAXCNN_NATIVE="0")
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.startswith(f"jaxcnn: --resume: {config.run_dir} has run by JAX's own ")
    assert done.stderr.count("\n") == 1
    done = jaxcnn(*resume, "--accept-engine", JAXCNN_NATIVE="0")
    assert done.returncode == 0, done.stderr
    assert "the engine changes at step 1 (epoch 2, batch 0 of 1), from " in done.stderr
