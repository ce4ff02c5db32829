"""A loss that is no number: which step, which images, and what is still good."""

import dataclasses
import json
import math

import numpy as np
import pytest

from jaxcnn.data import Dataset, Split, load_dataset
from jaxcnn.runs import TrainConfig, UserError, read_metrics, run, session

POISONED = 17
"""The training image that is made NaN behind the data room's back."""


@pytest.fixture
def config(tiny, tmp_path, monkeypatch):
    config = TrainConfig(
        dataset="fashion_mnist", data_dir=tiny, epochs=1, batch_size=8, optimizer="adam", lr=0.002,
        run_dir=tmp_path / "run", checkpoint_every=1, keep=100,
    )  # fmt: skip
    whole = load_dataset(config.dataset, data_dir=tiny)
    images = whole.train.images.copy()
    images[POISONED] = math.nan
    poisoned: Dataset = dataclasses.replace(whole, train=Split(images, whole.train.labels))
    monkeypatch.setattr(session, "load_data", lambda *a, **k: poisoned)
    return config


@pytest.mark.slow
def test_a_nan_stops_the_run(config):
    with pytest.raises(UserError, match="were not finite in step") as error:
        run(config)
    facts = json.loads((config.run_dir / "nonfinite.json").read_text())
    assert POISONED in facts["training_images"]
    message, step = str(error.value), facts["step"]
    assert f"in step {step} (epoch 1, batch {step}, training images " in message
    if step > 1:
        assert (
            f"the last good checkpoint is {config.run_dir / 'checkpoints' / str(step - 1)}"
            in message
        )
    assert "--skip-nonfinite goes on" in message
    assert not (config.run_dir / "metrics.jsonl").exists()
    # The same again from the last good checkpoint, and past it with the flag.
    again = dataclasses.replace(config, resume=True)
    with pytest.raises(UserError, match=f"were not finite in step {step} "):
        run(again)
    run(dataclasses.replace(again, skip_nonfinite=True))


@pytest.mark.slow
def test_a_nan_is_skipped(config):
    result = run(dataclasses.replace(config, skip_nonfinite=True))
    (row,) = read_metrics(result.folder)
    assert (row["skipped_steps"], row["step"]) == (1, 7)
    assert all(np.isfinite(value) for value in row.values())
    assert math.isfinite(result.test_loss)


@pytest.mark.slow
def test_an_epoch_of_nothing_but_nan(config, monkeypatch):
    whole = session.load_data()
    nan = Split(np.full_like(whole.train.images, math.nan), whole.train.labels)
    data = dataclasses.replace(whole, train=nan)
    monkeypatch.setattr(session, "load_data", lambda *a, **k: data)
    with pytest.raises(UserError, match="every step of the epoch was skipped"):
        run(dataclasses.replace(config, skip_nonfinite=True))


@pytest.mark.slow
def test_divergence_stops_the_run(config, monkeypatch):
    monkeypatch.undo()
    wild = dataclasses.replace(config, optimizer="sgd", lr=1e30, checkpoint_every=0)
    with pytest.raises(UserError, match="not finite in step 1 .*there is no checkpoint yet"):
        run(wild)
