"""The parts of a page, each on numbers whose outcome is plain."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.data import Split, Transform
from jaxcnn.layers import Conv2d, Flatten, Function, Sequential, summary
from jaxcnn.report import pictures
from jaxcnn.report.groups import spread
from jaxcnn.report.layer_pictures import activations_of, choose_sample, first_kernels
from jaxcnn.report.misclassification import ConfusedPair, confusion_of, worst_misclassified
from jaxcnn.report.predictions import Predictions, predict
from jaxcnn.report.scales import make_scale
from jaxcnn.runs import Facts, TrainConfig, Trained
from tests.report.html import decoded

NAMES = ("cat", "dog", "bird")


def scores_of(labels, predicted, losses=None, classes=3):
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    probabilities = np.eye(classes, dtype=np.float32)[predicted]
    losses = np.zeros(len(labels)) if losses is None else losses

    return Predictions(labels, predicted, probabilities, np.asarray(losses, np.float32))


def trained(model, image_shape):
    """A network without parameters, of the classes 0 to 3."""
    facts = Facts(image_shape, tuple("0123"), Transform(None, 1.0))
    return Trained(model, {}, {}, TrainConfig(), facts, 1)


def test_confusion():
    scores = scores_of([0, 0, 0, 0, 1, 1], [0, 0, 1, 2, 0, 0])
    confusion = confusion_of(scores, NAMES)
    counts = [[cell.images for cell in row] for row in confusion.rows]
    assert counts == [[2, 1, 1], [2, 0, 0], [0, 0, 0]]
    assert confusion.rows[1][0].description == "2 images of dog taken for cat"
    # Half of the cats are right; all dogs are wrong, which is the strongest mistake.
    assert [confusion.rows[0][0].share, confusion.rows[1][0].share] == [0.5, 1]
    assert confusion.rows[0][1].share == math.sqrt(1 / 4)
    # Of no dog is it said that it is one; of birds there are none.
    assert [confusion.rows[i][i].missed for i in range(3)] == [False, True, False]
    assert confusion.pairs[0] == ConfusedPair("dog", "cat", 2, 1.0)
    assert [pair.images for pair in confusion.pairs] == [2, 1, 1]
    assert [c.recall for c in confusion.classes] == [0.5, 0, None]
    assert [c.precision for c in confusion.classes] == [0.5, 0, 0]


def test_confusion_of_many_classes_is_a_picture():
    names = tuple(map(str, range(30)))
    confusion = confusion_of(scores_of([3, 3, 4], [3, 7, 4], classes=30), names)
    assert confusion.rows == []
    picture = np.asarray(decoded(confusion.picture))
    assert picture.shape == (30, 30, 4)
    assert {tuple(place) for place in np.argwhere(picture[..., 3])} == {(3, 3), (3, 7), (4, 4)}
    assert tuple(picture[4, 4]) == (*pictures.NEGATIVE, 255)
    assert tuple(picture[3, 7]) == (*pictures.POSITIVE, 255)


def test_the_worst_mistake_comes_first():
    split = Split(np.zeros((5, 4, 4, 1), np.float32), np.array([0, 1, 2, 0, 1], np.int32))
    scores = scores_of(split.labels, [0, 2, 1, 1, 0], [9.0, 0.5, 3.0, math.nan, 1.0])
    worst = worst_misclassified(scores, split, NAMES)
    assert [mistake.place for mistake in worst] == [3, 2, 4, 1]
    assert (worst[1].actual, worst[1].predicted) == ("bird", "dog")
    assert choose_sample(scores) == 0
    assert choose_sample(scores_of([1, 1], [0, 0])) == 0


def test_predictions_do_not_depend_on_the_batches(monkeypatch):
    model = Sequential(flat=Flatten())
    images = np.random.default_rng(0).random((7, 1, 1, 3)).astype(np.float32)
    split = Split(images, np.array([0, 1, 2, 0, 1, 2, 0], np.int32))
    whole = predict(trained(model, (1, 1, 3)), split)
    monkeypatch.setattr("jaxcnn.training.evaluation.EVALUATION_BATCH", 3)
    parts = predict(trained(model, (1, 1, 3)), split)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    logits = images[:, 0, 0].astype(np.float64)
    np.testing.assert_array_equal(whole.predicted, logits.argmax(1))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(whole.probabilities, shares, rtol=1e-5)
    np.testing.assert_allclose(whole.losses, -np.log(shares[range(7), split.labels]), rtol=1e-5)


def test_kernels_in_colour():
    kernel = np.zeros((2, 2, 1, 70), np.float32)
    kernel[0, 0, 0, 0], kernel[1, 1, 0, 0] = 0.5, -0.25
    rows = summary(Sequential(body=Sequential(conv=Conv2d(70, 2))), (1, 4, 4, 1))
    kernels = first_kernels({"body": {"conv": {"kernel": jnp.asarray(kernel)}}}, rows)
    assert (kernels.layer, kernels.shape, kernels.largest) == ("body/conv", (2, 2, 1, 70), 0.5)
    assert kernels.note == "The first 64 of 70 are shown."
    picture = np.asarray(decoded(kernels.pictures[0]))
    assert tuple(picture[0, 0]) == (*pictures.POSITIVE, 255)
    assert tuple(picture[1, 1]) == (*pictures.NEGATIVE, 128)
    assert picture[0, 1, 3] == 0
    assert first_kernels({}, summary(Sequential(flat=Flatten()), (1, 4, 4, 1))) is None


def test_maps_and_fields_of_a_sample():
    """Each map is what its layer gives; a field that nobody knows is not drawn."""
    model = Sequential(
        double=Function(lambda x: 2 * x, elementwise=True),
        half=Function(lambda x: x[:, ::2]),
        flat=Flatten(),
    )
    image = np.arange(8, dtype=np.float32).reshape(1, 4, 2, 1) / 8
    scores = scores_of([1], [3], classes=4)
    rows = summary(model, (1, 4, 2, 1))
    shown = activations_of(trained(model, (4, 2, 1)), rows, image, scores, 0)
    assert [stage.row.path for stage in shown.stages] == [
        "double",
        "half",
    ]  # flat shows nothing new
    np.testing.assert_array_equal(
        np.asarray(decoded(shown.stages[1].maps[0])), np.round(255 * np.array([[0, 1], [4, 5]]) / 5)
    )
    assert [stage.field for stage in shown.stages] == [(1, 2, 1, 1), None]
    assert (shown.stages[0].low, shown.stages[0].high) == (0, 1.75)
    assert [(each.name, each.probability) for each in shown.likeliest[:1]] == [("3", 1)]


def test_pictures_of_odd_arrays():
    assert np.asarray(decoded(pictures.grey(np.full((2, 3), 7.0)))).tolist() == [[0] * 3] * 2
    odd = np.array([[0, np.nan], [np.inf, 2.0]])
    assert np.asarray(decoded(pictures.grey(odd))).tolist() == [[0, 0], [0, 255]]
    colour = np.zeros((300, 200, 3), np.float32)
    colour[..., 0] = 1
    picture = decoded(pictures.photograph(colour))
    assert (picture.mode, picture.size) == ("RGB", (85, 128))
    assert picture.getpixel((5, 5)) == (255, 0, 0)
    five = decoded(pictures.photograph(np.ones((2, 2, 5))))
    assert (five.mode, five.size) == ("L", (2, 2))


def test_spread():
    assert spread([1.0, 2.0, math.nan]) == (1.5, math.sqrt(0.5), 2)
    assert math.isnan(spread([1.0]).deviation)


@pytest.mark.parametrize(
    "values", [[3.0], [0.0], [-2.0], [1.0, 1.0 + 1e-9], [1e-5, 10.0], [-1e12, 1e12]]
)
def test_scales_hold_every_value(values):
    scale = make_scale(values, 200, 10)
    assert all(10 <= scale(value) <= 200 for value in values)
    assert 1 <= len(scale.ticks) <= 8
    counted = make_scale([1, 1, 2], 0, 100, whole=True)
    assert [tick.text for tick in counted.ticks] == ["1", "2"]


@pytest.mark.parametrize(
    ("low", "high"),
    [(18_140, 18_860), (123_000, 123_900), (9_000, 31_000), (1_000_000, 1_000_400), (-2e6, 5e6),
     (2.00001e-5, 2.00005e-5), (1e-7, 5e-7), (3e15, 3.1e15), (0.6161, 0.6164), (7e4, 7e5)],
)  # fmt: skip
def test_an_axis_says_where_its_ticks_are(low, high):
    """Its words are exact: each number stands where it is written, and none is written twice."""
    sizes = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    scale = make_scale([low, high], 0, 1000)
    assert len(scale.ticks) >= 3
    for tick in scale.ticks:
        text, size = tick.text.replace(",", ""), sizes.get(tick.text[-1], 1)
        value = float(text[:-1] if size > 1 else text) * size
        assert abs(scale(value) - tick.place) <= 0.06
    assert len({tick.text for tick in scale.ticks}) == len(scale.ticks)
