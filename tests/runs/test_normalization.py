"""`--normalize`: recorded in the run, a part of the model, applied wherever the model goes."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from jaxcnn import runs
from jaxcnn.data import DataOptions, open_dataset
from jaxcnn.errors import UserError
from jaxcnn.interop import FORMATS, ModelToExport
from jaxcnn.layers import Dense, Flatten, Layer, Sequential
from jaxcnn.models import MODELS
from jaxcnn.runs import RunFolder, TrainConfig, load_trained, run
from jaxcnn.runs.normalization import IMAGENET, Normalization, normalization_for
from jaxcnn.runs.trained import evaluate


@pytest.fixture
def config(tiny, tmp_path):
    return TrainConfig(
        model="lenet_modern", dataset="fashion_mnist", data_dir=tiny, epochs=1, batch_size=8,
        optimizer="adam", normalize="dataset", run_dir=tmp_path / "run",
    )  # fmt: skip


def data(tiny, *, streaming=False, channels=None):
    options = DataOptions(channels=channels)
    found = open_dataset("fashion_mnist", data_dir=tiny, options=options)
    return found.load(streaming=streaming)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_statistics_are_those_of_the_training_images(tiny, streaming, channels):
    images = data(tiny, channels=channels).train.images.astype(np.float64)
    found = normalization_for("dataset", data(tiny, streaming=streaming, channels=channels))
    np.testing.assert_allclose(found.mean, images.mean((0, 1, 2)), atol=1e-6)
    np.testing.assert_allclose(found.std, images.std((0, 1, 2)), atol=1e-6)


def test_a_channel_of_one_value_is_not_divided_by_zero(tiny):
    black = data(tiny)
    black = dataclasses.replace(
        black, train=dataclasses.replace(black.train, images=black.train.images * 0)
    )
    assert normalization_for("dataset", black) == Normalization((0.0,), (1.0,))


def test_none_and_imagenet(tiny):
    assert normalization_for("none", data(tiny)) is None
    assert normalization_for("imagenet", data(tiny, channels=3)) == IMAGENET
    with pytest.raises(UserError, match="--normalize imagenet is for images of 3 channels, got 1: add --channels 3"):  # fmt: skip
        normalization_for("imagenet", data(tiny))


@pytest.mark.slow
def test_the_model_normalizes_and_its_parameters_keep_their_names(config, tiny):
    done = run(config)
    saved = json.loads(done.folder.config.read_text())["normalization"]
    model, params, state = runs.load(config.run_dir)
    plain = MODELS["lenet_modern"](10)
    assert jax.tree.structure(params) == jax.tree.structure(
        plain.init(jax.random.key(0), (1, 28, 28, 1))[0]
    )
    images = data(tiny).test.images
    expected, _ = plain.apply(params, state, (images - saved["mean"]) / np.float32(saved["std"]))
    np.testing.assert_allclose(model.apply(params, state, images)[0], expected, atol=1e-5)
    without = run(dataclasses.replace(config, normalize="none", run_dir=config.run_dir / "plain"))
    assert without.parameters_sha256 != done.parameters_sha256


@pytest.mark.slow
def test_scored_and_resumed_as_it_was_trained(config):
    done = run(config)
    assert evaluate(done.folder, config).scores == done.scores
    whole = run(dataclasses.replace(config, epochs=2, run_dir=config.run_dir / "whole"))
    again = run(dataclasses.replace(config, epochs=2, resume=True))
    assert again.parameters_sha256 == whole.parameters_sha256


@pytest.mark.parametrize("target", ["onnx", "stablehlo"])
@pytest.mark.slow
def test_exports_take_plain_images(config, tiny, tmp_path, target):
    run(config)
    trained = load_trained(RunFolder(config.run_dir))
    assert trained.card["normalization"] == trained.facts.normalization.facts
    subject = ModelToExport(
        trained.model, trained.params, trained.model_state, (28, 28, 1), trained.card
    )
    files = FORMATS[target].files(subject, "net")
    images = data(tiny).test.images
    expected = trained.model.apply(trained.params, trained.model_state, images)[0]
    if target == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(files["net.onnx"])
        (given,) = session.run(None, {"images": images.transpose(0, 3, 1, 2)})
    else:
        exported = jax.export.deserialize(bytearray(files["net.stablehlo"]))
        given = exported.call(images)
    np.testing.assert_allclose(given, expected, atol=1e-5)


@pytest.mark.slow
def test_a_model_of_ones_own_that_is_not_made_of_layers(tiny):
    inner = Sequential(Flatten(), Dense(10))
    own = Layer(inner.init, inner.apply)
    settings = {"epochs": 1, "batch_size": 8, "optimizer": "adam", "normalize": "dataset"}
    results = [runs.train(model, data(tiny), **settings) for model in (own, inner)]
    assert results[0].parameters_sha256 == results[1].parameters_sha256
    assert sorted(results[0].params) == ["1"]


@pytest.mark.slow
def test_images_of_any_number_of_channels(tmp_path):
    images = np.random.default_rng(0).uniform(0, 1, (8, 2, 2, 7)).astype(np.float32)
    pair = images, np.arange(8) % 2
    model, folder = Sequential(Flatten(), Dense(2)), tmp_path / "run"
    runs.train(model, (pair, pair), epochs=1, normalize="dataset", run_dir=folder)
    loaded, params, state = runs.load(folder, model=model)
    mean, std = images.mean((0, 1, 2)), images.std((0, 1, 2))
    expected, _ = model.apply(params, state, (images - mean) / std)
    np.testing.assert_allclose(loaded.apply(params, state, images)[0], expected, atol=1e-4)


@pytest.mark.slow
def test_another_normalization_is_refused_on_resume(config):
    done = run(config)
    content = json.loads(done.folder.config.read_text())
    other = {"mean": [0.5], "std": [0.5]}
    done.folder.config.write_text(json.dumps({**content, "normalization": other}))
    with pytest.raises(UserError, match="was begun with another normalization of the images"):
        run(dataclasses.replace(config, epochs=2, resume=True))


@pytest.mark.parametrize(
    ("normalization", "message"),
    [
        ({"mean": [0.5, 0.5], "std": [1, 1]}, "normalization must have 1 means and deviations"),
        ({"mean": [0.5], "std": [0]}, "normalization.std must be positive, got"),
        ({"mean": [0.5]}, "normalization"),
        ([1], "normalization"),
    ],
)
@pytest.mark.slow
def test_what_a_stranger_wrote_is_checked(config, normalization, message):
    done = run(config)
    content = json.loads(done.folder.config.read_text())
    done.folder.config.write_text(json.dumps({**content, "normalization": normalization}))
    with pytest.raises(UserError, match=message):
        load_trained(done.folder)
