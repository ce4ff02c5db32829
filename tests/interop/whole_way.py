"""The way of a model of another library through the command line, and what is compared on it."""

import contextlib
import csv

import jax
import numpy as np
import pytest

from jaxcnn import runs
from jaxcnn.cli import main
from jaxcnn.layers import count_parameters, summary
from jaxcnn.runs import RunFolder
from tests.runs.numbers import numbers


def close(ours, theirs):
    """Equal to 1e-6 of the largest number of each array."""
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6 * max(1, np.abs(b).max(initial=0)))


def goes_the_whole_way(nets, data, folder, capsys):
    """Trained, resumed, swept to the numbers of the resumed run, reported, exported or refused."""
    name = f"{folder / 'nets.py'}:tiny"
    (folder / "nets.py").write_text(nets)
    given = ["--model", name, "--dataset", "fashion_mnist", "--data-dir", data, "--lr", "0.01"]
    given += ["--batch-size", "53", "--optimizer", "adam"]

    def say(*words):
        with contextlib.suppress(SystemExit):
            main([str(word) for word in words])
        return capsys.readouterr()

    say("train", *given, "--epochs", 1, "--run-dir", folder / "run")
    say("train", "--run-dir", folder / "run", "--resume", "--epochs", 2, "--model", name)
    rows = numbers(RunFolder(folder / "run"))
    vectorized = ["--seeds", 2, "--at-once", 2, "--run-dir", folder / "sweep"]
    say("sweep", *given, "--epochs", 2, *vectorized)
    with (folder / "sweep" / "sweep.csv").open() as file:
        losses = {row["seed"]: row["test_loss"] for row in csv.DictReader(file)}
    assert float(losses["0"]) == pytest.approx(rows[-1]["test_loss"], rel=1e-4)
    assert losses["0"] != losses["1"]
    assert "test accuracy: " in say("eval", folder / "run", "--model", name).out
    assert say("report", folder / "run", "--model", name).err == ""
    model, params, state = runs.load(folder / "run", model=name)
    say("export", folder / "run", "--to", "stablehlo", "--model", name)
    images = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    exported = jax.export.deserialize(
        bytearray((folder / "run" / "exports" / "tiny.stablehlo").read_bytes())
    )
    close(exported.call(images), model.apply(params, state, images)[0])
    for other in ("onnx", "torch"):
        said = say("export", folder / "run", "--to", other, "--model", name).err
        assert f"{model.description.name} has no counterpart in " in said
        assert "--to stablehlo takes any layer" in said
        assert said.count("\n") == 1
    table = summary(model, (1, 28, 28, 1))
    assert [row.parameters for row in table] == [count_parameters(params)]
    shown = say("summary", name, "--image-size", 28, "--channels", 1).out.splitlines()
    assert len(shown) == 3
    assert shown[1].split()[:2] == ["(all)", model.description.name]
