import types

import numpy as np
import pytest
import tensorflow_datasets as tfds
from hypothesis import given
from hypothesis import strategies as st

from jaxcnn.data import DataError, DataOptions, load_dataset
from jaxcnn.data.arrays import ArrayExamples
from jaxcnn.data.selection import Selection
from jaxcnn.data.split_syntax import select
from jaxcnn.data.transform import Transform
from tests.data import idx_files, prepared
from tests.data.refusals import refused
from tests.sweep import sweep

SIZES = {"train": 1438, "test": 359, "tiny": 3}


def numbered(sizes):
    """Splits whose labels are the positions of their examples, counted through."""
    parts, begin = {}, 0
    for name, count in sizes.items():
        labels = np.arange(begin, begin + count)
        raw = np.zeros((count, 1, 1), np.uint8)
        parts[name] = Selection.of(ArrayExamples(raw, labels, Transform(None, 1.0)))
        begin += count
    return parts


PARTS = numbered(SIZES)


def positions(spec):
    found = select(spec, PARTS, "--split")
    return found.read(np.arange(len(found)))[1].tolist()


def positions_in_tfds(spec):
    infos = {name: types.SimpleNamespace(num_examples=count) for name, count in SIZES.items()}
    starts = dict(zip(SIZES, np.cumsum([0, *SIZES.values()]), strict=False))
    return [
        starts[piece.splitname] + row
        for piece in tfds.core.splits.AbstractSplit.from_spec(spec).to_absolute(infos)
        for row in range(SIZES[piece.splitname])[piece.from_ : piece.to]
    ]


BOUND = st.one_of(
    st.just(""),
    st.integers(-3, 3).map(str),
    st.integers(-100, 100).map("{}%".format),
    st.sampled_from(["1_0", "-12.5%", "33.3%", "0.1%", "99.9%"]),
)
PIECE = st.one_of(
    st.sampled_from([*SIZES, "all"]), st.builds("{}[{}:{}]".format, st.sampled_from(list(SIZES)), BOUND, BOUND)
)  # fmt: skip


@given(st.lists(PIECE, min_size=1, max_size=3).map(" + ".join))
@sweep(60)
def test_a_split_means_what_it_means_in_tfds(spec):
    try:
        expected = positions_in_tfds(spec)
    except ValueError:
        expected = []
    if expected:
        assert positions(spec) == expected
    else:
        with pytest.raises(DataError):
            positions(spec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("train[:80", "expected splits as TFDS writes them, such as train, train[:80%], train[100:-100] or train+test[:50%]"),
        ("train[5]", "expected splits as TFDS writes them"),
        ("train[:]", "expected splits as TFDS writes them"),
        ("", "expected splits as TFDS writes them"),
        ("train+", "expected splits as TFDS writes them"),
        ("../x", "expected splits as TFDS writes them"),
        ("trian[:3]", "unknown split 'trian', did you mean 'train'? (known: all (1,800), train (1,438), test (359), tiny (3))"),
        ("train[:2000]", "train[:2000] reaches beyond the 1,438 examples of train"),
        ("train[:101%]", "train[:101%] reaches beyond 100%"),
        ("train[:0]", "0 examples, expected at least 1"),
        ("train[10:5]", "0 examples, expected at least 1"),
    ],
)  # fmt: skip
def test_what_is_no_split_is_refused(spec, message):
    with pytest.raises(DataError) as caught:
        select(spec, PARTS, "--test-split")
    assert str(caught.value).startswith(f"--test-split {spec!r}: {message}")


def test_every_source_is_sliced_alike(tmp_path):
    """Rows 1 to 3 of four training images, whatever they come from."""
    options = DataOptions("train[1:3]", "test[50%:]")
    folders = idx_files.write_folder(tmp_path / "idx"), tmp_path / "tfds"
    prepared.write(folders[1])
    for folder in folders:
        data = load_dataset("mnist", data_dir=folder, options=options)
        assert data.train.labels.tolist() == [0, 9]
        assert data.test.labels.tolist() == [1]
    whole, some = load_dataset("digits"), load_dataset("digits", options=options)
    np.testing.assert_array_equal(some.train.images, whole.train.images[1:3])
    np.testing.assert_array_equal(some.test.images, whole.test.images[180:])


def test_no_image_is_learned_and_tested():
    refused(
        r"--split 'train' and --test-split 'test\+train\[-5:\]' share 5 images, expected none, so "
        "that nothing is tested that was learned",
        "digits",
        options=DataOptions(test_split="test+train[-5:]"),
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (DataOptions(image_size=0), "--image-size must be from 1 to 4096, got 0"),
        (DataOptions(image_size=10**9), "--image-size must be from 1 to 4096, got 1000000000"),
        (DataOptions(channels=2), "--channels must be 1 or 3, got 2"),
        (DataOptions(split=3), "--split must be text, got 3"),
        (DataOptions(image_size="3"), "--image-size must be a whole number, got '3'"),
        (3, "the options of a data set must be DataOptions, got 3"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    refused(message, "digits", options=options)


def test_a_name_is_text():
    refused("the name of a data set must be text, got 3", 3)


def test_grey_images_as_colour_and_back(tmp_path):
    data = load_dataset("digits", options=DataOptions("train[:2]", channels=3, image_size=9))
    assert data.train.images.shape == (2, 9, 9, 3)
    np.testing.assert_array_equal(data.train.images[..., 0], data.train.images[..., 2])
    colours = np.array([[[[255, 0, 0]]], [[[0, 255, 0]]], [[[9, 9, 9]]]], np.uint8)
    prepared.write(
        tmp_path,
        images={"train": colours, "test": colours[:1]},
        labels={"train": (0, 1, 2), "test": (0,)},
        features={
            "image": tfds.features.Image(shape=(1, 1, 3)),
            "label": tfds.features.ClassLabel(num_classes=10),
        },
    )
    grey = load_dataset("mnist", data_dir=tmp_path, options=DataOptions(channels=1))
    assert (grey.train.images.ravel() * 255).round().tolist() == [76, 150, 9]
    assert grey.image_shape == (1, 1, 1)
