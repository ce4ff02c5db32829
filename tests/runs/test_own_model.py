"""Models of one's own: tried before any work, never executed unless named, known by a digest."""

import contextlib
import dataclasses
import json

import jax
import numpy as np
import optax
import pytest

from jaxcnn import runs
from jaxcnn.cli import main
from jaxcnn.data import load_dataset
from jaxcnn.layers import Conv2d, Dense, Flatten, Function, GlobalAvgPool, Layer, Sequential
from jaxcnn.runs import RunFolder, TrainConfig, UserError, read_config
from jaxcnn.runs.digests import model_sha256
from jaxcnn.runs.log import quiet
from jaxcnn.runs.model import maker_in
from tests.runs.numbers import numbers

NETS = """
import pathlib
from jaxcnn.layers import *

pathlib.Path(__file__).with_suffix(".executed").write_text("")

def tiny(num_classes):
    return Sequential(Conv2d(4, 3), Activation("relu"), GlobalAvgPool(), Dense(num_classes))

def other(num_classes):
    return Sequential(Conv2d(4, 3), Activation("tanh"), GlobalAvgPool(), Dense(num_classes))

def too_large(num_classes):
    return Sequential(a=Conv2d(4, 3), b=Sequential(c=Conv2d(4, 40)), d=Flatten(), e=Dense(num_classes))

def too_many(num_classes):
    return Sequential(Flatten(), Dense(num_classes + 1))

def wrong_rank(num_classes):
    return Conv2d(num_classes, 3)

def without_train(num_classes):
    return Layer(lambda key, shape: ({}, {}), lambda params, state, x: (x[:, :num_classes, 0, 0], state))

def not_finite(num_classes):
    return Sequential(flat=Flatten(), dense=Dense(num_classes), log=Function(lambda x: x / 0))

def fails(num_classes):
    raise RuntimeError("out of order")

def number(num_classes):
    return 3
"""


@pytest.fixture
def nets(tmp_path):
    path = tmp_path / "nets.py"
    path.write_text(NETS)
    return path


@pytest.fixture
def say(capsys):
    def say(*words):
        with contextlib.suppress(SystemExit):
            main([str(word) for word in words])
        return capsys.readouterr()

    return say


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("too_large", r"cannot take images of 28×28×1: in layer b/c: conv2d: the window spans \(40, 40\)"),
        ("too_many", r"must give logits of shape \(2, 10\), one for each of the 10 classes, got \(2, 11\)"),
        ("wrong_rank", r"must give logits of shape \(2, 10\), .* got \(2, 26, 26, 10\)"),
        ("without_train", "unexpected keyword argument 'train'"),
        ("not_finite", "gives outputs that are not finite before it has learned anything: from layer log on"),
        ("fails", "--model .*: RuntimeError: out of order"),
        ("number", "must return a jaxcnn.layers.Layer, got int"),
        ("absent", r"unknown function 'absent' \(known: fails, "),
    ],
)  # fmt: skip
def test_a_model_that_does_not_fit_is_refused_before_any_work(function, message, nets, tmp_path):
    with pytest.raises(UserError, match=message) as error:
        runs.train(f"{nets}:{function}", run_dir=tmp_path / "run")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_last_batch_of_one_image(tmp_path):
    """Batch norm has one value for each channel there; what else can be trained on one, is."""
    few = {"split": "train[:9]", "batch_size": 4, "epochs": 1}
    with pytest.raises(UserError, match=r"last batch of an epoch has one image.*lenet_bn") as error:
        runs.train("lenet_bn", "digits", **few, run_dir=tmp_path / "run")
    assert "in layer bn3" in str(error.value)
    assert not (tmp_path / "run").exists()
    with quiet():
        assert runs.train("lenet", "digits", **few).history[0]["step"] == 3


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("nowhere.py:tiny", "--model nowhere.py:tiny: there is no file nowhere.py"),
        ("{}/digits.txt:tiny", "is no Python file"),
        ("{}/broken.py:tiny", "broken.py cannot be run: SyntaxError"),
        ("lenett", "unknown model 'lenett', did you mean 'lenet'"),
    ],
)
def test_a_file_that_is_no_model(model, message, tmp_path):
    (tmp_path / "digits.txt").write_text("")
    (tmp_path / "broken.py").write_text("def")
    with pytest.raises(UserError, match=message):
        runs.train(model.format(tmp_path))


