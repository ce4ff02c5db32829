"""Checks the JSON files of a prepared TFDS folder before TFDS reads them.

TFDS imports the Python module of each kind of feature that ``features.json`` names. In an
untrusted folder this could be any module, so every kind that is not TFDS's own is refused.
"""

import os
from pathlib import Path
from typing import Any

from jaxcnn.data.documents import read_json
from jaxcnn.data.errors import DataError
from jaxcnn.data.schema import (
    Anything,
    FileName,
    ListOf,
    OneOf,
    Table,
    TableOf,
    Text,
    WholeOrText,
)
from jaxcnn.errors import brief
from jaxcnn.reading import open_file, reason

_MODULE = "tensorflow_datasets.core.features."
KINDS = frozenset(
    _MODULE + name
    for name in (
        "audio_feature.Audio",
        "bounding_boxes.BBoxFeature",
        "class_label_feature.ClassLabel",
        "features_dict.FeaturesDict",
        "image_feature.Image",
        "labeled_image.LabeledImage",
        "scalar.Scalar",
        "sequence_feature.Sequence",
        "tensor_feature.Tensor",
        "text_feature.Text",
        "translation_feature.Translation",
        "translation_feature.TranslationVariableLanguages",
        "video_feature.Video",
    )
)
"""The kinds of features that come with TFDS, whose modules are safe to import."""

_MOST_CLASSES = 100_000
_LARGEST_LABELS = 2**23
_LARGEST_SIDE = 2**16


class _Feature:
    """A feature, and those inside it."""

    def check(self, value: Any, where: str) -> None:
        Table({}, others=Anything()).check(value, where)
        if "type" in value:
            raise ValueError(f"{where or 'it'} is written as old releases of TFDS wrote features")
        Table({"pythonClassName": Text()}, others=Anything()).check(value, where)
        name = value["pythonClassName"]
        if name not in KINDS:
            raise ValueError(
                f"{where or 'it'} is a feature of the kind {brief(name)}, which is none of TFDS's "
                "own: reading it would run a module of that name"
            )
        _FEATURE.check(value, where)


_SHAPE = Table({}, {"dimensions": ListOf(WholeOrText(-1, _LARGEST_SIDE), most=8)})
_IMAGE = Table({}, {"shape": _SHAPE}, others=Anything())
_PLAIN = TableOf(Anything())
_FEATURE = Table(
    {"pythonClassName": Text()},
    {
        "description": Text(),
        "valueRange": Text(),
        "featuresDict": Table({}, {"features": TableOf(_Feature(), most=1000)}),
        "sequence": Table({"feature": _Feature()}, {"length": WholeOrText(-1)}),
        "classLabel": Table({}, {"numClasses": WholeOrText(0, _MOST_CLASSES)}),
        "image": _IMAGE,
        **dict.fromkeys(("audio", "boundingBox", "tensor", "text", "translation", "video"), _PLAIN),
    },
)
_SPLIT = Table(
    {"name": FileName()},
    {
        "filepathTemplate": FileName(),
        "numBytes": WholeOrText(),
        "numShards": WholeOrText(),
        "shardLengths": ListOf(WholeOrText(0, 2**40), most=100_000),
        "statistics": Anything(),
    },
)
_INFO = Table(
    {"name": FileName(), "version": FileName()},
    {
        "alternativeFileFormats": ListOf(FileName()),
        "fileFormat": FileName(),
        "splits": ListOf(_SPLIT, most=1000),
        **dict.fromkeys(("disableShuffling", "nondeterministicOrder"), OneOf((True, False))),
        **dict.fromkeys(
            (
                *("citation", "configDescription", "configName", "configTags"),
                *("dataSourceAccesses", "description", "downloadChecksums", "downloadSize"),
                *("isBlocked", "location", "moduleName", "redistributionInfo", "releaseNotes"),
                *("schema", "sizeInBytes", "supervisedKeys"),
            ),
            Anything(),
        ),
    },
)


def check_prepared(folder: Path) -> None:
    """Refuse a folder that TFDS should not read.

    Args:
        folder: ``directory/name/version`` of a prepared data set.

    Raises:
        DataError: if something in it is neither a file nor a folder, a file of it cannot be
            read, ``dataset_info.json`` or ``features.json`` is damaged, or a feature is of a
            kind that does not come with TFDS.
    """
    _check_files(folder)
    read_json(folder / "dataset_info.json", _INFO)
    read_json(folder / "features.json", _Feature())


def check_count(folder: Path, split: str, count: int) -> None:
    """Refuse more examples than the files of a folder can hold.

    Args:
        folder: the folder of the data set.
        split: the name of the split.
        count: how many examples it is said to have.

    Raises:
        DataError: if each example would have less than a byte.
    """
    held = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    if count > held:
        raise DataError(
            f"{folder}, split {split}: {count:,} examples in files of {held:,} bytes together, "
            "expected at most one a byte"
        )


def _check_files(folder: Path) -> None:
    path = os.fspath(folder)
    try:
        for path in sorted(entry.path for entry in os.scandir(folder)):
            if os.path.isdir(path):
                continue
            with open_file(path) as file:
                size = os.fstat(file.fileno()).st_size
            if path.endswith(".labels.txt") and size > _LARGEST_LABELS:
                raise DataError(
                    f"{path}: {size:,} bytes of class names, expected at most {_LARGEST_LABELS:,}"
                )
    except OSError as error:
        raise DataError(f"{path} cannot be read: {reason(error)}") from None
