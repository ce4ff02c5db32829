"""Finds and opens a data set by its name."""

import os
import re
from pathlib import Path

from jaxcnn.data.dataset import Dataset, OpenDataset, Source
from jaxcnn.data.digits import open_digits
from jaxcnn.data.errors import DataError
from jaxcnn.data.idx import CLASS_NAMES, FILES, is_idx_folder, open_idx
from jaxcnn.data.options import AS_A_FOLDER, DataOptions
from jaxcnn.errors import brief
from jaxcnn.names import did_you_mean

DATASETS = ("digits", "fashion_mnist", "image_folder", "mnist")
"""The data sets known by name; image classification sets of TFDS may be loaded by theirs."""

# A name, and the configuration of a TFDS set that has several: "emnist/letters".
_NAME = re.compile(r"[A-Za-z]\w*(/[A-Za-z0-9][\w.\-]*)?")


def load_dataset(
    name: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    options: DataOptions | None = None,
) -> Dataset:
    """Load a data set into memory.

    Args:
        name: ``"digits"`` (embedded in scikit-learn), ``"fashion_mnist"``, ``"mnist"``,
            ``"image_folder"``, or the name of another image classification set of TFDS.
        data_dir: a folder with a subfolder of images per class (for ``"image_folder"``), with
            the four IDX files (for ``"fashion_mnist"`` and ``"mnist"``), or a TFDS data
            directory that holds the set prepared as ``array_record``; which of the last two is
            told by what lies in it. ``None`` is the default directory of TFDS
            (``TFDS_DATA_DIR``, or ``~/tensorflow_datasets``), where the set is downloaded and
            prepared if it is not there yet.
        options: which splits of it, and the size and channels of its images.

    Returns:
        The data set, its pixels scaled to [0, 1]. With ``random_crop`` its training images stay
        where they are, to be read in parts.

    Raises:
        DataError: if there is no such data set, or it cannot be read. Without a network this
            takes at most some seconds, and the message names the ways to get the data.

    >>> jc.data.load_dataset("digits").image_shape
    (28, 28, 1)
    >>> some = jc.data.DataOptions(split="train[:10%]", image_size=32, channels=3)
    >>> jc.data.load_dataset("digits", options=some).train.images.shape
    (144, 32, 32, 3)
    """
    return open_dataset(name, data_dir=data_dir, options=options).load()


def open_dataset(
    name: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    options: DataOptions | None = None,
) -> OpenDataset:
    """Open a data set whose images are read when they are asked for.

    Args and errors are those of `load_dataset`, but a damaged image of an image folder or of a
    TFDS set is found only when it is read.

    >>> digits = jc.data.open_dataset("digits")
    >>> digits.train.read(np.array([5, 0])).labels
    array([5, 0], dtype=int32)
    """
    if not isinstance(name, str):
        raise DataError(f"the name of a data set must be text, got {name!r}")
    options = DataOptions() if options is None else options
    if not isinstance(options, DataOptions):
        raise DataError(f"the options of a data set must be DataOptions, got {options!r}")
    options.check()
    return _source(name, data_dir, options).chosen(options)


def _source(name: str, data_dir: str | os.PathLike[str] | None, options: DataOptions) -> Source:
    if name == "digits":
        if data_dir is not None:
            raise DataError(
                f"digits takes no data directory, since it is embedded, got {os.fspath(data_dir)}"
            )
        return open_digits(options)
    folder = None if data_dir is None else _existing_folder(data_dir)
    if name == "image_folder":
        # Pillow is not needed for the other ways.
        from jaxcnn.data.image_folder import open_image_folder

        if folder is None:
            raise DataError("image_folder needs --data-dir, a folder with a subfolder per class")
        return open_image_folder(folder, options)
    if folder is not None and name in CLASS_NAMES and is_idx_folder(folder):
        return open_idx(name, folder, CLASS_NAMES[name], options)
    return _tfds_source(name, folder, options)


def _tfds_source(name: str, folder: Path | None, options: DataOptions) -> Source:
    # TFDS takes a second to import, which the other ways need not wait for.
    from jaxcnn.data import tfds

    directory = tfds.default_directory() if folder is None else folder
    prepared = tfds.find_prepared(name, directory) if _NAME.fullmatch(name) else None
    if prepared is None:
        _check_known(name, tfds.builder_names())
        name = tfds.full_name(name)
        prepared = tfds.find_prepared(name, directory)
    if prepared is None:
        if folder is not None:
            raise DataError(_nothing_in(folder, name))
        prepared = tfds.prepare(name, directory)
    return tfds.open_prepared(name, prepared, options)


def _existing_folder(data_dir: str | os.PathLike[str]) -> Path:
    folder = Path(os.path.expanduser(data_dir))
    if not os.path.exists(folder):
        raise DataError(f"the data directory {folder} does not exist")
    if not os.path.isdir(folder):
        raise DataError(f"the data directory {folder} is a file, expected a folder")
    return folder


def _nothing_in(folder: Path, name: str) -> str:
    idx = f"the four IDX files ({', '.join(FILES)}), nor " if name in CLASS_NAMES else ""
    neither = "neither " if idx else "no "
    return f"the data directory {folder} holds {neither}{idx}{name}/<version> as TFDS prepares it"


def _check_known(name: str, others: list[str]) -> None:
    if _NAME.fullmatch(name) and name.split("/")[0] in others:
        return
    hint = did_you_mean(name.lower(), [*DATASETS, *others])
    raise DataError(
        f"unknown data set {brief(name)}{hint} (known: {', '.join(DATASETS)}, and the image "
        "classification sets of TFDS by their names there; "
        f"pictures in a folder per class need {AS_A_FOLDER})"
    )
