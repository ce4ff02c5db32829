"""Reads the IDX files of MNIST and Fashion-MNIST, and refuses damaged ones.

An images file is four big-endian 32-bit numbers (magic 0x803, count, rows, columns) and a byte
per pixel; a labels file is two (magic 0x801, count) and a byte per label.

Reference: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, 1998, "The IDX
file format".
"""

import gzip
import math
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import UInt8

from jaxcnn.data.arrays import ArrayExamples
from jaxcnn.data.dataset import Source, check_fits_memory, check_labels
from jaxcnn.data.errors import DataError
from jaxcnn.data.options import DataOptions
from jaxcnn.data.selection import Selection
from jaxcnn.data.transform import Transform
from jaxcnn.errors import shown
from jaxcnn.reading import open_file, reason

IMAGES_MAGIC = 0x00000803
LABELS_MAGIC = 0x00000801
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
"""The four files of a folder; each may have a dot before ``idx`` and ``.gz`` at its end."""

CLASS_NAMES = {
    "mnist": tuple("0123456789"),
    "fashion_mnist": (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
}
"""The class names of each data set, since IDX files contain labels only."""

_KINDS = {IMAGES_MAGIC: "images", LABELS_MAGIC: "labels"}
_CHUNK = 2**20


def open_idx(name: str, folder: Path, class_names: Sequence[str], options: DataOptions) -> Source:
    """Open the data set in the four IDX files of a folder.

    Args:
        name: the name of the data set.
        folder: the folder with the four files, each gzipped or not.
        class_names: one name per class, in the order of the labels.
        options: the size and channels of the images.

    Returns:
        The data set. Its images have any size, but the same one in both splits.

    Raises:
        DataError: if a file is missing or damaged, or does not fit the others.
    """
    paths = [_find(folder, file) for file in FILES]
    arrays = []
    for images_path, labels_path in (paths[:2], paths[2:]):
        images, labels = read_images(images_path), read_labels(labels_path)
        if len(images) != len(labels):
            raise DataError(
                f"{labels_path}: {len(labels)} labels for the {len(images)} images of "
                f"{images_path.name}, expected as many"
            )
        check_labels(labels, class_names, str(labels_path))
        arrays.append((images, labels))
    (train, _), (test, _) = arrays
    if train.shape[1:] != test.shape[1:]:
        raise DataError(
            f"{paths[2]}: images of {_by(test)}, expected {_by(train)} as in {paths[0].name}"
        )
    transform = Transform(options.size, 1 / 255, options.resize_shorter)
    parts = {
        part: Selection.of(ArrayExamples(images, labels, transform, options.channels))
        for part, (images, labels) in zip(("train", "test"), arrays, strict=True)
    }
    return Source(name, parts, tuple(class_names), transform, f"IDX files in {shown(folder)}")


def is_idx_folder(folder: Path) -> bool:
    """Whether ``folder`` contains any of the four files."""
    return any(os.path.exists(path) for file in FILES for path in _spellings(folder, file))


def read_images(path: Path) -> UInt8[np.ndarray, "n h w"]:
    """The images of an IDX file; raises `DataError` if it is damaged."""
    return _read(path, IMAGES_MAGIC, ("count", "rows", "columns"))


def read_labels(path: Path) -> UInt8[np.ndarray, " n"]:
    """The labels of an IDX file; raises `DataError` if it is damaged."""
    return _read(path, LABELS_MAGIC, ("count",))


def _find(folder: Path, file: str) -> Path:
    for path in _spellings(folder, file):
        if os.path.exists(path):
            return path
    raise DataError(
        f"{folder} has no {file} (nor {file}.gz), expected the four IDX files {', '.join(FILES)}"
    )


def _spellings(folder: Path, file: str) -> list[Path]:
    names = (file, file.replace("-idx", ".idx"))
    return [folder / (name + end) for name in names for end in ("", ".gz")]


def _read(path: Path, magic: int, axes: Sequence[str]) -> np.ndarray:
    try:
        with open_file(path) as file:
            # By content: a browser may have unpacked the file and kept the name, or the reverse.
            if file.read(2) == b"\x1f\x8b":
                file.seek(0)
                with gzip.GzipFile(fileobj=file) as unpacked:
                    return _parse(path, unpacked, magic, axes)
            file.seek(0)
            return _parse(path, file, magic, axes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: damaged gzip file ({error}), expected a whole one") from error
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({reason(error)}), expected an IDX file"
        ) from error


def _parse(
    path: Path, file: BinaryIO | gzip.GzipFile, magic: int, axes: Sequence[str]
) -> np.ndarray:
    header = _read_up_to(file, 4 * (1 + len(axes)))
    found = int.from_bytes(header[:4], "big")
    if len(header) >= 4 and found != magic:
        hint = f" ({_KINDS[found]})" if found in _KINDS else ""
        raise DataError(
            f"{path}: magic number 0x{found:08x}{hint}, expected 0x{magic:08x} ({_KINDS[magic]})"
        )
    if len(header) < 4 * (1 + len(axes)):
        raise DataError(
            f"{path}: {len(header)} bytes, expected at least the {4 * (1 + len(axes))} of a header"
        )
    shape = tuple(int(size) for size in np.frombuffer(header[4:], ">u4"))
    for axis, size in zip(axes, shape, strict=True):
        if size == 0:
            raise DataError(f"{path}: 0 for its {axis}, expected at least 1")
    expected = math.prod(shape)
    check_fits_memory(expected, str(path))
    # One byte more than there should be tells too long from right, and in a gzip file it is what
    # makes the checksum be read. A file that unpacks to terabytes is never unpacked further.
    body = _read_up_to(file, expected + 1)
    if len(body) != expected:
        came = "more" if len(body) > expected else f"{len(body):,}"
        sizes = " × ".join(map(str, shape))
        raise DataError(f"{path}: {came} bytes after the header, expected {expected:,} ({sizes})")
    return np.frombuffer(body, np.uint8).reshape(shape)


def _read_up_to(file: BinaryIO | gzip.GzipFile, count: int) -> bytearray:
    """At most ``count`` bytes, without setting memory aside for what a false header claims."""
    body = bytearray()
    while len(body) < count and (block := file.read(min(_CHUNK, count - len(body)))):
        body += block
    return body


def _by(images: np.ndarray) -> str:
    return f"{images.shape[1]}×{images.shape[2]}"
