"""Checkpoints: what is damaged is noticed, named and never used."""

import dataclasses
import json
import pickle
import shutil
import zipfile

import jax.numpy as jnp
import pytest

from jaxcnn.data import DataOptions
from jaxcnn.models import MODELS
from jaxcnn.runs import RunFolder, TrainConfig, UserError, evaluate, read_config, run
from jaxcnn.runs.checkpoints import Checkpoints
from jaxcnn.runs.digests import tree_sha256
from jaxcnn.runs.job import optimizer_of
from jaxcnn.runs.metrics_file import read_metrics
from jaxcnn.runs.saved_state import keys_data
from jaxcnn.training import Moment, Totals
from jaxcnn.training.state import init_state, keys_of


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory):
    """A run of 14 steps, 48 images in batches of 7, whose last checkpoints are those of the steps 10, 12 and 14."""
    config = TrainConfig(
        dataset="fashion_mnist", data_dir=tiny, epochs=2, batch_size=7, optimizer="adam", lr=0.002,
        run_dir=tmp_path_factory.mktemp("trained") / "run", checkpoint_every=2, keep=3,
        best_by="validation_loss", data=DataOptions(validation=0.1),
    )  # fmt: skip
    run(config)
    return config


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of the run, to be damaged."""
    shutil.copytree(trained.run_dir, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def fresh(config, model="lenet"):
    return init_state(
        MODELS[model](10), optimizer_of(config, 14)(1.0), keys_of(0).init, (1, 28, 28, 1)
    )


def restored(folder, config, **options):
    with Checkpoints(folder.checkpoints, keys=keys_data(keys_of(0)), **options) as checkpoints:
        return checkpoints.restore(fresh(config), Totals.zero())


@pytest.mark.slow
@pytest.mark.parametrize("best", [False, True])
def test_a_checkpoint_pruned_while_it_is_read(best, trained, folder, monkeypatch, capsys):
    """By the run, which goes on: there is a newer one, and nothing is damaged."""
    read = Checkpoints._header
    whole = folder.path / "whole"
    folder.checkpoints.rename(whole)
    folder.checkpoints.mkdir()
    shutil.copytree(whole / "12", folder.checkpoints / "12")

    def header(self, step):
        if step == 12 and (folder.checkpoints / "12").exists():
            (folder.checkpoints / "12").rename(folder.path / "pruned")
            shutil.copytree(whole / "14", folder.checkpoints / "14")
        return read(self, step)

    monkeypatch.setattr(Checkpoints, "_header", header)
    with Checkpoints(folder.checkpoints, read_only=True, best_by="validation_loss") as checkpoints:
        moment = checkpoints.restore(fresh(trained), Totals.zero(), best=best)
        assert int(moment.state.step) == 14
    assert capsys.readouterr().err == ""


def largest_file(folder):
    return max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)


def flip_a_bit(path, where=0.5):
    content = bytearray(path.read_bytes())
    content[int(len(content) * where)] ^= 1
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(folder):
    shutil.rmtree(folder)
    folder.mkdir()


DAMAGES = {
    "flipped bit": lambda path: flip_a_bit(largest_file(path / "state")),
    "flipped bit near the end": lambda path: flip_a_bit(largest_file(path / "state"), 0.95),
    "truncated": lambda path: truncate(largest_file(path / "state")),
    "lost array file": lambda path: largest_file(path / "state").unlink(),
    "flipped bit in the header": lambda path: flip_a_bit(path / "header" / "metadata"),
    "truncated header": lambda path: truncate(path / "header" / "metadata"),
    "lost header": lambda path: shutil.rmtree(path / "header"),
    "empty folder": empty,
    "pickle": lambda path: (empty(path), (path / "state").write_bytes(pickle.dumps(Trap()))),
}  # fmt: skip


class Trap:
    """Unpickling this says so."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


def test_the_last_ones_and_the_best_stay(trained):
    steps = sorted(int(path.name) for path in (trained.run_dir / "checkpoints").iterdir())
    rows = list(read_metrics(RunFolder(trained.run_dir)))
    best = min(rows, key=lambda row: row["validation_loss"])["step"]
    assert steps == sorted({10, 12, 14} | {best})


@pytest.mark.slow
def test_a_better_checkpoint_than_the_last_stays(trained, tmp_path):
    config = dataclasses.replace(trained, best_by="validation_accuracy")
    state = fresh(config)
    with Checkpoints(tmp_path / "c", keep=1, keys={}) as checkpoints:
        (tmp_path / "c" / "5.orbax-checkpoint-tmp").mkdir()
        for step, accuracy in ((1, 0.5), (2, 0.9), (3, None), (4, 0.7)):
            moment = moment_at(state, step)
            checkpoints.save(
                moment,
                None
                if accuracy is None
                else {"validation_accuracy": accuracy, "test_accuracy": -accuracy},
            )
        checkpoints.wait()
        assert checkpoints.steps() == [2, 4]
        assert checkpoints.best() == 2
    with Checkpoints(tmp_path / "c", keep=1, keys={}) as again:
        assert not (tmp_path / "c" / "5.orbax-checkpoint-tmp").exists()
        assert int(again.restore(state, Totals.zero()).state.step) == 4
        again.save(moment_at(state, 6))
        again.wait()
        assert again.steps() == [2, 6]


