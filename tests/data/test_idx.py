import gzip
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxcnn as jc
from jaxcnn.data import DataError, load_dataset
from jaxcnn.data.idx import CLASS_NAMES, read_images, read_labels
from tests.data.idx_files import IMAGES, LABELS, encoded, write_folder
from tests.sweep import sweep

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "idx")


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_four_files_become_a_data_set(tmp_path, name, dotted, zipped):
    write_folder(tmp_path, dotted=dotted, zipped=zipped)
    data = load_dataset(name, data_dir=str(tmp_path))
    for split, prefix in ((data.train, "train"), (data.test, "t10k")):
        np.testing.assert_array_equal(
            split.images, (IMAGES[prefix][..., np.newaxis] / 255).astype(np.float32)
        )
        np.testing.assert_array_equal(split.labels, LABELS[prefix])
        assert split.images.dtype == np.float32
        assert split.labels.dtype == np.int32
        assert len(split) == len(LABELS[prefix])
    assert (data.name, data.num_classes, data.image_shape) == (name, 10, (3, 2, 1))
    assert data.class_names == CLASS_NAMES[name]
    assert data.transform == jc.data.Transform(size=None, scale=1 / 255)
    assert data.source == f"IDX files in {tmp_path}"


def test_a_path_may_begin_with_a_tilde(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert len(load_dataset("mnist", data_dir="~/idx").train) == 4


def test_data_cannot_be_changed_in_place(folder):
    data = load_dataset("mnist", data_dir=folder)
    with pytest.raises(ValueError, match="read-only"):
        data.train.images[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        data.test.labels[0] = 0


def test_gzip_is_told_by_content_and_not_by_name(folder):
    """A browser unpacks a file and keeps its name, or keeps it packed under a plain one."""
    plain = folder / TRAIN_IMAGES
    packed = folder / f"{TRAIN_LABELS}.gz"
    plain.write_bytes(gzip.compress(plain.read_bytes()))
    (folder / TRAIN_LABELS).rename(packed)
    assert len(load_dataset("mnist", data_dir=folder).train) == 4


def test_gzip_of_several_members_is_one_file(folder):
    path = folder / TRAIN_IMAGES
    data = path.read_bytes()
    path.write_bytes(gzip.compress(data[:20]) + gzip.compress(data[20:]))
    np.testing.assert_array_equal(read_images(path), IMAGES["train"])


def refused(folder: Path, message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}$") as caught:
        load_dataset("mnist", data_dir=folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", [f"{s}-{k}-ubyte" for s in IMAGES for k in ("images-idx3", "labels-idx1")]
)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    refused(
        folder,
        rf"{folder} has no {name} \(nor {name}\.gz\), expected the four IDX files "
        "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
        "t10k-labels-idx1-ubyte",
    )


def images(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.uint8)


WHOLE = encoded(IMAGES["train"])
ZIPPED = gzip.compress(WHOLE)

# What stands in the file of the training images, and what is wrong with it.
DAMAGED = {
    "empty": (b"", "0 bytes, expected at least the 16 of a header"),
    "half a magic": (WHOLE[:3], "3 bytes, expected at least the 16 of a header"),
    "half a header": (WHOLE[:15], "15 bytes, expected at least the 16 of a header"),
    "header only": (WHOLE[:16], r"0 bytes after the header, expected 24 \(4 × 3 × 2\)"),
    "truncated": (WHOLE[:-1], r"23 bytes after the header, expected 24 \(4 × 3 × 2\)"),
    "trailing": (WHOLE + b"\0", r"more bytes after the header, expected 24 \(4 × 3 × 2\)"),
    "labels": (
        encoded(LABELS["train"]),
        r"magic number 0x00000801 \(labels\), expected 0x00000803 \(images\)",
    ),
    "a web page": (
        b"<!DOCTYPE html><title>404</title>",
        r"magic number 0x3c21444f, expected 0x00000803 \(images\)",
    ),
    "little-endian": (
        np.array([0x803, 4, 3, 2], "<u4").tobytes() + WHOLE[16:],
        r"magic number 0x03080000, expected 0x00000803 \(images\)",
    ),
    "no images": (encoded(images(0, 3, 2)), "0 for its count, expected at least 1"),
    "no rows": (encoded(images(4, 0, 2)), "0 for its rows, expected at least 1"),
    "no columns": (encoded(images(4, 3, 0)), "0 for its columns, expected at least 1"),
    "too large": (
        np.array([0x803, 2**32 - 1, 2**16, 2**16], ">u4").tobytes(),
        "18,446,744,069,414,584,320 pixels are too many to hold in memory, "
        "expected at most 1,073,741,824",
    ),
    "truncated gzip": (
        ZIPPED[:-9],
        r"damaged gzip file \(.*end.of.stream.*\), expected a whole one",
    ),
    "gzip without its end": (
        ZIPPED[:-8],
        r"damaged gzip file \(.*end.of.stream.*\), expected a whole one",
    ),
    "gzip of another sum": (
        ZIPPED[:-8] + b"\0\0\0\0" + ZIPPED[-4:],
        r"damaged gzip file \(CRC check failed .*\), expected a whole one",
    ),
    "gzip of another length": (
        ZIPPED[:-4] + b"\1\0\0\0",
        r"damaged gzip file \(Incorrect length .*\), expected a whole one",
    ),
    "gzip damaged within": (
        ZIPPED[:10] + b"\xff" * 8 + ZIPPED[18:],
        r"damaged gzip file \(Error -3 .*\), expected a whole one",
    ),
    "gzip and more": (
        ZIPPED + b"more",
        r"damaged gzip file \(Not a gzipped file .*\), expected a whole one",
    ),
    "truncated in gzip": (
        gzip.compress(WHOLE[:-1]),
        r"23 bytes after the header, expected 24 \(4 × 3 × 2\)",
    ),
    "trailing in gzip": (
        gzip.compress(WHOLE + b"\0"),
        r"more bytes after the header, expected 24 \(4 × 3 × 2\)",
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_refused(folder, case):
    content, message = DAMAGED[case]
    path = folder / TRAIN_IMAGES
    path.write_bytes(content)
    refused(folder, f"{path}: {message}")


LABEL_FILES = {
    "images": (
        encoded(IMAGES["train"]),
        r"magic number 0x00000803 \(images\), expected 0x00000801 \(labels\)",
    ),
    "half a header": (encoded(LABELS["train"])[:7], "7 bytes, expected at least the 8 of a header"),
    "truncated": (encoded(LABELS["train"])[:-1], r"3 bytes after the header, expected 4 \(4\)"),
    "outside": (
        encoded(np.array([3, 0, 10, 255], np.uint8)),
        "label 10 at position 2 is outside the classes, expected 0 to 9",
    ),
    "too few": (
        encoded(LABELS["train"][:3]),
        f"3 labels for the 4 images of {TRAIN_IMAGES}, expected as many",
    ),
}


@pytest.mark.parametrize("case", LABEL_FILES)
def test_wrong_labels_are_refused(folder, case):
    content, message = LABEL_FILES[case]
    path = folder / TRAIN_LABELS
    path.write_bytes(content)
    refused(folder, f"{path}: {message}")


def test_the_splits_must_agree_in_size(folder):
    path = folder / "t10k-images-idx3-ubyte"
    path.write_bytes(encoded(images(2, 2, 3)))
    refused(folder, f"{path}: images of 2×3, expected 3×2 as in {TRAIN_IMAGES}")


def test_a_file_that_cannot_be_opened_is_refused(folder):
    path = folder / TRAIN_IMAGES
    path.unlink()
    path.mkdir()
    refused(folder, rf"{path}: cannot be read \(Is a directory\), expected an IDX file")


def test_a_file_is_never_unpacked_further_than_its_header_says(tmp_path):
    """64 MiB of zeros pack into 64 KiB; the header claims a single pixel."""
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(encoded(images(1, 1, 1)) + bytes(2**26)))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"more bytes after the header, expected 1 \("):
        read_images(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


def test_a_false_header_sets_no_memory_aside(tmp_path):
    path = tmp_path / "claim"
    path.write_bytes(np.array([0x803, 2**10, 2**10, 2**10], ">u4").tobytes())
    tracemalloc.start()
    with pytest.raises(DataError, match="0 bytes after the header, expected 1,073,741,824"):
        read_images(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


@sweep(100)
@given(content=st.binary(max_size=64), zipped=st.booleans(), magic=st.booleans())
def test_any_bytes_are_read_or_refused_with_a_sentence(tmp_path_factory, content, zipped, magic):
    if magic:
        content = b"\0\0\x08\x01\0\0\0" + content
    path = tmp_path_factory.mktemp("any") / "labels"
    path.write_bytes(gzip.compress(content) if zipped else content)
    try:
        labels = read_labels(path)
    except DataError as error:
        sentence = str(error)
    else:
        assert encoded(labels) == content
        return
    assert sentence.startswith(f"{path}: ")
    assert "expected" in sentence


@pytest.mark.skipif("JAXCNN_FASHION_MNIST" not in os.environ, reason="needs the real files")
def test_the_real_fashion_mnist():
    data = load_dataset("fashion_mnist", data_dir=os.environ["JAXCNN_FASHION_MNIST"])
    assert data.train.images.shape == (60_000, 28, 28, 1)
    assert data.test.images.shape == (10_000, 28, 28, 1)
    assert np.bincount(data.train.labels).tolist() == [6_000] * 10
    assert np.bincount(data.test.labels).tolist() == [1_000] * 10
    # The mean and deviation that Fashion-MNIST is known by.
    assert data.train.images.mean(dtype=np.float64) == pytest.approx(0.2860, abs=5e-5)
    assert data.train.images.std(dtype=np.float64) == pytest.approx(0.3530, abs=5e-5)
