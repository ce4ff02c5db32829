"""Runs begun before parameters were drawn by name: resumed as they were, or refused by name."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from jaxcnn.runs import TrainConfig, UserError, read_config, run
from tests.runs.numbers import numbers


@pytest.fixture
def config(tiny, tmp_path):
    return TrainConfig(
        dataset="fashion_mnist", data_dir=tiny, epochs=1, batch_size=8, optimizer="adamw", lr=0.002,
        weight_decay=0.5, decay_all=True, run_dir=tmp_path / "run",
    )  # fmt: skip


def made_older(path):
    """What an older jaxcnn would have written there."""
    content = json.loads(path.read_text())
    assert content.pop("parameters") == "drawn by name"
    assert content["config"].pop("decay_all") is True
    path.write_text(json.dumps(content))


@pytest.mark.slow
def test_with_a_checkpoint_it_goes_on_as_it_was_begun(config):
    """The parameters come from the checkpoint; weight decay leaves nothing out, as then."""
    whole = run(dataclasses.replace(config, epochs=2))
    expected = numbers(whole.folder)
    shutil.rmtree(whole.folder.path)
    done = run(config)
    made_older(done.folder.config)
    assert read_config(done.folder).decay_all
    with pytest.raises(
        UserError, match="was begun with --decay-all True, and cannot go on with False"
    ):
        run(dataclasses.replace(config, epochs=2, resume=True, decay_all=False))
    run(dataclasses.replace(config, epochs=2, resume=True))
    assert numbers(done.folder) == expected
    content = json.loads(done.folder.config.read_text())
    assert (content["parameters"], content["config"]["decay_all"]) == ("drawn by name", True)


@pytest.mark.slow
def test_without_a_checkpoint_it_is_refused(config):
    done = run(config)
    made_older(done.folder.config)
    shutil.rmtree(done.folder.checkpoints)
    before = done.folder.metrics.read_bytes()
    sentence = "--resume: .*run has no checkpoint and was begun by a jaxcnn that drew other parameters from the same seed: --overwrite starts it anew"
    with pytest.raises(UserError, match=sentence):
        run(dataclasses.replace(config, resume=True))
    assert done.folder.metrics.read_bytes() == before


@pytest.mark.slow
def test_decay_all_is_in_the_numbers(config):
    some = run(dataclasses.replace(config, decay_all=False))
    shutil.rmtree(some.folder.path)
    assert run(config).parameters_sha256 != some.parameters_sha256
    assert np.isfinite(some.test_loss)
