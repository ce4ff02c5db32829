"""The table of faults, and those that are no other file's matter."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import jaxcnn
from jaxcnn.cli.experiments import ExperimentsConfig, experiments_command
from jaxcnn.runs import TrainConfig, UserError, run
from tests.data.idx_files import encoded

REPOSITORY = Path(__file__).parents[1]


def test_each_test_in_the_table_exists():
    table = (REPOSITORY / "docs" / "faults.md").read_text()
    names = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", table)
    rows = [line for line in table.splitlines() if line.startswith("| ") and "::" in line]
    assert len(names) == len(rows) > 20
    for file, name in names:
        tree = ast.parse((REPOSITORY / file).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name


def test_nothing_unpickles():
    """No pickle, marshal, shelve, joblib or dill, and no NumPy file with objects in it."""
    forbidden = {"pickle", "cPickle", "marshal", "shelve", "joblib", "dill", "cloudpickle"}
    for path in Path(jaxcnn.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = set()
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").split(".")[0]}
            elif isinstance(node, ast.keyword):
                names = {"pickle"} if node.arg == "allow_pickle" else set()
            assert not names & forbidden, path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"experiment": "../../x"}, "--experiment must be a short name"),
        ({"dataset": "../../etc/passwd"}, "unknown data set"),
        ({"dataset": "mnist/../../x"}, "unknown data set"),
        ({"model": "../x"}, "unknown model"),
    ],
)
def test_names_are_no_paths(change, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        run(TrainConfig(**change))
    assert not list(tmp_path.iterdir())


def written(folder, train_images, test_images, label):
    """An IDX folder of so many images, all of one class."""
    for prefix, count in (("train", train_images), ("t10k", test_images)):
        images, labels = np.full((count, 28, 28), 9, np.uint8), np.full(count, label, np.uint8)
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(encoded(images))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(encoded(labels))
    return TrainConfig(
        dataset="mnist", data_dir=folder, epochs=1, batch_size=256, run_dir=folder / "run"
    )


@pytest.mark.slow
def test_one_image_of_one_class(tmp_path):
    result = run(written(tmp_path, 1, 1, 3))
    assert result.test_accuracy in (0.0, 1.0)


@pytest.mark.slow
def test_a_batch_larger_than_the_data(tmp_path, capsys):
    run(written(tmp_path, 5, 2, 0))
    assert "note: batches of 256 are more than the 5 training images" in capsys.readouterr().out


@pytest.mark.parametrize("counts", [(0, 2), (2, 0)])
def test_no_images(counts, tmp_path):
    with pytest.raises(UserError, match="idx3-ubyte: 0 for its count, expected at least 1"):
        run(written(tmp_path, *counts, 0))
    assert not (tmp_path / "run").exists()


def test_the_list_of_experiments(capsys):
    experiments_command(ExperimentsConfig())
    lines = capsys.readouterr().out.splitlines()
    assert (
        "lenet_digits.py         Trains LeNet on the handwritten digits that scikit-learn includes; no download."
        in lines
    )
    assert len(lines) == len(list((REPOSITORY / "experiments").glob("*.py"))) + 2


def test_an_installed_package_has_no_experiments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(jaxcnn, "__file__", str(tmp_path / "site-packages/jaxcnn/__init__.py"))
    with pytest.raises(UserError, match="an installed package comes without them"):
        experiments_command(ExperimentsConfig())
