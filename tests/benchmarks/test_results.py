"""Results are read from folders of sweeps, with the command that gives them again."""

import dataclasses
import inspect
import json
import shlex
import statistics

import pytest

from benchmarks import results
from jaxcnn import models
from jaxcnn.cli import main
from jaxcnn.cli.sweep import read_sweep
from jaxcnn.errors import UserError

MACHINE = {"processor": "some processor", "cores": 2}


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep") / "run"
    words = ["--model", "lenet_bn", "--epochs", "1", "--batch-size", "64", "--seeds", "3", "--optimizer", "momentum", "--lr", "0.0123456789",
             "--schedule", "cosine", "--weight-decay", "5e-4", "--augment", "pad-crop", "flip", "--crop-padding", "2",
             "--normalize", "dataset", "--decay-all", "--run-dir", str(folder)]  # fmt: skip
    main(["sweep", *words, "--quiet"])
    return words


def folder_of(words):
    return results.pathlib.Path(words[-1])


@pytest.mark.slow
def test_the_command_has_all_settings(words):
    found = results.result(folder_of(words), MACHINE)
    again = shlex.split(found.command)  # the digits need no folder
    assert again[:2] == ["jaxcnn", "sweep"]
    told, ran = read_sweep(again[2:]).config, read_sweep(words).config
    assert told == dataclasses.replace(ran, run_dir=told.run_dir, epochs=1)
    finals = [member["final"] for member in json.loads((folder_of(words) / "sweep.json").read_text())["members"]]  # fmt: skip
    assert found.accuracies == [final["test_accuracy"] for final in finals]
    assert found.accuracy == f"{statistics.mean(found.accuracies):.4f} ± {statistics.stdev(found.accuracies):.4f}"  # fmt: skip
    assert found.machine["processor"] == "some processor"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found["members"].pop(), "at least 3 seeds"),
        (lambda found: found["members"][0].update(lr=1.0), "one learning rate"),
        (lambda found: found["config"].update(epochs=2), "not finished"),
        (lambda found: found["members"][1].update(diverged=3), "has diverged"),
        (lambda found: found["config"].update(init_from="a.npz"), "a start from nothing"),
        (lambda found: found["config"]["data"].update(test_split="test[:9]"), "all test images"),
        (lambda found: found.clear(), "config is missing"),
    ],
)
def test_what_is_no_result(words, change, said, tmp_path):
    found = json.loads((folder_of(words) / "sweep.json").read_text())
    change(found)
    (tmp_path / "sweep.json").write_text(json.dumps(found))
    with pytest.raises(UserError, match=said):
        results.result(tmp_path, MACHINE)


def test_no_folder_of_a_sweep(tmp_path):
    with pytest.raises(UserError, match="sweep.json"):
        results.result(tmp_path, MACHINE)


def test_the_page_is_that_of_the_store():
    kept = results.kept()
    assert kept
    assert results.PAGE.read_text(encoding="utf-8") == results.page(kept)


@pytest.mark.parametrize("of", results.kept(), ids=lambda of: of.model)
def test_docstrings_tell_the_result(of):
    told = " ".join((inspect.getdoc(getattr(models, of.model)) or "").split())
    assert of.accuracy in told
    assert "docs/results.md" in told
