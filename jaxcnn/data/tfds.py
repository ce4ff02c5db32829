"""Reads image classification sets of TensorFlow Datasets without TensorFlow."""

import contextlib
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int32

from jaxcnn.data import preparation
from jaxcnn.data.arrays import with_channels
from jaxcnn.data.dataset import Source, check_label
from jaxcnn.data.errors import DataError
from jaxcnn.data.idx import CLASS_NAMES, FILES
from jaxcnn.data.network import why_unreachable
from jaxcnn.data.options import AS_A_FOLDER, DataOptions
from jaxcnn.data.pictures import decoded
from jaxcnn.data.random_crops import RandomCrops
from jaxcnn.data.selection import Rows, Selection
from jaxcnn.data.tfds_folder import check_count, check_prepared
from jaxcnn.data.transform import Transform
from jaxcnn.errors import shown
from jaxcnn.extras import command, missing

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")

_BATCH = 64
"""The number of images that are decoded at a time; photographs take much memory."""

_log = logging.getLogger(__name__)


def default_directory() -> Path:
    """The folder in which TFDS keeps its data by default."""
    return Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def builder_names() -> list[str]:
    """The names of all data sets that TFDS can prepare."""
    import tensorflow_datasets as tfds

    return list(tfds.list_builders(with_community_datasets=False))


def full_name(name: str) -> str:
    """The name with TFDS's default configuration: ``"emnist"`` becomes ``"emnist/byclass"``."""
    config = None if "/" in name else _builder_class(name).default_builder_config
    return name if config is None else f"{name}/{config.name}"


def find_prepared(name: str, directory: Path) -> Path | None:
    """The folder of the newest prepared version of a data set.

    Args:
        name: a name of TFDS, ``"emnist"`` or, with a configuration, ``"emnist/letters"``.
        directory: a TFDS data directory.

    Returns:
        ``directory/name/version``, or ``None`` if nothing is prepared there.
    """
    versions = [
        (tuple(map(int, match.groups())), path)
        for path in directory.joinpath(name).glob("*")
        if (match := _VERSION.fullmatch(path.name)) and os.path.isfile(path / "dataset_info.json")
    ]
    return max(versions)[1] if versions else None


def open_prepared(name: str, folder: Path, options: DataOptions) -> Source:
    """Open a prepared data set; its images are read when they are needed.

    Args:
        name: the name of the data set.
        folder: its ``directory/name/version``, with ``array_record`` files.
        options: the size and channels of the images; the size is required if the images have
            several sizes.

    Returns:
        The data set, in the order of its files.

    Raises:
        DataError: if it is damaged, is prepared in a format that only TensorFlow reads, or is
            not a set of images with one label each.
    """
    import tensorflow_datasets as tfds

    transform = Transform(options.size, 1 / 255, options.resize_shorter)
    with _in_one_sentence(folder), _quiet():
        check_prepared(folder)
        builder = tfds.builder_from_directory(folder)
        _check_readable(builder, name, folder, options)
        names = tuple(map(shown, builder.info.features["label"].names))
        parts = {
            split: Selection.of(_examples(builder, split, folder, transform, options.channels))
            for split in builder.info.splits
        }
    origin = f"TFDS {builder.version} in {shown(folder.parents[name.count('/') + 1])}"
    return Source(name, parts, names, transform, origin)


