"""Tests `jaxcnn predict` and `jaxcnn export`, also on files from strangers."""

import json
import pickle
import shutil
import zipfile

import jax
import numpy as np
import onnxruntime
import pytest
from PIL import Image

from jaxcnn.cli import main
from jaxcnn.data import load_dataset
from jaxcnn.layers import Function, rebuild
from jaxcnn.models import MODELS
from jaxcnn.runs import RunFolder, load_trained
from tests.data.test_inputs import Malicious
from tests.test_cli import jaxcnn

NAMES = ["exact.png", "large.jpg", "clear.webp"]


@pytest.fixture
def run(finished, tmp_path):
    shutil.copytree(finished.folder.path, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def pictures(tiny, tmp_path):
    """Three image files of a folder, and the first as the network saw it."""
    seen = load_dataset("fashion_mnist", data_dir=tiny).test.images[0]
    image = Image.fromarray((seen[..., 0] * 255).round().astype(np.uint8))
    image.save(tmp_path / NAMES[0])
    image.resize((300, 200)).convert("RGB").save(tmp_path / NAMES[1])
    image.convert("RGBA").save(tmp_path / NAMES[2])
    return seen


@pytest.fixture
def say(tmp_path, monkeypatch, capsys):
    """The command in this process and in ``tmp_path``: its exit status, output and complaint."""
    monkeypatch.chdir(tmp_path)

    def say(*words):
        try:
            main([str(word) for word in words])
            status = 0
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return say


@pytest.mark.slow
def test_predict(run, pictures, say, tmp_path):
    done = jaxcnn("predict", run, *NAMES, "--json", "--top", 2, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    rows = json.loads(done.stdout)
    assert [row["image"] for row in rows] == NAMES
    wanted = load_trained(RunFolder(run)).probabilities(pictures[None])[0]
    best = np.argsort(-wanted)[:2]
    first = rows[0]["predictions"]
    assert [guess["label"] for guess in first] == best.tolist()
    np.testing.assert_allclose([guess["probability"] for guess in first], wanted[best], rtol=1e-5)
    status, plain, complaint = say("predict", run, NAMES[0])
    assert (status, complaint) == (0, "")
    assert plain.startswith(f"exact.png: {first[0]['class']} {wanted[best[0]]:.4f}, ")
    assert plain.count(",") == 2


@pytest.mark.slow
def test_export(run, say, tmp_path):
    images = np.random.default_rng(0).uniform(size=(2, 28, 28, 1)).astype(np.float32)
    wanted = load_trained(RunFolder(run)).probabilities(images)
    path = "there/net.stablehlo"
    assert say("export", run, "--to", "stablehlo", "--output", path) == (
        0, f"exported: {path}\nbeside it: {path}.json\n", ""
    )  # fmt: skip
    artefact = jax.export.deserialize(bytearray((tmp_path / path).read_bytes()))
    np.testing.assert_allclose(jax.nn.softmax(artefact.call(images)), wanted, rtol=1e-5)
    done = jaxcnn("export", run, "--to", "onnx")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"exported: {run}/exports/lenet_modern.onnx\n",
        "",
    )
    session = onnxruntime.InferenceSession(run / "exports" / "lenet_modern.onnx")
    (logits,) = session.run(None, {"images": np.ascontiguousarray(images.transpose(0, 3, 1, 2))})
    np.testing.assert_allclose(jax.nn.softmax(logits), wanted, rtol=1e-5)
    status, _, complaint = say("export", run, "--to", "onnx")
    assert status == 2
    assert "lenet_modern.onnx is there already: give --overwrite" in complaint
    assert say("export", run, "--to", "onnx", "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["predict", "RUN"], "IMAGE is missing: image files of any size"),
        (["predict", "RUN", "exact.png", "nowhere.png"], "nowhere.png: cannot be read (No such file"),
        (["predict", "RUN", "exact.png", "--top", "0"], "--top must be at least 1, got 0"),
        (["predict", "nowhere", "exact.png"], "nowhere holds no run"),
        (["predict", "exact.png", "exact.png"], "exact.png is a file, not the folder of a run"),
        (["export", "nowhere", "--to", "onnx"], "nowhere holds no run"),
        (["export", "RUN", "--to", "onnx", "--output", "a.pt"], "--output must end in .onnx for onnx, got a.pt"),
        (["export", "RUN", "--to", "torch", "--output", ".safetensors"], "--output must end in .safetensors"),
    ],
    ids=str,
)  # fmt: skip
def test_mistakes_are_one_sentence(words, sentence, run, pictures, say, tmp_path):
    before = sorted(path.name for path in tmp_path.iterdir())
    status, output, message = say(*(run if word == "RUN" else word for word in words))
    assert (status, output) == (2, "")
    assert sentence in message
    assert message.startswith("jaxcnn: ")
    assert message.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("to", ["onnx", "torch"])
def test_what_cannot_be_written_is_named(to, run, say, monkeypatch):
    """Here a network of which one activation is a function that no format knows."""

    def changed(classes):
        known = lenet_modern(classes)
        own = Function(jax.nn.relu)
        return rebuild(known, {"relu2": own})

    lenet_modern = MODELS["lenet_modern"]
    monkeypatch.setitem(MODELS, "lenet_modern", changed)
    status, output, message = say("export", run, "--to", to)
    assert (status, output) == (2, "")
    assert message.startswith("jaxcnn: relu2: Function has no counterpart in ")
    assert message.endswith("; --to stablehlo takes any layer\n")
    assert message.count("\n") == 1
    assert not (run / "exports").exists()
    assert say("export", run, "--to", "stablehlo")[0] == 0


@pytest.mark.parametrize("words", [["predict", "exact.png"], ["export", "--to", "torch"]], ids=str)
def test_a_pickle_is_no_run(words, pictures, say, tmp_path):
    trace = tmp_path / "trace"
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "config.json").write_bytes(pickle.dumps(Malicious(trace)))
    with zipfile.ZipFile(tmp_path / "weights.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Malicious(trace)))
    for run, sentence in (
        ("evil", "config.json is damaged"),
        ("weights.pt", "weights.pt is a file"),
    ):
        status, output, complaint = say(words[0], run, *words[1:])
        assert (status, output) == (2, "")
        assert sentence in complaint
        assert complaint.count("\n") == 1
    assert not trace.exists()


def test_class_names_cannot_command_a_terminal(run, pictures, say, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    content = (copy / "config.json").read_text()
    (copy / "config.json").write_text(content.replace('"Ankle boot"', '"\\u001b[2J"'))
    status, output, _ = say("predict", copy, "exact.png", "--top", 10)
    assert status == 0
    assert "\\x1b[2J 0." in output
    assert "\x1b" not in output
