import threading
import time

import numpy as np
import pytest

from jaxcnn.data import DataError, DataOptions, open_dataset
from jaxcnn.data.stream import Stream
from tests.data import prepared
from tests.data.folders import noise, truncate, write


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, {"a": 10, "b": 10})
    return tmp_path


@pytest.fixture
def opened(folder):
    return open_dataset("image_folder", data_dir=folder)


def batches(stream, order, start=0):
    return [(part.images.copy(), part.labels.copy()) for part in stream.at(order, start)]


def test_batches_are_those_of_the_images_in_memory(opened):
    data = opened.load()
    order = np.random.default_rng(0).permutation(len(data.train))
    found = batches(Stream(opened.train, 3, threads=2), order)
    assert [len(labels) for _, labels in found] == [3, 3, 3, 3, 3, 1]
    np.testing.assert_array_equal(np.concatenate([i for i, _ in found]), data.train.images[order])
    np.testing.assert_array_equal(np.concatenate([x for _, x in found]), data.train.labels[order])


def test_a_pass_goes_on_from_any_batch(opened):
    order = np.random.default_rng(0).permutation(len(opened.train))
    whole = batches(Stream(opened.train, 3), order)
    for start in (0, 4, 5, 6):
        rest = batches(Stream(opened.train, 3), order, start)
        assert len(rest) == 6 - start
        for (images, labels), (mine, its) in zip(whole[start:], rest, strict=True):
            np.testing.assert_array_equal(images, mine)
            np.testing.assert_array_equal(labels, its)


def test_the_position_is_the_next_batch(opened):
    stream, order = Stream(opened.train, 3), np.arange(len(opened.train))
    assert stream.position == 0
    reader = stream.at(order, 2)
    assert stream.position == 2
    next(reader)
    assert stream.position == 3
    assert stream.at(order, 3) is reader  # what was read ahead is used
    assert stream.at(order.copy(), 3) is not reader  # another pass
    stream.close()
    assert stream.position == 0


def test_threads_are_bounded_and_end(opened):
    before = threading.active_count()
    stream = Stream(opened.train, 1, threads=2)
    next(stream.at(np.arange(len(opened.train)), 0))
    assert threading.active_count() <= before + 2
    stream.close()
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_a_damaged_picture_is_named_when_its_batch_comes(folder):
    noise(folder / "b" / "9.png")
    path = truncate(folder / "b" / "9.png")
    options = DataOptions("all[1:]", "all[:1]", image_size=4, channels=1)
    opened = open_dataset("image_folder", data_dir=folder, options=options)
    order = np.arange(len(opened.train))
    reader = Stream(opened.train, 4).at(order, 0)
    for _ in range(4):
        next(reader)
    with pytest.raises(DataError, match=rf"^{path}: cannot be read"):
        next(reader)


def test_records_of_tfds_are_decoded_when_they_are_read(tmp_path):
    folder = prepared.write(tmp_path, labels=prepared.LABELS | {"train": (3, 0, 9, 10)})
    opened = open_dataset("mnist", data_dir=tmp_path)
    reader = Stream(opened.train, 2).at(np.array([2, 0, 3]), 0)
    first = next(reader)
    np.testing.assert_array_equal(first.labels, [9, 3])
    expected = (prepared.IMAGES["train"][[2, 0]] / 255).astype(np.float32)
    np.testing.assert_array_equal(first.images, expected)
    message = f"^{folder}, split train: label 10 at position 3 is outside the classes"
    with pytest.raises(DataError, match=message):
        next(reader)
