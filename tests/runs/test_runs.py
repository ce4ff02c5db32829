"""Whole runs: what is written, what comes back, what is refused."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from jaxcnn.data import DataOptions
from jaxcnn.runs import RunFolder, TrainConfig, UserError, evaluate, read_config, run
from jaxcnn.runs.config import check_config
from jaxcnn.runs.folder import clear, make_folder
from jaxcnn.runs.lock import locked
from jaxcnn.runs.metrics_file import read_metrics
from jaxcnn.training.augment_options import AugmentConfig
from tests.data.idx_files import encoded
from tests.runs.begun import begin
from tests.runs.numbers import numbers

FIELDS = [
    "epoch", "step", "train_loss", "train_accuracy", "train_top5_accuracy", "test_loss", "test_accuracy",
    "test_top5_accuracy", "gradient_norm", "skipped_steps", "learning_rate", "images_per_second", "seconds",
    "compile_seconds",
]  # fmt: skip


@pytest.fixture
def config(tiny, tmp_path):
    return TrainConfig(
        model="lenet_modern", dataset="fashion_mnist", data_dir=tiny, epochs=3, batch_size=8,
        optimizer="adam", lr=0.002, run_dir=tmp_path / "run",
    )  # fmt: skip


@pytest.mark.slow
def test_a_run_folder_holds_the_run(config):
    result = run(config)
    saved = json.loads(result.folder.config.read_text())
    assert saved["config"]["lr"] == 0.002
    assert saved["data"]["train_images"] == 53
    assert saved["transform"] == {"size": None, "scale": 1 / 255, "shorter": None}
    assert {"jax", "jaxlib", "optax", "flax"} <= set(saved["versions"])
    rows = list(read_metrics(result.folder))
    assert [list(row) for row in rows] == [FIELDS] * 3
    assert [row["step"] for row in rows] == [7, 14, 21]  # 53 images: six batches of 8, one of 5
    assert all(row["images_per_second"] > 0 for row in rows)
    assert rows[-1]["test_accuracy"] == result.test_accuracy
    assert read_config(result.folder) == dataclasses.replace(config, weight_decay=0.0)


@pytest.mark.slow
def test_the_last_evaluation_says_what_was_taken_for_what(config):
    result = run(dataclasses.replace(config, epochs=1))
    found = json.loads(result.folder.evaluation.read_text())
    matrix = np.array(found["confusion_matrix"])
    assert matrix.shape == (10, 10)
    assert matrix.sum() == 17
    assert matrix.trace() == round(17 * result.test_accuracy)
    assert [row["images"] for row in found["classes"]] == [2] * 7 + [1] * 3
    assert [row["correct"] for row in found["classes"]] == matrix.diagonal().tolist()
    assert found["parameters_sha256"] == result.parameters_sha256
    assert found["test_accuracy"] == result.test_accuracy


@pytest.mark.slow
def test_eval_scores_the_checkpoint_the_same(config):
    result = run(config)
    scored = evaluate(result.folder, read_config(result.folder))
    assert scored.test_accuracy == result.test_accuracy
    assert scored.parameters_sha256 == result.parameters_sha256


@pytest.mark.slow
def test_same_seed_same_numbers_other_seed_others(config, tmp_path):
    runs = [
        run(dataclasses.replace(config, run_dir=tmp_path / name, seed=seed))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    a, b, c = (numbers(each.folder) for each in runs)
    assert a == b
    assert runs[0].parameters_sha256 == runs[1].parameters_sha256
    assert all(mine != other for mine, other in zip(a, c, strict=True))


def test_a_folder_taken_meanwhile_is_refused(config):
    """Another run that began in the same folder while this one was loading its data."""
    folder = begin(config)
    with pytest.raises(UserError, match="already holds a run"):
        clear(folder, config, folder.config)
    unnamed = dataclasses.replace(config, run_dir=None)
    empty = RunFolder(config.run_dir.with_name("empty"))
    empty.path.mkdir()
    with pytest.raises(UserError, match="was just begun by another run"):
        make_folder(empty, unnamed, empty.config)


@pytest.mark.slow
def test_damaged_metrics(config):
    done = run(dataclasses.replace(config, epochs=1))
    done.folder.metrics.write_text('{"step": 1}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl is damaged"):
        evaluate(done.folder, read_config(done.folder))


@pytest.mark.slow
def test_eval_writes_nothing(config):
    done = run(dataclasses.replace(config, epochs=1))
    shutil.rmtree(done.folder.checkpoints)
    with pytest.raises(UserError, match="has no checkpoint yet"):
        evaluate(done.folder, config)
    assert not done.folder.checkpoints.exists()


def test_a_model_says_which_images_it_takes(config, tmp_path):
    for name, content in ((n, np.zeros(s, np.uint8)) for n, s in (
        ("train-images-idx3-ubyte", (4, 4, 4)), ("train-labels-idx1-ubyte", (4,)),
        ("t10k-images-idx3-ubyte", (4, 4, 4)), ("t10k-labels-idx1-ubyte", (4,)),
    )):  # fmt: skip
        (tmp_path / name).write_bytes(encoded(content))
    with pytest.raises(UserError, match="lenet_modern cannot take images of 4×4×1: "):
        run(dataclasses.replace(config, data_dir=tmp_path))
    assert not config.run_dir.exists()


@pytest.mark.slow
def test_a_config_of_the_wrong_kind_is_damaged(config):
    done = run(dataclasses.replace(config, epochs=1))
    saved = json.loads(done.folder.config.read_text())
    saved["config"]["lr"] = "a"
    done.folder.config.write_text(json.dumps(saved))
    with pytest.raises(UserError, match=r"config\.json is damaged"):
        read_config(done.folder)


def test_names_of_tfds_configurations_are_no_folders():
    config = TrainConfig(dataset="emnist/letters")
    check_config(config)
    assert config.name == "lenet-emnist-letters"


def test_weight_decay_of_adamw():
    assert TrainConfig(optimizer="adamw").decay == 0.01
    assert TrainConfig(optimizer="adam").decay == 0.0
    assert TrainConfig(optimizer="adamw", weight_decay=0.0).decay == 0.0


@pytest.mark.slow
def test_a_run_is_not_overwritten_by_accident(config):
    done = run(config)
    before = {path: path.read_bytes() for path in done.folder.path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match="already holds a run: give --resume"):
        run(dataclasses.replace(config, seed=1))
    after = {path: path.read_bytes() for path in done.folder.path.rglob("*") if path.is_file()}
    assert before == after


@pytest.mark.slow
def test_overwrite_replaces_the_run(config):
    run(config)
    done = run(dataclasses.replace(config, seed=1, epochs=1, overwrite=True))
    assert len(list(read_metrics(done.folder))) == 1
    assert done.folder.log.read_text().count(" run folder: ") == 2  # of its beginning and its end
    assert read_config(done.folder).seed == 1


@pytest.mark.slow
def test_bad_data_costs_no_run(config, tmp_path):
    """``--overwrite`` throws the old run away only when the new one can begin."""
    done = run(config)
    with pytest.raises(ValueError, match="nowhere"):
        run(dataclasses.replace(config, overwrite=True, data_dir=tmp_path / "nowhere"))
    assert len(list(read_metrics(done.folder))) == 3


def test_other_peoples_files_are_left_alone(config):
    config.run_dir.mkdir()
    (config.run_dir / "thesis.tex").write_text("…")
    for overwrite in (False, True):
        with pytest.raises(UserError, match="is not empty and holds no run"):
            run(dataclasses.replace(config, overwrite=overwrite))


def test_a_file_is_no_run_folder(config):
    config.run_dir.write_text("")
    with pytest.raises(UserError, match="is a file, not a folder"):
        run(config)


def test_damaged_config(config):
    config.run_dir.mkdir()
    (config.run_dir / "config.json").write_text('{"config": ')
    with pytest.raises(UserError, match=r"config\.json is damaged"):
        read_config(RunFolder(config.run_dir))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"epoch": 1, "images_per_second": "\xff"}', "line 1: it is no text, byte 35 is"),
        (b'{"epoch": "x", "images_per_second": 1}', "line 1: epoch must be a whole number"),
        (b'{"epoch": 2, "images_per_second": "x"}', "line 1: images_per_second must be a num"),
        (b"[1]", r"line 1: it must be a table, got \[1\]"),
    ],
)
def test_lines_that_no_run_has_written(line, message, tmp_path):
    (tmp_path / "metrics.jsonl").write_bytes(line + b"\n")
    with pytest.raises(UserError, match=rf"metrics\.jsonl is damaged: {message}"):
        list(read_metrics(RunFolder(tmp_path)))


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    """Locking writes the process's number, so what the link names would be lost."""
    thesis = tmp_path / "thesis.tex"
    thesis.write_text("…")
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.lock.symlink_to(thesis)
    with pytest.raises(UserError, match=r"\.lock is a link"), locked(folder):
        pass
    assert thesis.read_text() == "…"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "lenett"}, r"unknown model 'lenett', did you mean 'lenet'\? \(jaxcnn models lists them; one of your own is"),
        ({"lr": -0.1}, "--lr must be a positive number, got -0.1"),
        ({"lr": float("nan")}, "--lr must be a positive number, got nan"),
        ({"checkpoint_every": -1}, "--checkpoint-every must be at least 0, got -1"),
        ({"checkpoint_minutes": 0.0}, "--checkpoint-minutes must be a positive number, got 0.0"),
        ({"keep": 0}, "--keep must be at least 1, got 0"),
        ({"best_by": "loss"}, "--best-by must be one of validation_accuracy, validation_loss, got 'loss'"),
        ({"experiment": "a\0b", "run_dir": None}, "--experiment must be a short name"),
        ({"epochs": 0}, "--epochs must be at least 1, got 0"),
        ({"batch_size": 0}, "--batch-size must be at least 1, got 0"),
        ({"warmup_steps": -1}, "--warmup-steps must be at least 0, got -1"),
        ({"seed": -1}, "--seed must be at least 0, got -1"),
        ({"seed": 2**32}, r"--seed must be below 2\*\*32"),
        ({"weight_decay": -1.0}, "--weight-decay must be zero or a positive number, got -1.0"),
        ({"clip_norm": 0.0}, "--clip-norm must be a positive number, got 0.0"),
        ({"momentum": 1.0}, "--momentum must be at least 0 and below 1, got 1.0"),
        ({"optimizer": "sdg"}, "--optimizer must be one of sgd, momentum, adam, adamw, got 'sdg'"),
        ({"schedule": "cos"}, "--schedule must be one of constant, cosine, linear, step, got 'cos'"),
        ({"overwrite": True, "resume": True}, "--overwrite and --resume contradict each other"),
        ({"experiment": "../x", "run_dir": None}, "--experiment must be a short name"),
        ({"epochs": 1.5}, "--epochs must be a whole number, got 1.5"),
        ({"epochs": "3"}, "--epochs must be a whole number, got '3'"),
        ({"epochs": True}, "--epochs must be a whole number, got True"),
        ({"epochs": 10**22}, r"--epochs must be below 2\*\*32, got 10"),
        ({"epochs": 2**31}, r"--epochs: \d+,[\d,]+ steps are more than a run can count"),
        ({"lr": "0.1"}, "--lr must be a number, got '0.1'"),
        ({"seed": "a"}, "--seed must be a whole number, got 'a'"),
        ({"keep": "x"}, "--keep must be a whole number, got 'x'"),
        ({"momentum": "x"}, "--momentum must be a number, got 'x'"),
        ({"model": None}, "--model must be text, got None"),
        ({"experiment": 3}, "--experiment must be text, got 3"),
        ({"experiment": ""}, "--experiment must be a short name, got ''"),
        ({"platform": "npu"}, "--platform must be one of cpu, gpu, tpu, got 'npu'"),
        ({"data_dir": ""}, "--data-dir must be a path, got ''"),
        ({"data": DataOptions(split=3)}, "--split must be text, got 3"),
        ({"data": None}, "--data must be a table of split, .* got None"),
        ({"augmentation": AugmentConfig("flip")}, "--augment must be a tuple, each one of resized-crop, .* got 'flip'"),
        ({"warmup_steps": 21}, "--warmup-steps must be below the 21 steps of the run, got 21"),
    ],
)  # fmt: skip
def test_bad_configs_are_refused_before_any_work(config, change, message):
    with pytest.raises(UserError, match=message):
        run(dataclasses.replace(config, **change))
    assert not config.run_dir.exists()


def test_a_falling_learning_rate_has_its_end(tmp_path):
    config = TrainConfig(schedule="cosine", epochs=1, run_dir=tmp_path / "run")
    begin(config)
    with pytest.raises(UserError, match="--epochs 1, and cannot go on with 2: its learning rate"):
        run(dataclasses.replace(config, epochs=2, resume=True))


def test_what_is_no_config():
    with pytest.raises(UserError, match="told what to do by a TrainConfig, got 'lenet'"):
        run("lenet")


def test_text_for_a_path():
    config = TrainConfig(run_dir="runs/mine", data_dir="there")
    assert (config.run_dir, config.data_dir) == (Path("runs/mine"), Path("there"))


def test_recipes_fill_what_is_left_out():
    assert TrainConfig().recipe == (30, 64, "adam", 0.003)
    assert TrainConfig(dataset="mnist").recipe == (10, 256, "sgd", 0.9)
    assert TrainConfig(dataset="mnist", optimizer="momentum", epochs=2).recipe == (
        2,
        256,
        "momentum",
        0.1,
    )
    assert TrainConfig(lr=0.5).recipe.lr == 0.5
