"""``--best``: the best checkpoint of a run in place of the last, in every command that uses one."""

import contextlib
import json
import re
import shutil

import jax
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from jaxcnn.cli import main
from jaxcnn.models import MODELS
from jaxcnn.runs import RunFolder, read_config
from jaxcnn.runs.checkpoints import Checkpoints
from jaxcnn.runs.job import optimizer_of
from jaxcnn.training import Totals
from jaxcnn.training.state import init_state, keys_of


@pytest.fixture
def run(finished, tmp_path):
    """A run of one step, the best by its accuracy, whose weights then became zeros."""
    path = shutil.copytree(finished.folder.path, tmp_path / "run")
    save_zeros(path, 2, {"validation_accuracy": -1.0})
    return path


def save_zeros(path, step, metrics):
    """One more checkpoint of a run, its weights all zero."""
    config = read_config(RunFolder(path))
    optimizer, key = optimizer_of(config, 1)(1.0), keys_of(0).init
    like = init_state(MODELS[config.model](10), optimizer, key, (1, 28, 28, 1))
    with Checkpoints(path / "checkpoints", keep=9) as checkpoints:
        moment = checkpoints.restore(like, Totals.zero())
        zeros = jax.tree.map(lambda leaf: leaf * 0, moment.state.params)
        state = moment.state._replace(params=zeros, step=np.int32(step))
        checkpoints.save(moment._replace(state=state), metrics)


@pytest.fixture
def say(capsys):
    """What a command writes on standard output and on standard error."""

    def say(*words):
        with contextlib.suppress(SystemExit):
            main([str(word) for word in words])
        return capsys.readouterr()

    return say


@pytest.mark.slow
def test_eval_tells_its_own_speed(run, tiny, say):
    """That of scoring the test images, and not that of training."""
    row = json.loads((run / "metrics.jsonl").read_text())
    (run / "metrics.jsonl").write_text(json.dumps(row | {"images_per_second": 1.0}) + "\n")
    speed = re.search(r"^images/s: (\d+)$", say("eval", run, "--data-dir", tiny).out, re.MULTILINE)
    assert int(speed[1]) > 1


def test_eval_scores_the_best(run, tiny, finished, say):
    best, last = (say("eval", run, "--data-dir", tiny, *flag).out for flag in (["--best"], []))
    assert f"parameters sha256: {finished.parameters_sha256}\n" in best
    assert f"test accuracy: {finished.test_accuracy:.4f}\n" in best
    assert "checkpoint: step 1, the best by validation_accuracy\n" in best
    assert finished.parameters_sha256 not in last
    assert "checkpoint: step 2, the last one\n" in last


@pytest.mark.slow
def test_report_shows_the_best(run, tiny, finished, say):
    for flags, shown in ((["--best"], True), ([], False)):
        say("report", run, "--data-dir", tiny, *flags)
        assert (finished.parameters_sha256 in (run / "report.html").read_text()) is shown


@pytest.mark.slow
def test_predict_and_export_use_the_best(run, say, tmp_path):
    Image.fromarray(np.full((28, 28), 99, np.uint8)).save(tmp_path / "grey.png")
    words = ["predict", run, tmp_path / "grey.png", "--json", "--top=10"]
    for flags, same in (([], True), (["--best"], False)):
        (row,) = json.loads(say(*words, *flags).out)
        found = [guess["probability"] for guess in row["predictions"]]
        assert (found == pytest.approx([0.1] * 10, rel=1e-6)) is same
    for flags, there in ((["--best"], True), (["--overwrite"], False)):
        say("export", run, "--to=safetensors", *flags)
        arrays = load_file(run / "exports" / "lenet_modern.safetensors")
        assert arrays["conv1/kernel"].any() == there


def test_the_next_best_where_the_best_is_damaged(run, tiny, say):
    save_zeros(run, 3, {"validation_accuracy": -2.0})
    arrays = (path for path in (run / "checkpoints" / "1").rglob("*") if path.is_file())
    largest = max(arrays, key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:99])
    said = say("eval", run, "--data-dir", tiny, "--best")
    assert "checkpoint: step 2, the best by validation_accuracy\n" in said.out
    assert "checkpoints/1 is damaged (" in said.err
    assert "checkpoints/2 is used in its place" in said.err


@pytest.mark.parametrize("command", ["eval", "predict", "export", "report"])
def test_a_run_without_a_best(command, run, tiny, say, tmp_path):
    """It was never scored: its first epoch is not finished."""
    save_zeros(run, 3, None)
    for step in ("1", "2"):
        shutil.rmtree(run / "checkpoints" / step)
    Image.new("L", (28, 28)).save(tmp_path / "x.png")
    more = {
        "eval": ["--data-dir", tiny],
        "predict": [tmp_path / "x.png"],
        "export": ["--to=safetensors"],
        "report": ["--data-dir", tiny],
    }
    said = say(command, run, "--best", *more[command])
    assert said.err.count("\n") == 1
    assert (
        f"--best: there is no checkpoint with a validation_accuracy in {run}/checkpoints: the best "
        f"is chosen on validation images, which --validation 0.1 holds out, from the end of the "
        f"first epoch on" in said.err
    )
    assert not (run / "exports").exists()