def moment_at(state, step):
    return Moment(state._replace(step=jnp.int32(step)), Totals.zero(), 1, step)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_passed_over(damage, folder, trained, capsys):
    DAMAGES[damage](folder.checkpoints / "14")
    moment = restored(folder, trained)
    assert (int(moment.state.step), moment.epoch, moment.batch) == (12, 2, 5)
    assert int(moment.totals.examples) == 35
    warning = capsys.readouterr().err
    assert f"{folder.checkpoints / '14'} is damaged" in warning
    assert f"{folder.checkpoints / '12'} is used in its place" in warning
    assert not (folder.checkpoints / "14").exists()
    assert (folder.checkpoints / "14.damaged").exists()


def test_reading_moves_nothing(folder, trained, capsys):
    empty(folder.checkpoints / "14")
    before = sorted(folder.path.rglob("*"))
    assert int(restored(folder, trained, read_only=True, keep=1).state.step) == 12
    assert sorted(folder.path.rglob("*")) == before
    assert "is damaged" in capsys.readouterr().err


@pytest.mark.slow
def test_resume_from_the_one_before_a_damaged_one(folder, trained, capsys):
    flip_a_bit(largest_file(folder.checkpoints / "14" / "state"))
    again = run(dataclasses.replace(trained, run_dir=folder.path, resume=True))
    whole = json.loads((trained.run_dir / "evaluation.json").read_text())
    assert again.parameters_sha256 == whole["parameters_sha256"]
    assert "is used in its place" in capsys.readouterr().err


@pytest.mark.slow
def test_no_whole_checkpoint_is_no_fresh_start(folder, trained):
    for path in list(folder.checkpoints.iterdir()):
        empty(path)
    before = folder.metrics.read_bytes()
    with pytest.raises(UserError, match=r"no checkpoint in .*checkpoints is whole; damaged: 14 \("):
        run(dataclasses.replace(trained, run_dir=folder.path, resume=True))
    assert folder.metrics.read_bytes() == before
    for path in list(folder.checkpoints.iterdir()):
        path.rename(path.with_suffix(".damaged"))
    with pytest.raises(UserError, match="is whole; damaged: the last ones"):
        restored(folder, trained)


@pytest.mark.parametrize(
    ("like", "message"),
    [
        ({"optimizer": "sgd"}, r"of another model: it has state/opt_state/0/count int32 \[\]"),
        ({"model": "wide"}, r"it has state/params/5/kernel .* expected state/params/5/kernel"),
    ],
)
def test_a_checkpoint_of_another_model_is_refused(like, message, folder, trained):
    config = trained if "model" in like else dataclasses.replace(trained, **like)
    state = fresh(config)
    if "model" in like:
        state = init_state(MODELS["lenet"](11), optimizer_of(config, 14)(1.0), keys_of(0).init, (1, 28, 28, 1))  # fmt: skip
        message = r"is of another model: it has state/.* float32 \[10\], expected .* float32 \[11\]"
    with Checkpoints(folder.checkpoints, read_only=True) as checkpoints:  # noqa: SIM117
        with pytest.raises(UserError, match=message):
            checkpoints.restore(state, Totals.zero())


def test_a_checkpoint_of_another_seed_is_refused(folder, trained):
    with Checkpoints(folder.checkpoints, keys=keys_data(keys_of(1))) as checkpoints:  # noqa: SIM117
        with pytest.raises(UserError, match="14 is of a run with another seed"):
            checkpoints.restore(fresh(trained), Totals.zero())


@pytest.mark.slow
def test_a_zip_in_the_place_of_the_checkpoints(folder, trained):
    shutil.rmtree(folder.checkpoints)
    with zipfile.ZipFile(folder.checkpoints, "w") as archive:
        archive.writestr("../../evil", "x")
    with pytest.raises(UserError, match="checkpoints cannot be used: "):
        run(dataclasses.replace(trained, run_dir=folder.path, resume=True))
    with pytest.raises(UserError, match="has no checkpoint yet"):
        evaluate(folder, read_config(folder))


def test_what_is_restored_is_what_was_saved(folder, trained):
    moment = restored(folder, trained)
    saved = json.loads(folder.evaluation.read_text())["parameters_sha256"]
    assert tree_sha256(moment.state.params) == saved
    assert (moment.epoch, moment.batch, int(moment.totals.examples)) == (3, 0, 0)


@pytest.mark.slow
def test_lost_metrics_are_said(folder, trained, capsys):
    folder.metrics.write_text("")
    run(dataclasses.replace(trained, run_dir=folder.path, resume=True))
    assert "metrics.jsonl has lost 2 of the 2 epochs" in capsys.readouterr().err
