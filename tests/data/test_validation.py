"""Validation images: how many, of which classes, and never one that is learned from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxcnn.data import DataError, DataOptions, load_dataset, open_dataset
from jaxcnn.data.given import dataset_of
from jaxcnn.data.validation import stratified


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60), st.floats(0.01, 0.99), st.integers(0, 9)
)
def test_each_class_gives_its_share(labels, share, seed):
    labels = np.array(labels)
    held = stratified(labels, share, seed)
    assert held.sum() == round(float((np.unique(labels, return_counts=True)[1] * share).sum()))
    for label in np.unique(labels):
        mine = labels == label
        assert abs(held[mine].sum() - share * mine.sum()) < 1
    np.testing.assert_array_equal(held, stratified(labels, share, seed))


def test_another_seed_holds_out_others():
    labels = np.arange(100) % 10
    assert (stratified(labels, 0.2, 0) != stratified(labels, 0.2, 1)).any()


@pytest.mark.parametrize("streaming", [False, True])
def test_no_image_is_in_two_splits(streaming):
    plain = load_dataset("digits")
    data = open_dataset("digits", options=DataOptions(validation=0.1)).load(streaming=streaming)
    train = data.train.load()
    assert (len(train), len(data.validation), len(data.test)) == (1294, 144, 359)
    counts = np.bincount(data.validation.labels)
    assert set(counts) <= {14, 15}
    both = np.concatenate([train.images, data.validation.images]).reshape(1438, -1)
    rows = lambda images: sorted(map(bytes, images.reshape(len(images), -1)))  # noqa: E731
    assert rows(both) == rows(plain.train.images)
    assert list(data.scored) == ["validation", "test"]
    assert list(plain.scored) == ["test"]


def test_of_several_splits():
    options = DataOptions(split="train[:50]+train[100:150]", validation=0.5)
    data = load_dataset("digits", options=options)
    assert (len(data.train), len(data.validation)) == (50, 50)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": 0.0}, "--validation must be between 0 and 1, got 0.0"),
        ({"validation": 1}, "--validation must be between 0 and 1, got 1"),
        ({"validation": True}, "--validation must be between 0 and 1, got True"),
        ({"validation_seed": -1}, r"--validation-seed must be from 0 to 2\*\*32 - 1, got -1"),
        ({"split": "train[:3]", "validation": 0.1}, "--validation 0.1 of 3 training images is no image"),
        ({"split": "train[:3]", "validation": 0.9}, "--validation 0.9 of 3 training images is every image"),
    ],
)  # fmt: skip
def test_shares_that_cannot_be_meant(options, message):
    with pytest.raises(DataError, match=message):
        load_dataset("digits", options=DataOptions(**options))


def pair(count, shape=(8, 8), dtype=np.float64):
    return np.zeros((count, *shape), dtype), np.arange(count) % 2


def test_arrays_are_a_data_set():
    images = np.full((4, 8, 8), 255, np.uint8)
    data = dataset_of(((images, np.array([0, 1, 2, 1])), pair(2)), DataOptions(validation=0.25))
    assert data.class_names == ("0", "1", "2")
    assert (len(data.train), len(data.validation), len(data.test)) == (3, 1, 2)
    assert data.train.images.max() == 1.0
    assert dataset_of(data) is data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, r"data must be \(\(images, labels\), \(test_images, test_labels\)\)"),
        ((pair(4),), "data must be"),
        ((pair(4), pair(2, (9, 9))), r"test images are \(9, 9, 1\), expected \(8, 8, 1\)"),
        ((pair(4), (np.zeros((2, 8, 8)), np.zeros(3, int))), r"images must be \(n, h, w, c\) and labels \(n,\)"),
        ((pair(4), (np.zeros((2, 8, 8)), np.zeros(2))), "labels must be whole numbers, got float64"),
        ((pair(4), (np.full((2, 8, 8), np.nan), np.zeros(2, int))), "images must be finite"),
        (((np.zeros((2, 8, 8)), np.array([0, -1])), pair(2)), "labels: label -1 at position 1"),
    ],
)  # fmt: skip
def test_arrays_that_are_no_data_set(data, message):
    with pytest.raises(DataError, match=message):
        dataset_of(data)


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ("arrays", "random_crop", 0.5),
        ("arrays", "image_size", 14),
        ("arrays", "split", "train[:2]"),
        ("data set", "random_crop", 0.5),
        ("data set", "validation", 0.5),
    ],
)
def test_options_that_what_is_given_has_no_use_for(given, name, value):
    arrays = (np.zeros((4, 3, 3)), np.array([0, 1, 0, 1])), (np.zeros((2, 3, 3)), np.array([0, 1]))
    data = arrays if given == "arrays" else dataset_of(arrays)
    with pytest.raises(DataError, match=f"^{name} is for data sets that are opened by their names"):
        dataset_of(data, DataOptions(**{name: value}))
