"""The model of a run, loaded for use."""

import gc
import json
import pickle
import shutil

import numpy as np
import pytest

from jaxcnn.data import load_dataset
from jaxcnn.runs import RunFolder, UserError, load_trained
from tests.data.test_inputs import Malicious


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of the run, to be damaged."""
    shutil.copytree(finished.folder.path, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def test_the_model_and_what_is_known_of_it(finished, tiny):
    trained = load_trained(finished.folder)
    data = load_dataset("fashion_mnist", data_dir=tiny)
    assert trained.facts == (data.image_shape, data.class_names, data.transform, None)
    card = trained.card
    assert json.loads(json.dumps(card)) == card
    assert card["parameters_sha256"] == finished.parameters_sha256
    assert card["transform"] == {"size": None, "scale": 1 / 255, "shorter": None}
    assert card["class_names"][9] == "Ankle boot"
    assert card["epochs"] == trained.epochs == 1


@pytest.mark.slow
def test_probabilities(finished, tiny):
    """As the run scored them; more images than go through the model at once."""
    trained = load_trained(finished.folder)
    test = load_dataset("fashion_mnist", data_dir=tiny).test
    found = trained.probabilities(np.tile(test.images, (20, 1, 1, 1)))
    assert found.shape == (340, 10)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found[-17:], found[:17], rtol=1e-4)
    assert (found[:17].argmax(axis=1) == test.labels).mean() == finished.test_accuracy
    assert trained.probabilities(test.images[:0]).shape == (0, 10)
    losses = -np.log(found[np.arange(17), test.labels])
    assert losses.mean() == pytest.approx(finished.test_loss, rel=1e-4)


def change(folder, *names_and_value):
    *names, last, value = names_and_value
    content = json.loads(folder.config.read_text())
    inner = content
    for name in names:
        inner = inner[name]
    inner[last] = value
    folder.config.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change_to", "sentence"),
    [
        (("data", "image_shape", [28, 28]), "data.image_shape must be a list of 3 values, got [28, 28]"),
        (("data", "image_shape", [28, 28, -1]), "data.image_shape[2] must be a whole number from 1 to 32,767, got -1"),
        (("data", "image_shape", [28, 28, 10**9]), "data.image_shape[2] must be a whole number from 1 to 32,767, got 1000000000"),
        (("data", "image_shape", [30000, 30000, 1]), "must be of at most 67,108,864 numbers"),
        (("data", "image_shape", [2, 2, 1]), "lenet_modern cannot take images of 2×2×1"),
        (("data", "class_names", []), "data.class_names must be a list of 1 to 100,000 values, got []"),
        (("data", "class_names", [1, 2]), "data.class_names[0] must be text of at most 1,000 characters, got 1"),
        (("data", "class_names", 3), "config.json is damaged: data.class_names must be a list of 1 to 100,000 values, got 3"),
        (("transform", "scale", -1), "Transform: `scale` must be positive, got -1"),
        (("transform", "size", [9, 9]), "transform.size must be that of the images, [28, 28]"),
        (("transform", "shorter", 9), "Transform: `shorter` must be at least `size`, got 9 and None"),
        (("transform", "code", "x"), "config.json is damaged: transform.code is unknown"),
        (("data", None), "config.json is damaged: data must be a table, got None"),
        (("config", "model", "../../lenet"), "unknown model '../../lenet'"),
        (("config", "experiment", "../../x"), "--experiment must be a short name without slashes"),
    ],
    ids=str,
)  # fmt: skip
def test_a_damaged_config(folder, change_to, sentence):
    change(folder, *change_to)
    with pytest.raises(UserError) as caught:
        load_trained(folder)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def _collected():
    """Where Orbax fails it leaves coroutines behind, which complain when they are collected."""
    yield
    gc.collect()


failing_restore = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@failing_restore
@pytest.mark.usefixtures("_collected")
@pytest.mark.parametrize(
    "change_to",
    # An image of 32,000 × 32,000 pixels would need a dense kernel of 492 gigabytes.
    [("image_shape", [8000, 8000, 1]), ("class_names", ["a", "b"])],
    ids=str,
)
def test_a_config_of_other_sizes_than_the_checkpoint(folder, change_to):
    change(folder, "data", *change_to)
    with pytest.raises(UserError, match="the checkpoint .* is of another model"):
        load_trained(folder)


def test_a_run_without_a_checkpoint(folder):
    shutil.rmtree(folder.checkpoints / "1")
    with pytest.raises(UserError, match="run has no checkpoint yet"):
        load_trained(folder)
    folder.checkpoints.rmdir()
    with pytest.raises(UserError, match="run has no checkpoint yet"):
        load_trained(folder)


@pytest.mark.slow
@failing_restore
@pytest.mark.usefixtures("_collected")
def test_nothing_in_a_checkpoint_is_unpickled(finished, folder, tmp_path):
    """Each file in turn is a malicious pickle: refused in a sentence, or not read; never run."""
    trace = tmp_path / "trace"
    content = pickle.dumps(Malicious(trace))
    files = [path for path in folder.checkpoints.rglob("*") if path.is_file()]
    refusals = 0
    for path in files:
        good = path.read_bytes()
        path.write_bytes(content)
        try:
            assert load_trained(folder).card["parameters_sha256"] == finished.parameters_sha256
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017
            refusals += 1
        path.write_bytes(good)
    assert refusals >= 3
    assert not trace.exists()
    assert load_trained(folder).card["parameters_sha256"] == finished.parameters_sha256
