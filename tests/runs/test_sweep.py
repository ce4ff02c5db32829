"""Sweeps: many runs in one program, each of them equal to the single run."""

import dataclasses
import json
import math
import signal
import types
from unittest import mock

import jax
import numpy as np
import optax
import pytest

from jaxcnn.cli import main
from jaxcnn.data import DataOptions, load_dataset
from jaxcnn.models import MODELS
from jaxcnn.runs import TrainConfig, UserError, load_trained, read_metrics, run
from jaxcnn.runs import log as journal
from jaxcnn.runs import sweep as sweep_module
from jaxcnn.runs.folder import RunFolder
from jaxcnn.runs.outcomes import Member, Swept, table
from jaxcnn.runs.plan import SweepPlan, check_plan, read_plan
from jaxcnn.runs.sweep import sweep
from jaxcnn.training import Task, members_of, program
from jaxcnn.training.augment_options import AugmentConfig
from tests.runs.test_interruptions import heard

HUGE = 1e38
"""A learning rate with which nothing stays finite."""


@pytest.fixture(scope="module")
def config(tiny):
    """53 images in batches of 16: the last batch has 5. Everything draws from the member's keys."""
    return TrainConfig(
        model="lenet", dataset="fashion_mnist", data_dir=tiny, epochs=2, batch_size=16,
        optimizer="adam", schedule="cosine", warmup_steps=2, seed=3,
        augmentation=AugmentConfig(("flip",)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def single(config, tmp_path_factory):
    """The run of seed 4 and rate 0.002 by itself: parameters and metrics."""
    folder = tmp_path_factory.mktemp("single") / "run"
    run(dataclasses.replace(config, seed=4, lr=0.002, run_dir=folder))
    return load_trained(RunFolder(folder)).params, list(read_metrics(RunFolder(folder)))


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [None, pytest.param(2, marks=pytest.mark.deep)])
def test_members_end_as_single_runs(at_once, config, single, tmp_path):
    """One after another and vectorized, beside members that diverge."""
    config = dataclasses.replace(config, run_dir=tmp_path / "run")
    plan = SweepPlan(config, 2, (0.002, HUGE), at_once)
    swept = sweep(plan)
    assert [(m.seed, m.rate) for m in swept.members] == [(s, r) for r in (0.002, HUGE) for s in (3, 4)]  # fmt: skip
    member = swept.members[1]
    params, rows = single
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-4, 1e-6), member.params, params)
    assert len(member.rows) == len(rows) == 2
    for mine, its in zip(member.rows, rows, strict=True):
        assert mine == pytest.approx({name: its[name] for name in mine}, rel=1e-4)
    assert [m.diverged for m in swept.members] == [None, None, 1, 1]
    assert not np.allclose(*(m.params["conv1"]["kernel"] for m in swept.members[:2]))
    saved = json.loads(swept.folder.sweep.read_text(), parse_constant=pytest.fail)
    assert [m["diverged"] for m in saved["members"]] == [None, None, 1, 1]
    assert saved["members"][1]["final"] == member.rows[-1]
    assert saved["members"][2]["final"]["train_loss"] is None
    assert read_plan(swept.folder).plan.settings == plan.settings
    lines = (tmp_path / "run" / "sweep.csv").read_text().splitlines()
    assert [line.split(",")[:3] for line in lines[:3]] == [["seed", "lr", "epoch"], ["3", "0.002", "1"], ["3", "0.002", "2"]]  # fmt: skip
    assert len(lines) == 9
    with pytest.raises(UserError, match=r"already holds a run: give --resume"):
        sweep(SweepPlan(config))