@pytest.mark.slow
def test_the_whole_way_of_a_model_of_ones_own(nets, tiny, tmp_path, say, monkeypatch):
    """Trained, stopped, resumed to the bit, scored, reported, exported; named each time."""
    monkeypatch.chdir(tmp_path)
    flags = ["--dataset", "fashion_mnist", "--data-dir", tiny, "--optimizer", "adam"]
    whole = ["train", "--model", "nets.py:tiny", *flags, "--epochs", 2, "--run-dir", "whole"]
    assert "test accuracy: " in say(*whole).out
    part = ["train", "--model", "nets.py:tiny", *flags, "--run-dir", "part"]
    say(*part, "--epochs", 1)
    said = say("train", "--run-dir", "part", "--resume", "--epochs", 2)
    assert "its file is executed only where the command line names it" in said.err
    say("train", "--run-dir", "part", "--resume", "--epochs", 2, "--model", "nets.py:tiny")
    assert numbers(RunFolder(tmp_path / "part")) == numbers(RunFolder(tmp_path / "whole"))
    saved = json.loads((tmp_path / "whole" / "config.json").read_text())
    assert (saved["config"]["model"], len(saved["model_sha256"])) == ("nets.py:tiny", 64)
    (tmp_path / "nets.executed").unlink()
    for command in ("eval", "export"):
        words = [command, "whole", *(["--to=safetensors"] if command == "export" else [])]
        said = say(*words)
        assert "one of your own (nets.py:tiny)" in said.err
        assert said.err.count("\n") == 1
        assert not (tmp_path / "nets.executed").exists()
        said = say(*words, "--model", "nets.py:other")
        assert "is another model than whole was trained with" in said.err
        (tmp_path / "nets.executed").unlink()
    assert "test accuracy: " in say("eval", "whole", "--model", "nets.py:tiny").out
    say("export", "whole", "--to=safetensors", "--model", "nets.py:tiny")
    assert (tmp_path / "whole" / "exports" / "tiny.safetensors").exists()
    said = say("report", "whole", "part")
    assert "one of your own (nets.py:tiny)" in said.err
    assert (tmp_path / "report.html").exists()
    assert "one of your own" not in say("report", "whole", "--model", "nets.py:tiny").err


def test_settings_of_others_execute_nothing(nets, tmp_path, say):
    (tmp_path / "their.toml").write_text(f'model = "{nets}:tiny"\n')
    said = say("train", "--config", tmp_path / "their.toml", "--epochs", 1)
    assert "its file is executed only where the command line names it" in said.err
    assert not nets.with_suffix(".executed").exists()


@pytest.mark.slow
def test_an_unknown_model_is_called_that(finished, tiny, tmp_path, say):
    import shutil

    for name in ("a", "b"):
        shutil.copytree(finished.folder.path, tmp_path / "runs" / name)
    path = tmp_path / "runs" / "b" / "config.json"
    content = json.loads(path.read_text())
    content["config"]["model"] = "resnet9000"
    path.write_text(json.dumps(content))
    said = say("eval", tmp_path / "runs" / "b", "--data-dir", tiny)
    assert said.err.startswith("jaxcnn: unknown model 'resnet9000'")
    said = say("report", tmp_path / "runs", "--data-dir", tiny)
    assert "unknown model 'resnet9000'" in said.err
    assert "damaged" not in said.err
    assert (tmp_path / "runs" / "report.html").exists()


def margin(logits, labels):
    return ((jax.nn.one_hot(labels, 10) - logits) ** 2).sum(-1)


def confidence(logits, labels):
    return jax.nn.softmax(logits).max(-1)


@pytest.fixture(scope="module")
def arrays(tiny):
    data = load_dataset("fashion_mnist", data_dir=tiny)
    return tuple((split.images, split.labels) for split in (data.train, data.test))


MODEL = Sequential(Conv2d(4, 3), GlobalAvgPool(), Dense(10))


@pytest.mark.slow
def test_objects_of_python(arrays, tmp_path):
    """A layer, arrays, an optax transformation, a loss and a metric; the resume is exact."""
    own = {"optimizer": optax.nadam(0.01), "loss": margin, "metrics": (confidence,)}
    whole = runs.train(MODEL, arrays, **own, epochs=2, batch_size=16)
    assert whole.folder is None
    assert [row["epoch"] for row in whole.history] == [1, 2]
    assert 0 < whole.history[-1]["test_confidence"] < 1
    assert "learning_rate" not in whole.history[-1]
    runs.train(MODEL, arrays, **own, epochs=1, batch_size=16, run_dir=tmp_path / "run")
    more = {"epochs": 2, "batch_size": 16, "run_dir": tmp_path / "run", "resume": True}
    with pytest.raises(
        UserError, match="was begun with another optimizer, loss or metrics than now"
    ):
        runs.train(MODEL, arrays, epochs=2, batch_size=16, run_dir=tmp_path / "run", resume=True)
    with pytest.raises(UserError, match="was begun with another model than now"):
        runs.train(Sequential(Flatten(), Dense(10)), arrays, **own, **more)
    again = runs.train(MODEL, arrays, **own, **more)
    assert again.parameters_sha256 == whole.parameters_sha256
    model, params, state = runs.load(tmp_path / "run", model=MODEL)
    jax.tree.map(np.testing.assert_array_equal, params, whole.params)
    logits, _ = model.apply(params, state, arrays[1][0])
    assert float((logits.argmax(-1) == arrays[1][1]).mean()) == pytest.approx(whole.test_accuracy)


