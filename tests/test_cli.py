"""The command as a user runs it: in a process of its own."""

import json
import os
import re
import subprocess
import sys

import pytest

from jaxcnn.cli import main


def jaxcnn(*words, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "jaxcnn", *map(str, words)],
        capture_output=True, text=True, timeout=180, cwd=cwd, env=os.environ | {"COLUMNS": "100"},
    )  # fmt: skip


def refused(*words, cwd=None):
    """What a refused command says: on standard error, status 2, no traceback."""
    done = jaxcnn(*words, cwd=cwd)
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    return done.stderr


def noted(log):
    """The lines of a log, without the time."""
    return [line.partition(" ")[2] for line in log.splitlines()]


@pytest.mark.slow
def test_train_then_eval(tiny, tmp_path):
    run = tmp_path / "run"
    done = jaxcnn("train", "--model", "lenet", "--dataset", "fashion_mnist", "--data-dir", tiny, "--epochs", 2,
                  "--batch-size", 16, "--lr", 0.9, "--seed", 0, "--run-dir", run, "--platform", "cpu")  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "devices: 1 × cpu"
    assert [line.split(": ")[0] for line in lines[-4:]] == ["test accuracy", "images/s", "parameters sha256", "run folder"]  # fmt: skip
    assert lines[-1] == f"run folder: {run}"
    assert re.fullmatch(r"parameters sha256: [0-9a-f]{64}", lines[-2])
    assert sum(line.startswith("epoch ") for line in lines) == 2
    assert done.stderr == ""
    log = (run / "log.txt").read_text()
    assert noted(log) == lines
    scored = jaxcnn("eval", run)
    assert (scored.returncode, scored.stderr) == (0, "")
    ends = scored.stdout.splitlines()[-4:]
    assert [ends[0], *ends[2:]] == [lines[-4], *lines[-2:]]
    assert re.fullmatch(r"images/s: \d+", ends[1])
    more = jaxcnn("train", "--run-dir", run, "--resume", "--epochs", 3)
    assert more.returncode == 0, more.stderr
    assert "resume: going on after epoch 2" in more.stdout
    longer = (run / "log.txt").read_text()
    assert longer.startswith(log)  # eval, too, has left it as it was
    assert noted(longer) == [*lines, *more.stdout.splitlines()]
    assert json.loads((run / "config.json").read_text())["config"]["epochs"] == 3
    again = jaxcnn("train", "--run-dir", run, "--resume")
    assert again.returncode == 0, again.stderr
    assert "already holds a run" in refused("train", "--run-dir", run)


@pytest.mark.slow
def test_default_run_folder(tiny, tmp_path):
    done = jaxcnn("train", "--dataset", "mnist", "--data-dir", tiny, "--epochs", 1, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"lenet-mnist-\d{8}-\d{6}", folder.name)


@pytest.mark.slow
def test_unknown_flag_names_the_nearest():
    message = refused("train", "--epohcs", "3")
    assert "--epohcs" in message
    assert "--epochs" in message


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "--model", "resnet"], "unknown model 'resnet'"),
        (["train", "--dataset", "fashion_mnits"], "fashion_mnist"),
        (["train", "--lr", "-0.1"], "--lr must be a positive number, got -0.1"),
        (["train", "--dataset", "mnist", "--data-dir", "nowhere"], "nowhere"),
        (["eval", "nowhere"], "nowhere holds no run"),
        (["check", "conv2dd"], "unknown op 'conv2dd', did you mean 'conv2d'?"),
        (["check", "--strict", "--no-defects"], "--strict and --no-defects contradict each other"),
        (["train", "--resume"], "--resume needs --run-dir"),
        (
            ["train", "--split", "train[:5", "--augment", "flip"],
            "--split 'train[:5': expected splits as TFDS",
        ),
        (["train", "--crop-padding", "2"], "--crop-padding needs --augment pad-crop"),
        (["data", "inspect", "--dataset", "image_folder", "--data-dir", "."], "has no subfolders"),
        (["train", "--resume", "--run-dir", "nowhere"], "nowhere holds no run"),
    ],
)
def test_mistakes_are_one_sentence(words, sentence, tmp_path, monkeypatch, capsys):
    """In this process, which has imported everything already."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        main(words)
    message = capsys.readouterr().err
    assert sentence in message
    assert message.startswith("jaxcnn: ")
    assert message.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "sweep"])
def test_a_platform_that_is_not_here(command, tmp_path):
    message = refused(command, "--platform", "tpu", cwd=tmp_path)
    assert message.startswith("jaxcnn: --platform tpu is not available")
    assert message.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_truncated_idx_file(tiny, tmp_path):
    for path in tiny.iterdir():
        content = path.read_bytes()
        (tmp_path / path.name).write_bytes(content[:-1] if "t10k-images" in path.name else content)
    message = refused("train", "--dataset", "mnist", "--data-dir", tmp_path)
    assert "t10k-images-idx3-ubyte" in message
    assert message.count("\n") == 1


@pytest.mark.slow
def test_help_says_what_each_flag_is():
    done = jaxcnn("train", "--help")
    assert done.returncode == 0
    for flag in ("--model", "--dataset", "--data-dir", "--epochs", "--lr", "--seed", "--run-dir"):
        assert flag in done.stdout
    assert "Learning rate" in done.stdout


@pytest.mark.slow
def test_data_inspect_prints_counts_and_draws_a_sheet(tmp_path):
    done = jaxcnn("data", "inspect", "--test-split", "test[:100]", "--output", tmp_path / "x.png")
    assert done.returncode == 0, done.stderr
    assert "all       1,438       100" in done.stdout.splitlines()
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_check_prints_a_table():
    done = jaxcnn("check", "corr2d", "pad", "--dtypes", "float32", "float64")
    assert done.returncode == 0, done.stderr
    assert "4 of 4 rows ok" in done.stdout
    assert "jax #39103: sums of fused reductions: " in done.stdout
