"""Runs that are resumed: where they end, and what is refused."""

import dataclasses
import json

import pytest

from jaxcnn.runs import TrainConfig, UserError, read_config, run
from tests.runs.numbers import numbers


@pytest.fixture
def config(tiny, tmp_path):
    return TrainConfig(
        model="lenet_modern", dataset="fashion_mnist", data_dir=tiny, epochs=3, batch_size=8,
        optimizer="adam", lr=0.002, run_dir=tmp_path / "run",
    )  # fmt: skip


@pytest.mark.slow
def test_resume_ends_where_an_unbroken_run_ends(config, tmp_path):
    whole = run(config)
    begun = dataclasses.replace(config, run_dir=tmp_path / "begun", epochs=1)
    run(begun)
    again = run(dataclasses.replace(begun, epochs=3, resume=True))
    assert again.parameters_sha256 == whole.parameters_sha256
    assert numbers(again.folder) == numbers(whole.folder)
    assert read_config(again.folder).epochs == 3


@pytest.mark.slow
def test_resume_of_a_finished_run_changes_nothing(config):
    first = run(config)
    before = first.folder.metrics.read_bytes()
    again = run(dataclasses.replace(config, resume=True))
    assert again.parameters_sha256 == first.parameters_sha256
    assert first.folder.metrics.read_bytes() == before


@pytest.mark.slow
def test_resume_forgets_an_epoch_without_a_checkpoint(config):
    """A crash after the metrics were written, before the checkpoint was."""
    done = run(config)
    expected = numbers(done.folder)
    with done.folder.metrics.open("a") as file:
        file.write(json.dumps({"epoch": 4, "images_per_second": 1.0}) + '\n{"epo')
    run(dataclasses.replace(config, resume=True))
    assert numbers(done.folder) == expected


@pytest.mark.slow
def test_resume_before_the_first_checkpoint_says_so(config, capsys):
    """A crash in the first epoch, or between its metrics and its checkpoint."""
    config = dataclasses.replace(config, epochs=1)
    done = run(config)
    (done.folder.path / "checkpoints").rename(done.folder.path / "moved")
    again = run(dataclasses.replace(config, resume=True))
    assert (
        "there is no checkpoint yet, so the run starts from its beginning"
        in capsys.readouterr().out
    )
    assert again.parameters_sha256 == done.parameters_sha256


@pytest.mark.slow
def test_lost_checkpoints_are_no_fresh_start(config):
    done = run(config)
    (done.folder.path / "checkpoints").rename(done.folder.path / "moved")
    before = done.folder.metrics.read_bytes()
    with pytest.raises(UserError, match=r"has 3 epochs in metrics\.jsonl but no checkpoint"):
        run(dataclasses.replace(config, resume=True))
    assert done.folder.metrics.read_bytes() == before


@pytest.mark.slow
def test_a_refused_resume_leaves_the_config(config):
    done = run(config)
    before = done.folder.config.read_bytes()
    with pytest.raises(UserError, match="has 3 epochs already, more than --epochs 2"):
        run(dataclasses.replace(config, resume=True, epochs=2))
    assert done.folder.config.read_bytes() == before


@pytest.mark.slow
def test_resume_on_other_data_is_refused(config, tmp_path):
    done = run(config)
    saved = json.loads(done.folder.config.read_text())
    saved["data"]["train_images"] = 54
    done.folder.config.write_text(json.dumps(saved))
    with pytest.raises(UserError, match="was begun with train_images 54, but the data have 53"):
        run(dataclasses.replace(config, resume=True))


@pytest.mark.slow
def test_resume_on_other_images_is_refused(config):
    """As many of the same size, with the same classes: told by a digest of some of them."""
    done = run(config)
    saved = json.loads(done.folder.config.read_text())
    saved["data"]["sample_sha256"][0] = "0" * 64
    done.folder.config.write_text(json.dumps(saved))
    with pytest.raises(UserError, match="was begun with other images or labels"):
        run(dataclasses.replace(config, resume=True))


@pytest.mark.slow
def test_resume_keeps_when_and_on_what_a_run_was_begun(config, capsys):
    done = run(config)
    saved = json.loads(done.folder.config.read_text())
    saved["started"] = "2020-01-02T03:04:05+0000"
    saved["versions"]["jax"], saved["devices"] = "0.1", ["tpu: v9"]
    done.folder.config.write_text(json.dumps(saved))
    run(dataclasses.replace(config, resume=True))
    said = capsys.readouterr().err
    assert "was begun with jax 0.1 on 1 × tpu (v9): what follows is not equal to the bit" in said
    now = json.loads(done.folder.config.read_text())
    assert (now["started"], len(now["resumed"])) == (saved["started"], 1)
    run(dataclasses.replace(config, resume=True))
    assert "not equal to the bit" not in capsys.readouterr().err
    assert len(json.loads(done.folder.config.read_text())["resumed"]) == 2


@pytest.mark.slow
def test_resume_under_another_config_is_refused(config):
    run(config)
    with pytest.raises(UserError, match=r"was begun with --lr 0.002, and cannot go on with 0.5"):
        run(dataclasses.replace(config, resume=True, lr=0.5))


def test_resume_needs_a_run(config, tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        run(dataclasses.replace(config, resume=True))
    with pytest.raises(UserError, match="--resume needs --run-dir"):
        run(dataclasses.replace(config, resume=True, run_dir=None))
