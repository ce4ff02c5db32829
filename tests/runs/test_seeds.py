"""The same run from several seeds: in turn, stopped, resumed, and refused as a whole."""

import dataclasses

import numpy as np
import pytest

from jaxcnn.runs import TrainConfig, UserError, run, seeds
from jaxcnn.runs.seeds import Plan, SeedRun, spread, table, train_seeds


@pytest.fixture
def config(tiny, tmp_path):
    return TrainConfig(
        model="lenet_modern", dataset="fashion_mnist", data_dir=tiny, epochs=3, batch_size=8,
        optimizer="adam", lr=0.002, run_dir=tmp_path / "run",
    )  # fmt: skip


@pytest.mark.slow
def test_seeds_are_run_in_turn(config):
    runs = train_seeds(Plan(dataclasses.replace(config, epochs=1, seed=4), seeds=2))
    assert [run.seed for run in runs] == [4, 5]
    assert [run.result.folder.path.name for run in runs] == ["seed-4", "seed-5"]
    text = table(runs)
    assert text.count("\n| ") == 4 - 1
    accuracies = [run.result.test_accuracy for run in runs]
    assert f"{np.mean(accuracies):.4f} ± {np.std(accuracies, ddof=1):.4f}" in text
    assert isinstance(runs[0], SeedRun)
    with pytest.raises(UserError, match="--seeds must be at least 1, got 0"):
        train_seeds(Plan(config, seeds=0))


@pytest.mark.slow
def test_seeds_that_were_stopped_go_on(config, monkeypatch, capsys):
    """What is finished stays, what is not is resumed, and the rest is begun."""
    config = dataclasses.replace(config, epochs=1)
    first = run(dataclasses.replace(config, run_dir=config.run_dir / "seed-0"))
    again = train_seeds(Plan(dataclasses.replace(config, resume=True), seeds=2))
    assert again[0].result.parameters_sha256 == first.parameters_sha256
    assert (config.run_dir / "seed-1" / "config.json").exists()

    def stops(given, own):
        if given.seed == 1:
            raise UserError("the loss is not finite")
        return first

    monkeypatch.setattr(seeds, "run", stops)
    capsys.readouterr()
    with pytest.raises(UserError, match="not finite"):
        train_seeds(Plan(dataclasses.replace(config, resume=True), seeds=2))
    assert f"| 0 | {first.test_accuracy:.4f} |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seed", "message"), [(0, "seed-1 is not empty"), (2**32 - 1, r"--seed must be below 2\*\*32")]
)
def test_seeds_are_refused_before_the_first_is_trained(seed, message, config):
    (config.run_dir / "seed-1").mkdir(parents=True)
    (config.run_dir / "seed-1" / "thesis.tex").write_text("…")
    with pytest.raises(UserError, match=message):
        train_seeds(Plan(dataclasses.replace(config, seed=seed), seeds=2))
    assert [path.name for path in config.run_dir.iterdir()] == ["seed-1"]


def test_spread_is_the_sample_deviation():
    assert spread([1.0, 2.0, 3.0], ".2f") == "2.00 ± 1.00"
    assert spread([1.0], ".2f") == "1.00"
