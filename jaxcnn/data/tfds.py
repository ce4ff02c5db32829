"""Image classification sets of TensorFlow Datasets, read without TensorFlow."""

import contextlib
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from jaxcnn.data import preparation
from jaxcnn.data.dataset import Dataset, check_fits_memory, check_labels, split_of
from jaxcnn.data.errors import DataError
from jaxcnn.data.idx import CLASS_NAMES, FILES
from jaxcnn.data.network import why_unreachable
from jaxcnn.data.transform import Transform

TRANSFORM = Transform(size=None, scale=1 / 255)

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_BATCH = 512

_log = logging.getLogger(__name__)


def default_directory() -> Path:
    """Where TFDS keeps its data when nobody says otherwise."""
    return Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def builder_names() -> list[str]:
    """The names of all data sets that TFDS can prepare."""
    import tensorflow_datasets as tfds

    return list(tfds.list_builders(with_community_datasets=False))


def full_name(name: str) -> str:
    """``"emnist"`` is ``"emnist/byclass"``: with the configuration that TFDS would choose."""
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


def load_prepared(name: str, folder: Path) -> Dataset:
    """Read a prepared data set.

    Args:
        name: what to call it.
        folder: its ``directory/name/version``, with ``array_record`` files.

    Returns:
        The data set, in the order of its files.

    Raises:
        DataError: if it is damaged, is prepared in a format that only TensorFlow reads, or is
            not a set of images of one size with one label each and the splits train and test.
    """
    import tensorflow_datasets as tfds

    try:
        with _quiet():
            builder = tfds.builder_from_directory(folder)
            _check_readable(builder, name, folder)
            names = tuple(builder.info.features["label"].names)
            splits = [_read(builder, split, folder, names) for split in ("train", "test")]
    except DataError:
        raise
    except Exception as error:  # TFDS lets through whatever its parsers and decoders raise
        raise DataError(f"{folder}: cannot be read as a TFDS data set ({_line(error)})") from error
    return Dataset(
        name=name,
        train=split_of(*splits[0], TRANSFORM),
        test=split_of(*splits[1], TRANSFORM),
        class_names=names,
        transform=TRANSFORM,
        source=f"TFDS {builder.version} in {folder.parents[name.count('/') + 1]}",
    )


def _check_readable(builder: Any, name: str, folder: Path) -> None:
    """Refuse what `_read` does not expect, before any of it is read."""
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
    missing = {"train", "test"} - set(info.splits)
    if missing:
        raise DataError(
            f"{folder}: has the splits {', '.join(sorted(info.splits))}, expected train and test"
        )
    connectors = dict(features.items()) if hasattr(features, "items") else {}
    image, label = connectors.get("image"), connectors.get("label")
    if not (
        isinstance(image, tfds.features.Image)
        and isinstance(label, tfds.features.ClassLabel)
        and None not in image.shape
        and image.np_dtype == np.uint8
    ):
        found = ", ".join(f"{key} {value!r}" for key, value in sorted(connectors.items()))
        raise DataError(
            f"{folder}: its features are {found or repr(features)}, expected an 8-bit image of "
            "one size called image and a class called label"
        )


def _read(
    builder: Any, split: str, folder: Path, class_names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    where = f"{folder}, split {split}"
    shape = builder.info.features["image"].shape
    count = builder.info.splits[split].num_examples
    if count == 0:
        raise DataError(f"{where}: 0 examples, expected at least 1")
    check_fits_memory(count * int(np.prod(shape)), where)
    source = builder.as_data_source(split)
    images, labels = np.empty((count, *shape), np.uint8), np.empty(count, np.int64)
    for start in range(0, count, _BATCH):
        rows = range(start, min(start + _BATCH, count))
        for row, example in zip(rows, source.__getitems__(list(rows)), strict=True):
            # Assigning would broadcast an image of another size.
            if example["image"].shape != shape:
                raise DataError(
                    f"{where}: image {row} has the shape {example['image'].shape}, expected {shape}"
                )
            images[row], labels[row] = example["image"], example["label"]
    check_labels(labels, class_names, where)
    return images, labels


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
    if find_spec("tensorflow") is None:
        raise DataError(
            f"{name} is not in {directory} yet, and preparing it needs TensorFlow, expected: "
            'pip install "jaxcnn[tfds-prepare]"'
        )
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
        'a network connection for a download by TFDS (with pip install "jaxcnn[tfds-prepare]")',
    ]
    if name in CLASS_NAMES:
        ways.insert(0, f"--data-dir with the four IDX files ({', '.join(FILES)}; gzipped or not)")
    number = {2: "two", 3: "three"}[len(ways)]
    return (
        f"{name} is not in {directory} and cannot be downloaded ({reason}); "
        f"there are {number} ways to get it: {', or '.join(ways)}"
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without absl's remarks on standard error, such as that OpenCV would be faster."""
    absl = logging.getLogger("absl")
    before, absl.disabled = absl.disabled, True
    try:
        yield
    finally:
        absl.disabled = before


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"