@dataclass(frozen=True, eq=False)
class RecordExamples:
    """The examples of a prepared split, which are decoded when they are read.

    Attributes:
        source: the data source of TFDS.
        count: how many examples it has.
        raw_shape: ``(h, w, c)`` of the stored images; ``None`` for a size that varies.
        transform: what is done to the raw pixels.
        channels: 1 or 3; ``None`` leaves them as they are.
        num_classes: the number of classes; every label is smaller.
        folder: the folder of the set, for messages.
        split: the name of the split, for messages.
    """

    source: Any
    count: int
    raw_shape: tuple[int | None, ...]
    transform: Transform
    channels: int | None
    num_classes: int
    folder: Path
    split: str

    def __len__(self) -> int:
        return self.count

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(h, w, c)`` of every image that `read` gives."""
        height, width = self.transform.size or self.raw_shape[:2]
        channels = self.channels or self.raw_shape[2]
        return height or 0, width or 0, channels or 0  # each is there: `_check_readable`

    def read(
        self, rows: Rows, crops: RandomCrops | None = None
    ) -> tuple[Float32[np.ndarray, "n h w c"], Int32[np.ndarray, " n"]]:
        """Images in [0, 1], or parts of them, and labels; a `DataError` for a damaged record."""
        images = np.empty((len(rows), *self.image_shape), np.float32)
        labels = np.empty(len(rows), np.int32)
        for start in range(0, len(rows), _BATCH):
            some = slice(start, start + _BATCH)
            parts = None if crops is None else crops.at(some)
            images[some], labels[some] = self._decoded([int(row) for row in rows[some]], parts)
        return images, labels

    def _decoded(
        self, rows: list[int], crops: RandomCrops | None
    ) -> tuple[list[np.ndarray], list[int]]:
        with _in_one_sentence(self.folder):
            examples = [_example(record) for record in self.source.__getitems__(rows)]
            images = [decoded(image, self.raw_shape[2] or 1) for image, _ in examples]
        labels = [label for _, label in examples]
        for row, image, label in zip(rows, images, labels, strict=True):
            self._check(row, image.shape, label)
        raw = [with_channels(image[np.newaxis], self.channels) for image in images]
        if crops is None:
            return [self.transform(image)[0] for image in raw], labels
        boxes = [crops.box(index, *image.shape[1:3]) for index, image in enumerate(raw)]
        parts = zip(raw, boxes, strict=True)
        return [self.transform.part(image[0], box) for image, box in parts], labels

    def _check(self, row: int, shape: tuple[int, ...], label: int) -> None:
        where = f"{self.folder}, split {self.split}"
        wanted = zip(shape, self.raw_shape, strict=False)
        # Assigning would broadcast an image of another size.
        if len(shape) != 3 or any(size is not None and got != size for got, size in wanted):
            raise DataError(f"{where}: image {row} has the shape {shape}, expected {self._shape}")
        check_label(label, row, self.num_classes, where)

    @property
    def _shape(self) -> str:
        return str(self.raw_shape).replace("None", "any")


def _examples(
    builder: Any, split: str, folder: Path, transform: Transform, channels: int | None
) -> RecordExamples:
    """The examples of a split, whose records come as they are stored.

    TFDS would decode every feature of the set, with readers of more formats than are safe.
    """
    import tensorflow_datasets as tfds

    count, features = builder.info.splits[split].num_examples, builder.info.features
    check_count(folder, split, count)
    raw = tfds.decode.DeserializeMethod.RAW_BYTES
    return RecordExamples(
        source=builder.as_data_source(split, deserialize_method=raw) if count else None,
        count=count,
        raw_shape=tuple(features["image"].shape),
        transform=transform,
        channels=channels,
        num_classes=len(features["label"].names),
        folder=folder,
        split=split,
    )


def _example(record: bytes) -> tuple[bytes, int]:
    """The encoded image and the label in a record."""
    from tensorflow_datasets.proto import tf_example_pb2

    features = tf_example_pb2.Example.FromString(record).features.feature
    (image,), (label,) = features["image"].bytes_list.value, features["label"].int64_list.value
    return image, label


def _check_readable(builder: Any, name: str, folder: Path, options: DataOptions) -> None:
    """Refuse what `RecordExamples` does not expect, before any of it is read."""
    import tensorflow_datasets as tfds

    features, info = builder.info.features, builder.info
    if builder.name != name.split("/")[0]:
        raise DataError(f"{folder}: holds the data set {builder.name}, expected {name}")
    formats = {item.value for item in info.available_file_formats()}
    if "array_record" not in formats:
        raise DataError(
            f"{folder}: prepared as {', '.join(sorted(formats))}, which needs TensorFlow to read, "
            'expected array_record, as download_and_prepare(file_format="array_record") writes'
        )
    connectors = dict(features.items()) if hasattr(features, "items") else {}
    image, label = connectors.get("image"), connectors.get("label")
    if not (
        isinstance(image, tfds.features.Image)
        and isinstance(label, tfds.features.ClassLabel)
        and image.shape[2] in (1, 3)
        and image.np_dtype == np.uint8
    ):
        found = ", ".join(f"{key} {value!r}" for key, value in sorted(connectors.items()))
        raise DataError(
            f"{folder}: its features are {' '.join((found or repr(features)).split())}, expected "
            "an 8-bit grey or colour image called image and a class called label"
        )
    if None in image.shape and options.size is None:
        raise DataError(
            f"{folder}: its images have several sizes, expected --image-size to give them one"
        )


@contextlib.contextmanager
def _in_one_sentence(folder: Path) -> Iterator[None]:
    """Turn the errors of TFDS's parsers and decoders, which are of any type, into `DataError`."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{folder}: cannot be read as a TFDS data set ({_line(error)})") from error


