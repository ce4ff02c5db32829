import hashlib

import numpy as np
import pytest

from jaxcnn.data import DataError, Transform, load_dataset
from jaxcnn.data.held_out import held_out_of

# The split must stay what it is for as long as results are compared: changing these is wrong.
TEST_INDICES = "8b9e3107a02f0c6ca625424c5ba04c07cd7a6963c3a6e9fb4a9f1dc62dbde498"
TEST_LABELS = "3b10709b619caaa3f1c2e109fdf81fdc19fbe6e71432ee37c8e4549205908a58"


def digest(numbers: np.ndarray) -> str:
    return hashlib.sha256(numbers.astype("<i4").tobytes()).hexdigest()


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def raw():
    from sklearn.datasets import load_digits

    return load_digits()


def test_the_split_is_fixed_forever(digits, raw):
    assert digest(np.flatnonzero(held_out_of(raw.target))) == TEST_INDICES
    assert digest(digits.test.labels) == TEST_LABELS


def test_every_digit_is_in_exactly_one_split(digits, raw):
    assert len(digits.train) + len(digits.test) == len(raw.target) == 1797
    labels = np.concatenate([digits.train.labels, digits.test.labels])
    np.testing.assert_array_equal(np.bincount(labels), np.bincount(raw.target))
    mask = held_out_of(raw.target)
    for split, part in ((digits.train, ~mask), (digits.test, mask)):
        np.testing.assert_array_equal(split.labels, raw.target[part])
        np.testing.assert_array_equal(
            split.images, digits.transform(raw.images[part].astype(np.uint8))
        )


def test_each_class_gives_a_fifth(digits):
    """Stratified as well as whole images allow."""
    held, all_ = (
        np.bincount(digits.test.labels),
        np.bincount(np.concatenate([digits.train.labels, digits.test.labels])),
    )
    assert np.abs(held - all_ / 5).max() <= 0.5


def test_digits_look_like_mnist(digits):
    assert digits.image_shape == (28, 28, 1)
    assert digits.num_classes == 10
    assert digits.class_names == tuple("0123456789")
    assert digits.transform == Transform(size=(28, 28), scale=1 / 16)
    assert digits.source == "scikit-learn"
    for split in (digits.train, digits.test):
        assert split.images.dtype == np.float32
        assert split.labels.dtype == np.int32
        assert split.images.min() == 0
        assert split.images.max() == 1


def test_a_data_directory_is_refused(tmp_path):
    with pytest.raises(
        DataError,
        match=f"^digits takes no data directory, since it is embedded, got {tmp_path}$",
    ):
        load_dataset("digits", data_dir=tmp_path)
