import dataclasses
import json

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from jaxcnn.data import DataError, Transform
from tests.sweep import sweep

BYTES = Transform(size=None, scale=1 / 255)


def test_every_byte_is_divided_with_one_rounding():
    raw = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    images = BYTES(raw)
    assert images.shape == (1, 16, 16, 1)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images[..., 0], raw.astype(np.float32) / np.float32(255))


def test_channels_stay_last():
    raw = np.arange(24, dtype=np.uint8).reshape(1, 4, 2, 3)
    np.testing.assert_array_equal(BYTES(raw)[..., 1], BYTES(raw[..., 1])[..., 0])
    large = Transform(size=(5, 7), scale=1 / 255)
    np.testing.assert_array_equal(large(raw)[..., 1], large(raw[..., 1])[..., 0])


@pytest.mark.parametrize("size", [(28, 28), (8, 8), (3, 5), (16, 2), (1, 1)])
def test_resizing_is_that_of_pillow_and_jax(size):
    raw = np.random.default_rng(0).integers(0, 17, (3, 8, 8)).astype(np.uint8)
    images = Transform(size=size, scale=1 / 16)(raw)[..., 0]
    scaled = raw.astype(np.float32) / 16
    pillow = [
        Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR) for image in scaled
    ]
    np.testing.assert_allclose(images, np.stack(pillow), atol=1e-6)
    np.testing.assert_allclose(images, jax.image.resize(scaled, (3, *size), "bilinear"), atol=1e-6)


@pytest.mark.parametrize("image", [(30, 41), (41, 30), (8, 8), (5, 90), (256, 300)])
@pytest.mark.parametrize(("shorter", "size"), [(16, (14, 14)), (15, (10, 9)), (8, (8, 8))])
def test_the_middle_of_the_image_whose_shorter_side_was_resized(image, shorter, size):
    raw = np.random.default_rng(0).uniform(0, 1, image).astype(np.float32)
    (found,) = Transform(size, 1.0, shorter)(raw[None])[..., 0]
    height, width = (shorter * side // min(image) for side in image)
    whole = Image.fromarray(raw).resize((width, height), Image.Resampling.BILINEAR)
    top, left = round((height - size[0]) / 2), round((width - size[1]) / 2)
    middle = whole.crop((left, top, left + size[1], top + size[0]))
    np.testing.assert_allclose(found, np.asarray(middle), atol=1e-6)


def test_a_long_picture_needs_little_memory():
    """Resized as a whole, it would have 7.7 million columns, each with 30,000 weights."""
    raw = np.tile(np.arange(30000, dtype=np.uint16) % 256, (1, 1, 1)).astype(np.uint8)
    (found,) = Transform((8, 8), 1 / 255, 256)(raw)
    np.testing.assert_allclose(found[..., 0], raw[0, 0, 15000 - 1] / 255, atol=1 / 255)


def test_a_circle_stays_round():
    y, x = np.mgrid[:60, :90]
    circle = (((y - 29.5) ** 2 + (x - 44.5) ** 2) < 20**2).astype(np.float32)[None]
    for transform, round_ in (
        (Transform((24, 24), 1.0, 24), True),
        (Transform((24, 24), 1.0), False),
    ):
        inside = transform(circle)[0, ..., 0] > 0.5
        assert (inside.any(0).sum() == inside.any(1).sum()) == round_


@pytest.mark.parametrize(
    ("size", "shorter"), [(None, 8), ((9, 8), 8), ((4, 4), 8.0), ((4, 4), True)]
)
def test_a_shorter_side_that_cannot_be_meant(size, shorter):
    with pytest.raises(ValueError, match="Transform: `shorter` must be"):
        Transform(size, 1.0, shorter)


def test_chunks_do_not_show():
    raw = np.random.default_rng(0).integers(0, 17, (1500, 2, 2))
    transform = Transform(size=(3, 3), scale=1 / 16)
    np.testing.assert_allclose(transform(raw)[1020:1030], transform(raw[1020:1030]), atol=1e-7)


@sweep(50)
@given(
    shape=st.tuples(*[st.integers(1, 9)] * 2),
    size=st.none() | st.tuples(*[st.integers(1, 9)] * 2),
    value=st.integers(0, 255),
)
def test_a_flat_image_stays_flat_and_within_range(shape, size, value):
    raw = np.full((2, *shape), value, np.uint8)
    images = Transform(size=size, scale=1 / 255)(raw)
    np.testing.assert_allclose(images, value / 255, atol=1e-7)
    assert images.shape == (2, *(size or shape), 1)
    assert 0 <= images.min() <= images.max() <= 1


def test_no_images_are_fine():
    assert Transform(size=(4, 4), scale=1)(np.zeros((0, 2, 2))).shape == (0, 4, 4, 1)
    assert BYTES(np.zeros((0, 2, 2), np.uint8)).shape == (0, 2, 2, 1)


def test_the_input_is_left_alone():
    raw = np.ones((1, 2, 2, 1), np.float32)
    Transform(size=None, scale=0.5)(raw)
    assert raw.max() == 1


@pytest.mark.parametrize("size", [None, (28, 28)])
def test_it_survives_the_config_of_a_run(size):
    transform = Transform(size=size, scale=1 / 255)
    assert Transform(**json.loads(json.dumps(dataclasses.asdict(transform)))) == transform


ONE = (1, 1, 1)

REFUSED = {
    "a list": ([[[0]]], TypeError, "images must be a NumPy array, got list"),
    "no numbers": (np.zeros(ONE, bool), TypeError, "images must be integers or floats, got bool"),
    "two axes": (
        np.zeros((2, 2)),
        DataError,
        r"images must have the axes \(n, h, w\) or \(n, h, w, c\), got \(2, 2\)",
    ),
    "no rows": (np.zeros((1, 0, 2)), DataError, r"images must not be empty, got shape \(1, 0, 2\)"),
    "too bright": (np.full(ONE, 256), DataError, "pixels must be from 0 to 255, got 256 to 256"),
    "negative": (np.full(ONE, -1), DataError, "pixels must be from 0 to 255, got -1 to -1"),
    "not a number": (
        np.full(ONE, np.nan),
        DataError,
        "pixels must be from 0 to 255, got nan to nan",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_image_is_refused(case):
    raw, error, message = REFUSED[case]
    with pytest.raises(error, match=f"^Transform: {message}$"):
        BYTES(raw)


@pytest.mark.parametrize("size", [3, (3,), (3, 3, 3), (3.0, 3), "ab"])
def test_a_size_is_two_ints(size):
    with pytest.raises(ValueError, match=r"^Transform: `size` must be None or two ints, got .+$"):
        Transform(size=size, scale=1)


def test_a_size_is_not_empty():
    with pytest.raises(ValueError, match=r"^Transform: `size` must be at least 1, got \(0, 3\)$"):
        Transform(size=(0, 3), scale=1)


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf"), "1"])
def test_a_scale_is_positive(scale):
    with pytest.raises(ValueError, match=r"^Transform: `scale` must be positive, got .+$"):
        Transform(size=None, scale=scale)
