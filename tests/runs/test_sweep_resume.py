"""Sweeps that are stopped, killed, starved: each goes on and ends as if nothing had happened."""

import dataclasses
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxcnn.runs import RunFolder, TrainConfig, UserError
from jaxcnn.runs import sweep as module
from jaxcnn.runs.pace import Pace
from jaxcnn.runs.plan import SweepPlan
from jaxcnn.runs.saving import Saving
from jaxcnn.runs.sweep import sweep
from jaxcnn.training.augment_options import AugmentConfig
from tests.runs.test_interruptions import SECONDS, heard, is_saving, steps_in, wait_until
from tests.runs.test_sweep import HUGE


@pytest.fixture(scope="module")
def plan(tiny):
    """Two epochs of three full batches and a smaller one; half of the members diverge."""
    config = TrainConfig(
        model="lenet", dataset="fashion_mnist", data_dir=tiny, epochs=2, batch_size=16,
        optimizer="adam", schedule="cosine", warmup_steps=2, seed=3,
        augmentation=AugmentConfig(("flip",)),
    )  # fmt: skip
    return SweepPlan(config, 2, (0.002, HUGE))


@pytest.fixture(scope="module")
def whole(plan, tmp_path_factory):
    """A sweep that nothing happens to."""
    return sweep(changed(plan, run_dir=tmp_path_factory.mktemp("whole") / "run"))


def changed(plan, **changes):
    return dataclasses.replace(plan, config=dataclasses.replace(plan.config, **changes))


def same(again, whole):
    """To the bit: parameters and rows."""
    assert again.stopped is None
    pairs = zip(again.members, whole.members, strict=True)
    jax.tree.map(np.testing.assert_array_equal, *zip(*((a.params, b.params) for a, b in pairs), strict=True))  # fmt: skip
    one, other = ((it.folder.path / "sweep.csv").read_bytes() for it in (again, whole))
    assert one == other
    assert [m.diverged for m in again.members] == [m.diverged for m in whole.members]


@pytest.mark.slow
def test_stopped_again_and_again(plan, whole, tmp_path, monkeypatch):
    """Within an epoch, at its end and within the next."""
    spans = []

    def span(self, done):
        """The spans stay as short as the first; a signal comes in the middle of some of them."""
        spans.append(done.batches)
        if len(spans) in (2, 4, 6):
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Pace, "span", span)
    plan = changed(plan, run_dir=tmp_path / "run")
    for place in ("step 2 (epoch 1, batch 2 of 4)", "step 4 (epoch 2, batch 0 of 4)", "step 6 (epoch 2, batch 2 of 4)"):  # fmt: skip
        with heard():
            stop = sweep(plan).stopped
        assert stop.status == 143
        assert str(stop) == (
            f"stopped by SIGTERM and saved at {place}; go on with: "
            f"jaxcnn sweep --run-dir {tmp_path}/run --resume"
        )
        plan = changed(plan, resume=True)
    same(sweep(plan), whole)
    assert spans == [1] * 8
    assert sweep(plan).epochs == 2  # at its end already; nothing is computed
    assert spans == [1] * 8


def crash(*_):
    raise KeyboardInterrupt


def full(_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "fault", "error"),
    [(Saving, "save", KeyboardInterrupt), (os, "fsync", UserError)],
    ids=["between the rows and the checkpoint", "disk full"],
)
def test_nothing_is_lost(place, fault, error, plan, whole, tmp_path, monkeypatch):
    def say(line):
        if line.startswith("epoch 1/2" if fault == "fsync" else "epoch 2/2"):
            monkeypatch.setattr(place, fault, full if fault == "fsync" else crash)

    monkeypatch.setattr(module, "say", say)
    plan = changed(plan, run_dir=tmp_path / "run")
    with pytest.raises(error, match="sweep.json cannot be written: No space" if error is UserError else None):  # fmt: skip
        sweep(plan)
    monkeypatch.undo()
    saved = json.loads((tmp_path / "run" / "sweep.json").read_text())
    assert saved["epochs"] == (2 if error is KeyboardInterrupt else 1)
    same(sweep(changed(plan, resume=True)), whole)