def test_a_run_is_loaded_by_its_name(finished):
    model, params, _ = runs.load(finished.folder.path)
    assert isinstance(model, Layer)
    jax.tree.map(np.testing.assert_array_equal, params, finished.params)
    with pytest.raises(UserError, match="which jaxcnn has: leave --model out"):
        runs.load(finished.folder.path, model=MODEL)


@pytest.mark.slow
def test_without_a_folder_nothing_is_written(arrays, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs.train(MODEL, arrays, epochs=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epohcs": 3}, "train: unknown key 'epohcs', did you mean 'epochs'"),
        ({"epochs": "3"}, "epochs.* must be a whole number, got '3'"),
        (
            {"metrics": (lambda a, b: a,)},
            "each of `metrics` needs a name of its own, got '<lambda>'",
        ),
        ({"optimizer": "sdg"}, "optimizer.* must be one of sgd, .* got 'sdg'"),
    ],
)
def test_settings_that_cannot_be_meant(settings, message, arrays):
    with pytest.raises(UserError, match=message):
        runs.train(MODEL, arrays, **settings)


@pytest.mark.slow
def test_an_early_stop_is_exact_across_a_resume(tiny, tmp_path, capsys):
    """A learning rate of almost nothing: no epoch is better than the first."""
    config = TrainConfig(
        dataset="fashion_mnist", data_dir=tiny, epochs=9, batch_size=16, lr=1e-9, early_stop=2,
        data=dataclasses.replace(TrainConfig().data, validation=0.2), run_dir=tmp_path / "whole",
    )  # fmt: skip
    whole = runs.run(config)
    assert len(whole.history) == 3
    assert (
        "early stop after epoch 3: 2 epochs without a better validation accuracy"
        in capsys.readouterr().out
    )
    part = dataclasses.replace(config, epochs=2, run_dir=tmp_path / "part")
    runs.run(part)
    again = runs.run(dataclasses.replace(part, epochs=9, resume=True))
    assert numbers(again.folder) == numbers(whole.folder)
    assert again.parameters_sha256 == whole.parameters_sha256
    runs.run(dataclasses.replace(part, epochs=9, resume=True))  # at its end: nothing is computed
    assert len(numbers(again.folder)) == 3


def test_a_best_of_before_is_of_validation_images_now(finished, tmp_path):
    import shutil

    folder = RunFolder(shutil.copytree(finished.folder.path, tmp_path / "run"))
    content = json.loads(folder.config.read_text())
    content["config"]["best_by"] = "test_loss"
    folder.config.write_text(json.dumps(content))
    assert read_config(folder).best_by == "validation_loss"


def test_an_early_stop_needs_validation_images():
    with pytest.raises(UserError, match="--early-stop needs --validation"):
        runs.run(TrainConfig(early_stop=1))


def test_functions_count_by_their_source():
    from jaxcnn.runs.digests import model_sha256

    def double(x):
        return 2 * x

    def triple(x):
        return 3 * x

    nets = [Sequential(Function(f), Dense(3)) for f in (double, triple, double)]
    digests = [model_sha256(net) for net in nets]
    assert digests[0] == digests[2] != digests[1]
    assert model_sha256(Dense(3)) != model_sha256(Dense(3, bias=False))


def test_the_digest_counts_what_a_function_uses_of_its_file(tmp_path):
    """A changed class of a Flax module is another model, though its factory is the same."""
    text = "from jaxcnn.layers import *\n\nclass Net:\n    by = {}\n\n"
    text += "def scaled(x):\n    return Net.by * x\n\n"
    text += "def tiny(classes):\n    return Function(lambda x: scaled(x))\n"
    digests = []
    for index, by in enumerate((2.0, 3.0, 2.0)):
        path = tmp_path / f"nets{index}.py"
        path.write_text(text.format(by))
        digests.append(model_sha256(maker_in(f"{path}:tiny")(10)))
    assert digests[0] == digests[2] != digests[1]
