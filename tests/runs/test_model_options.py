"""`--model-options`: what a model's function takes besides the number of classes."""

import pytest

from jaxcnn import runs
from jaxcnn.cli import main
from jaxcnn.layers import Dense, Flatten, Sequential, summary
from jaxcnn.models import MODELS, mobilenet_v2
from jaxcnn.runs import UserError
from jaxcnn.runs.model import find_model, maker_in
from jaxcnn.runs.model_options import parse_model_options


def parameters(model, shape):
    return sum(row.parameters for row in summary(model, shape))


def test_values_are_numbers_words_or_several():
    texts = ["a=1", "b=0.5", "c=true", "d=None", "e=small", "f=3,4,6", "g=1e-3", "h=-2", "i=nan"]
    assert parse_model_options(texts) == {
        "a": 1, "b": 0.5, "c": True, "d": None, "e": "small", "f": (3, 4, 6), "g": 1e-3, "h": -2,
        "i": "nan",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("mobilenet_v2", ["width"], "--model-options takes NAME=VALUE, such as width=0.5, got 'width'"),
        ("mobilenet_v2", ["=3"], "--model-options takes NAME=VALUE, such as width=0.5, got '=3'"),
        ("mobilenet_v2", ["width=1", "width=2"], "--model-options names width twice"),
        ("mobilenet_v2", ["widht=1"], "--model-options: unknown option of mobilenet_v2 'widht', did you mean 'width'? (known: dropout, stem, width)"),
        ("lenet", ["width=1"], "--model-options: lenet takes no options, got 'width'"),
        ("mobilenet_v2", ["width=0"], "--model-options: mobilenet_v2: `width` must be positive, got 0"),
        ("mobilenet_v2", ["width=wide"], "--model-options: mobilenet_v2: `width` must be a number, got 'wide'"),
        ("vgg11", ["width=-1"], "--model-options: vgg11: `width` must be positive, got -1"),
        ("mobilenet_v3_small", ["width=-1"], "--model-options: mobilenet_v3_small: `width` must be positive, got -1"),
        ("resnet18", ["stem=tiny"], "--model-options: resnet18: `stem` must be 'imagenet' or 'small', got 'tiny'"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_sentence(capsys, tmp_path, model, options, message):
    words = ["train", "--model", model, "--model-options", *options, "--run-dir"]
    with pytest.raises(SystemExit, match="2"):
        main([*words, f"{tmp_path}/run"])
    assert capsys.readouterr() == ("", f"jaxcnn: {message}\n")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_model_has_them():
    model = find_model("mobilenet_v2", 10, options=["width=0.35", "stem=small"])
    shape = (1, 28, 28, 1)
    wanted = mobilenet_v2(10, width=0.35, stem="small")
    assert parameters(model, shape) == parameters(wanted, shape)
    assert parameters(model, shape) < parameters(MODELS["mobilenet_v2"](10), shape)


NETS = """
from jaxcnn.layers import *

def net(num_classes, hidden=3):
    return Sequential(a=Flatten(), b=Dense(hidden), c=Dense(num_classes))
"""


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "nets.py"
    path.write_text(NETS)
    return f"{path}:net"


@pytest.mark.slow
def test_a_run_remembers_them(net, tmp_path):
    folder = tmp_path / "run"
    settings = {"epochs": 1, "model_options": ["hidden=7"]}
    runs.train(net, run_dir=folder, **settings)
    _, params, _ = runs.load(folder, model=net)
    assert params["b"]["kernel"].shape == (784, 7)
    runs.train(net, run_dir=folder, resume=True, **{**settings, "epochs": 2})
    with pytest.raises(UserError, match=r"model.options"):
        runs.train(net, run_dir=folder, resume=True, epochs=3, model_options=["hidden=8"])


def test_a_function_of_ones_own_takes_them(net):
    maker = maker_in(net)
    model = find_model(net, 10, maker, options=["hidden=7"])
    assert parameters(model, (1, 2, 2, 1)) == 4 * 7 + 7 + 7 * 10 + 10
    with pytest.raises(UserError, match="unexpected keyword argument 'depth'"):
        find_model(net, 10, maker, options=["depth=7"])


def test_a_layer_takes_none():
    message = "--model-options are for a model that is made by its name, not a Layer"
    with pytest.raises(UserError, match=message):
        runs.train(Sequential(Flatten(), Dense(10)), epochs=1, model_options=["width=1"])


@pytest.mark.slow
def test_summary_takes_them(capsys):
    words = ["summary", "resnet20", "--image-size", "32", "--model-options", "width=2"]
    main(words)
    assert "272,474" not in capsys.readouterr().out