@pytest.mark.slow
def test_stopped_by_a_signal(config, tmp_path, monkeypatch, capsys):
    """Finished epochs are written, drawn and told; with no more than --resume it goes on."""

    def say(line):
        journal.say(line)
        if line.startswith("epoch 1/2"):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(sweep_module, "say", say)
    # The program of the test above, so that it need not be compiled again.
    flags = "--model lenet --dataset fashion_mnist --epochs 2 --batch-size 16 --optimizer adam"
    flags += " --schedule cosine --warmup-steps 2 --augment flip --seeds 2 --lr 0.002 1e38"
    with heard(), pytest.raises(SystemExit) as stop:
        main(["sweep", *flags.split(), "--data-dir", str(config.data_dir),
              "--run-dir", str(tmp_path / "run")])  # fmt: skip
    assert stop.value.code == 130
    said = capsys.readouterr()
    assert said.err == (
        "jaxcnn: stopped by SIGINT and saved at step 4 (epoch 2, batch 0 of 4); go on with: "
        f"jaxcnn sweep --run-dir {tmp_path}/run --resume\n"
    )
    assert "| 0.002 | 0." in said.out
    assert "| 1e+38 | – | – | – | – | 0 | 2 |" in said.out
    saved = json.loads((tmp_path / "run" / "sweep.json").read_text())
    assert [len(member["rows"]) for member in saved["members"]] == [1, 1, 1, 1]
    log = (tmp_path / "run" / "log.txt").read_text()
    assert " sweep: lenet, adam, " in log
    assert " epoch 1/2  test accuracy  " in log
    assert " | 0.002 | 0." in log
    assert " stopped by SIGINT and saved at step 4 " in log.splitlines()[-1]
    plot = (tmp_path / "run" / "sweep.svg").read_text()
    assert plot.count('<path class="line') == 12  # loss, accuracy; train, test; 2 seeds, mean
    main(["sweep", "--run-dir", str(tmp_path / "run"), "--resume"])
    assert "resume: going on after epoch 1 (step 4)\n" in capsys.readouterr().out
    saved = json.loads((tmp_path / "run" / "sweep.json").read_text())
    assert [len(member["rows"]) for member in saved["members"]] == [2, 2, 2, 2]
    assert (tmp_path / "run" / "log.txt").read_text().startswith(log)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 0}, "--seeds must be at least 1, got 0"),
        ({"at_once": 0}, "--at-once must be at least 1, got 0"),
        ({"rates": (0.1, -1.0)}, "--lr must be a positive number, got -1.0"),
        ({"rates": (0.1, math.nan)}, "--lr must be a positive number, got nan"),
        ({"rates": (0.1, 0.2, 0.1)}, "--lr names one twice: 0.1 0.2 0.1"),
        ({"seed": 2**32 - 2}, "the last seed must be below"),
        ({"resume": True}, "--resume needs --run-dir"),
        ({"best_by": "validation_loss"}, "--best-by is for a single run: a sweep has many runs"),
        ({"streaming": True}, "--streaming is for a single run"),
        ({"tensorboard": True}, "--tensorboard is for a single run"),
        ({"profile": True}, "--profile is for a single run"),
        ({"epochs": 0}, "--epochs must be at least 1, got 0"),
    ],
)
def test_bad_plans_are_refused_before_any_work(changes, message):
    mine = {name: changes.pop(name) for name in ("seeds", "rates", "at_once") if name in changes}
    with pytest.raises(UserError, match=message):
        check_plan(SweepPlan(TrainConfig(**changes), **mine))


def test_no_learning_rate_is_a_mistake(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["sweep", "--lr"])
    assert (
        capsys.readouterr().err == "jaxcnn: --lr: a value is missing (None stands for no value)\n"
    )


def test_a_warm_up_longer_than_the_run(config, tmp_path):
    config = dataclasses.replace(config, warmup_steps=8, run_dir=tmp_path / "run")
    with pytest.raises(
        UserError, match="--warmup-steps must be below the 8 steps of the run, got 8"
    ):
        sweep(SweepPlan(config))
    assert not (tmp_path / "run").exists()


def test_images_that_the_model_cannot_take(tmp_path):
    config = TrainConfig(data=DataOptions(image_size=4), run_dir=tmp_path / "run")
    with pytest.raises(UserError, match="lenet cannot take images of 4×4×1"):
        sweep(SweepPlan(config, 1))
    assert not (tmp_path / "run").exists()


def test_as_many_members_at_once_as_the_memory_holds(tiny, monkeypatch):
    def compiled(task, members, at_once, mesh):
        analysis = types.SimpleNamespace(temp_size_in_bytes=100 * at_once)
        program = types.SimpleNamespace(memory_analysis=lambda: analysis)
        return mock.Mock(compiled=(program,), at_once=at_once)

    def at_once(wanted=None):
        return program.compile_programs(task, members, at_once=wanted).at_once

    monkeypatch.setattr(program, "_compiled", compiled)
    monkeypatch.setattr(program, "free_memory", lambda: 600)
    members = members_of([(seed, 0.1) for seed in range(15)])
    data = load_dataset("fashion_mnist", data_dir=tiny)
    task = Task(MODELS["lenet"](10), optax.sgd, data.train, data.scored, 16)
    assert at_once() == 1  # here: a CPU
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert at_once() == 4
    assert at_once(9) == 9
    assert at_once(99) == 15
    monkeypatch.setattr(program, "free_memory", lambda: 50)
    assert at_once() == 1


def test_the_table_marks_the_best_and_counts_the_diverged(tmp_path):
    names = ("validation_accuracy", "validation_loss", "test_accuracy", "test_loss", "train_accuracy", "train_loss")  # fmt: skip

    def swept(names):
        def member(seed, rate, value, diverged=None):
            return Member(seed, rate, [dict.fromkeys(names, value)], diverged, None)

        members = [
            member(0, 0.1, 0.5), member(1, 0.1, 0.7), member(0, 0.3, 0.9), member(1, 0.3, 0.0, 1),
            member(0, 9.0, math.nan, 1), member(1, 9.0, math.nan, 2),
        ]  # fmt: skip
        return table(Swept(members, RunFolder(tmp_path), 1, None, 0.0, 0.0)).splitlines()

    assert swept(names)[2:] == [
        "| 0.1" + " | 0.6000 ± 0.1414" * 6 + " | 2 | 0 |",
        "| 0.3 (best)" + " | 0.9000" * 6 + " | 1 | 1 |",
        "| 9" + " | –" * 6 + " | 0 | 2 |",
    ]
    without = swept(names[2:])
    assert without[3] == "| 0.3" + " | 0.9000" * 4 + " | 1 | 1 |"
    assert without[-1].startswith(
        "no learning rate is marked as the best: test images choose nothing"
    )