def prepare(name: str, directory: Path) -> Path:
    """Download a data set and prepare it as ``array_record``, in a process of its own.

    Args:
        name: a name of TFDS.
        directory: the TFDS data directory to put it in.

    Returns:
        The folder of the prepared version.

    Raises:
        DataError: if there is no network (within seconds), TensorFlow is not installed, or the
            preparation fails.
    """
    reason = why_unreachable(_address(name))
    if reason is not None:
        raise DataError(_ways(name, directory, reason))
    sentence = missing("preparing it", "tfds-prepare")
    if sentence is not None:
        raise DataError(f"{name} is not in {directory} yet, and {sentence}")
    _log.warning("downloading %s with TFDS to %s, which takes minutes", name, directory)
    done = subprocess.run(
        # -P: the modules beside the program must not stand in for others of the same name.
        [sys.executable, "-P", preparation.__file__, name, os.fspath(directory)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    reason = _reason(done)
    if done.returncode == preparation.NETWORK_FAILED:
        raise DataError(_ways(name, directory, reason))
    prepared = find_prepared(name, directory)
    if done.returncode != 0 or prepared is None:
        raise DataError(f"TFDS could not prepare {name} in {directory}: {reason}")
    return prepared


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Why `preparation` ended; where it could not say so itself, how it ended and its last line."""
    lines = done.stderr.splitlines()
    stated = [line for line in lines if line.startswith(preparation.REASON)]
    if stated:
        return stated[-1].removeprefix(preparation.REASON)
    return ", ".join([f"exit status {done.returncode}", *lines[-1:]])


def _address(name: str) -> str:
    """An address that preparing ``name`` downloads from, or else one that is always there."""
    addresses = _builder_class(name).url_infos or {}
    return next((url for url in addresses if url.startswith("http")), "https://www.tensorflow.org/")


def _builder_class(name: str) -> Any:
    import tensorflow_datasets as tfds

    try:
        with _quiet():
            return tfds.builder_cls(name.split("/")[0])
    except Exception as error:  # the module of a data set may import what is not installed
        raise DataError(f"TFDS cannot load its module for {name} ({_line(error)})") from error


def _ways(name: str, directory: Path, reason: str) -> str:
    ways = [
        f"--data-dir with a TFDS folder that holds {name} prepared as array_record",
        f"a network connection for a download by TFDS (with {command('tfds-prepare')})",
    ]
    if name in CLASS_NAMES:
        ways.insert(0, f"--data-dir with the four IDX files ({', '.join(FILES)}; gzipped or not)")
    else:
        ways.append(f"its pictures in a folder per class ({AS_A_FOLDER})")
    return (
        f"{name} is not in {directory} and cannot be downloaded ({reason}); "
        f"there are three ways to get it: {', or '.join(ways)}"
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence absl, which TFDS uses to print on standard error."""
    absl = logging.getLogger("absl")
    before, absl.disabled = absl.disabled, True
    try:
        yield
    finally:
        absl.disabled = before


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"
