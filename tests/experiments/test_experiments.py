"""The experiments give what their docstrings say, at their real size."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "experiments"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def printed(name, *words, cwd=None):
    """What ``python experiments/NAME.py`` prints."""
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py", *map(str, words)],
        capture_output=True, text=True, timeout=400, cwd=cwd, env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_edge_detection():
    module = load("edge_detection")
    np.testing.assert_array_equal(module.edges(module.image()), [[0, 1, 0, 0, 0, -1, 0]] * 6)
    np.testing.assert_array_equal(module.edges(module.image().T), np.zeros((8, 5)))
    assert "[[ 0  1  0  0  0 -1  0]" in printed("edge_detection")


@pytest.mark.slow
def test_learn_kernel():
    module = load("learn_kernel")
    kernel, losses = module.learn()
    assert len(losses) == 10
    assert losses == sorted(losses, reverse=True)
    np.testing.assert_allclose(kernel.ravel(), [1, -1], atol=0.05)
    found = re.search(r"kernel ends at \[(.+), −(.+)\]", module.__doc__).groups()
    np.testing.assert_allclose(np.abs(kernel.ravel()), [float(x) for x in found], atol=2e-4)
    assert printed("learn_kernel").count("loss") == 10


@pytest.mark.slow
def test_output_shapes():
    module = load("output_shapes")
    sizes = [module.by_convolution(setting) for setting in module.SETTINGS]
    assert sizes == [module.by_formula(setting) for setting in module.SETTINGS]
    assert sizes == [(8, 8), (8, 8), (4, 4), (2, 2)]
    assert "(3, 5)   (0, 1)   (3, 4)   (2, 2)   (2, 2)" in printed("output_shapes")


@pytest.mark.slow
def test_channels():
    module = load("channels")
    np.testing.assert_array_equal(module.multi_in(), [[56, 72], [104, 120]])
    expected = [[[56, 72], [104, 120]], [[76, 100], [148, 172]], [[96, 128], [192, 224]]]
    np.testing.assert_array_equal(np.moveaxis(module.multi_in_out(), -1, 0), expected)
    assert module.one_by_one() < 1e-6
    assert "three output channels (2, 2, 3)" in printed("channels")


@pytest.mark.deep
def test_lenet_digits(tmp_path):
    """At its real size: every epoch, every image."""
    text = printed("lenet_digits", cwd=tmp_path)
    assert float(re.search(r"test accuracy: (.+)", text)[1]) >= 0.95
    assert text.count("\nepoch ") == 30


@pytest.mark.slow
def test_lenet_fashion_mnist(tiny, tmp_path):
    """On a tiny set of the same format; the real one takes minutes and is not in the repository."""
    text = printed(
        "lenet_fashion_mnist", "--data-dir", tiny, "--epochs", 1, "--seeds", 2, cwd=tmp_path
    )
    assert "lenet, sgd, learning rate 0.9, batches of 256, 1 epoch, seed 0" in text
    assert re.search(r"\| mean ± std \| 0\.\d{4} ± 0\.\d{4} \|", text)


@pytest.mark.slow
def test_fine_tuning(tiny, tmp_path):
    """On a tiny set of the same format, with two images of each class."""
    text = printed("fine_tuning", "--data-dir", tiny, "--seeds", 2, "--images", 2, cwd=tmp_path)
    header, _, *rows, means = text.strip().split("\n")
    assert header == "| seed | classes 0 to 4 | from scratch | frozen | whole |"
    values = np.array([[float(cell) for cell in row.strip("| ").split("|")] for row in rows])
    assert values[:, 0].tolist() == [0, 1]
    assert values[:, 1:].min() >= 0
    first = f"{values[:, 1].mean():.4f} ± {values[:, 1].std(ddof=1):.4f}"
    assert means.split(" | ")[:2] == ["| mean ± std", first]
    assert list(tmp_path.iterdir()) == []  # nothing is written


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--images", "7"], "--images must be from 1 to 5, got 7"),
        (["--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["--data", "x"], "unknown option --data, did you mean --data-dir? (--help lists them)"),
    ],
)
def test_fine_tuning_refuses_what_cannot_be_meant(tiny, words, said):
    done = subprocess.run(
        [sys.executable, FOLDER / "fine_tuning.py", "--data-dir", str(tiny), *words],
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, f"jaxcnn: {said}\n")


@pytest.mark.slow
def test_flags_of_an_experiment_that_has_none():
    told = printed("channels", "--help")
    assert "[[56, 72], [104, 120]]" in told
    assert "two input channels:" not in told
    done = subprocess.run(
        [sys.executable, FOLDER / "channels.py", "--seeds", "3"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "jaxcnn: unknown option --seeds (--help lists them)\n"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_docstrings_say_what_command_and_result(path):
    docstring = load(path.stem).__doc__
    for part in ("Shows:", "Command", "Result", f"python experiments/{path.name}"):
        assert part in docstring
    assert "RESULT" not in docstring