@pytest.mark.slow
def test_killed(plan, whole, tmp_path):
    """SIGKILL while a checkpoint is being written, any of the first few."""
    run, config = tmp_path / "run", plan.config
    words = f"--model lenet --dataset fashion_mnist --data-dir {config.data_dir} --run-dir {run}"
    words += " --epochs 2 --batch-size 16 --optimizer adam --schedule cosine --warmup-steps 2"
    words += " --augment flip --seed 3 --seeds 2 --lr 0.002 1e38 --checkpoint-every 1"
    cache = {"JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir}
    process = subprocess.Popen(
        [sys.executable, "-m", "jaxcnn", "sweep", *words.split()],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | cache,
    )  # fmt: skip
    behind = random.randint(0, 3)
    wait_until(lambda: max(steps_in(run), default=0) >= behind and is_saving(run), process)
    process.kill()
    process.communicate(timeout=SECONDS)
    print(f"killed with the checkpoints {sorted(steps_in(run))}, saving: {is_saving(run)}")
    same(sweep(changed(plan, run_dir=run, resume=True)), whole)


@pytest.fixture
def folder(whole, tmp_path):
    """A copy of the sweep, to be damaged."""
    return RunFolder(shutil.copytree(whole.folder.path, tmp_path / "run"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rates": (0.002,)}, r"was begun with --lr 0\.002 1e\+38, and cannot go on with 0\.002$"),
        ({"seeds": 3}, "was begun with --seeds 2, and cannot go on with 3$"),
        ({"batch_size": 8}, "was begun with --batch-size 16, and cannot go on with 8$"),
        ({"run_dir": Path("nowhere")}, "^--resume: nowhere holds no sweep "),
    ],
    ids=str,
)
def test_another_plan_is_refused(changes, message, plan, folder):
    plan = changed(plan, run_dir=folder.path, resume=True)
    own = changes.keys() & {"rates", "seeds"}
    plan = dataclasses.replace(plan, **changes) if own else changed(plan, **changes)
    before = folder.sweep.read_bytes()
    with pytest.raises(UserError, match=message):
        sweep(plan)
    assert folder.sweep.read_bytes() == before


def edit(folder, change):
    content = json.loads(folder.sweep.read_text())
    change(content)
    folder.sweep.write_text(json.dumps(content))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: shutil.rmtree(f.checkpoints), r"has 2 epochs in sweep\.json but no checkpoint: --overwrite"),
        (lambda f: edit(f, lambda c: c["members"][1]["rows"].pop()), r"sweep\.json is damaged: the member of seed 4 and lr 0\.002 lacks epochs"),
        (lambda f: edit(f, lambda c: c["data"].update(train_images=54)), "was begun with train_images 54, but the data have 53"),
        (lambda f: f.sweep.write_text("{"), r"sweep\.json is damaged: "),
    ],
    ids=["lost checkpoints", "lost rows", "other data", "no JSON"],
)  # fmt: skip
def test_what_is_lost_is_said(damage, message, plan, folder):
    damage(folder)
    before = folder.sweep.read_bytes()
    with pytest.raises(UserError, match=message):
        sweep(changed(plan, run_dir=folder.path, resume=True))
    assert folder.sweep.read_bytes() == before


@pytest.mark.slow
def test_a_sweep_without_a_member_left_ends(plan, tmp_path, capsys):
    plan = dataclasses.replace(changed(plan, run_dir=tmp_path / "run"), rates=(HUGE, 2 * HUGE))
    swept = sweep(plan)
    assert (swept.epochs, swept.stopped) == (1, None)
    assert capsys.readouterr().err == (
        "jaxcnn: warning: every member has diverged, so the sweep ends after epoch 1 of 2\n"
    )
