"""Streamed runs: the same numbers as with all images on the device."""

import dataclasses
import itertools
import json

import optax
import pytest

from jaxcnn.data import DataError, DataOptions, open_dataset
from jaxcnn.layers import Dense, Flatten, Sequential
from jaxcnn.runs import TrainConfig, UserError, job, read_config, run
from jaxcnn.runs.digests import tree_sha256
from jaxcnn.training import Task, begin, compile_programs, single
from jaxcnn.training.augment_options import AugmentConfig
from tests.data.folders import noise, truncate, write


@pytest.fixture
def config(tiny, tmp_path):
    return TrainConfig(
        model="lenet_modern", dataset="fashion_mnist", data_dir=tiny, epochs=2, batch_size=25,
        optimizer="adam", lr=0.002, run_dir=tmp_path / "run",
        data=DataOptions(split="train[:-3]"),
        augmentation=AugmentConfig(("pad-crop", "flip", "cutout", "mixup"), mixup_alpha=0.5),
    )  # fmt: skip


@pytest.mark.slow
def test_streaming_and_resuming_change_no_bit(config, tmp_path, capsys):
    """50 augmented images; one run on the device and whole, one streamed and in two parts."""
    whole = run(config)
    part = dataclasses.replace(config, run_dir=tmp_path / "part", epochs=1, streaming=True)
    run(part)
    streamed = run(dataclasses.replace(part, epochs=2, resume=True))
    assert streamed.parameters_sha256 == whole.parameters_sha256
    assert streamed.test_accuracy == whole.test_accuracy
    said = capsys.readouterr().out
    assert said.count("50 training and 17 test images (IDX files in ") == 3
    assert said.count("training images streamed") == 2
    # The config comes back whole, and what the numbers depend on cannot be changed.
    assert read_config(whole.folder) == dataclasses.replace(config, weight_decay=0.0)
    saved = json.loads(whole.folder.config.read_text())["config"]
    assert saved["augmentation"]["augment"] == ["pad-crop", "flip", "cutout", "mixup"]
    weaker = dataclasses.replace(config.augmentation, mixup_alpha=0.1)
    with pytest.raises(
        UserError, match=r"was begun with --mixup-alpha 0\.5, and cannot go on with 0\.1"
    ):
        run(dataclasses.replace(config, resume=True, augmentation=weaker))


@pytest.mark.parametrize("count", [1, 1000, 1003])
def test_a_streamed_split_is_scored_as_one_in_memory(count):
    """Every image once: fewer than a batch, whole batches, and a part of one."""
    options = DataOptions(split="train[:16]", test_split=f"train[16:{16 + count}]")
    opened, scores = open_dataset("digits", options=options), []
    model = Sequential(flat=Flatten(), dense=Dense(10))
    for split in (opened.test.load(), opened.test):
        task = Task(model, optax.adam, opened.train.load(), {"test": split}, 16)
        programs = compile_programs(task, single(0, 0.1))
        state = begin(programs).state
        scores.append(programs.score(state)["test"])
        assert (programs.score(state)["test"].guesses == scores[-1].guesses).all()
    held, streamed = scores
    assert (held.guesses == streamed.guesses).all()
    assert held.totals.examples == streamed.totals.examples == count
    assert held.totals.correct == streamed.totals.correct
    assert float(held.totals.loss) == pytest.approx(float(streamed.totals.loss), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [16, 64])
def test_a_streamed_epoch_is_the_epoch_on_the_device(batch_size):
    """Also where the last batch is smaller, and where a pass is entered in the middle."""
    options = DataOptions(split="train[:50]")
    opened, states = open_dataset("digits", options=options), []
    model = Sequential(flat=Flatten(), dense=Dense(10))
    for split in (opened.train.load(), opened.train):
        task = Task(model, optax.adam, split, {}, batch_size)
        programs = compile_programs(task, single(seed=0, rate=0.01))
        (state, totals, *_), orders = begin(programs), programs.shuffle(1)
        for start, stop in itertools.pairwise((0, programs.steps // 2, programs.steps)):
            state, totals = programs.advance(state, totals, orders, start, stop)
        assert int(totals.examples) == 50
        states.append(tree_sha256((state._asdict(), totals)))
    assert states[0] == states[1]


def test_what_is_too_large_streams_by_itself(tiny, monkeypatch):
    config = TrainConfig(dataset="fashion_mnist", data_dir=tiny)
    pixels = 53 * 28 * 28
    for most, streamed in ((pixels, False), (pixels - 1, True)):
        monkeypatch.setattr(job, "MAX_PIXELS", most)
        data = job.load_data(config)
        assert hasattr(data.train, "images") != streamed
        assert len(data.train) == 53
        assert data.test.images.shape == (17, 28, 28, 1)


@pytest.mark.slow
def test_a_damaged_picture_ends_a_streamed_run_with_its_name(tmp_path):
    folder = write(tmp_path / "set", {"a": 4, "b": 4})
    path = truncate(noise(folder / "b" / "3.png", (60, 60)))
    config = TrainConfig(
        dataset="image_folder", data_dir=folder, epochs=1, batch_size=4, streaming=True,
        run_dir=tmp_path / "run", data=DataOptions(image_size=28, channels=1),
    )  # fmt: skip
    with pytest.raises(DataError, match=rf"^{path}: cannot be read"):
        run(config)


def test_strengths_are_held_against_the_images_before_a_run_begins(config):
    options = AugmentConfig(("cutout",), cutout_size=29)
    with pytest.raises(
        UserError, match="--cutout-size must be from 1 to 28 for images of this size"
    ):
        run(dataclasses.replace(config, augmentation=options))
    assert not config.run_dir.exists()
