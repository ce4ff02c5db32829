"""A data set as TFDS prepares it, small enough to be written by every test, without TensorFlow."""

import io
import json
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordWriter
from PIL import Image
from tensorflow_datasets.proto import tf_example_pb2

from jaxcnn.data import Transform

SHAPE = (3, 2, 1)
IMAGES = {
    "train": np.arange(4 * 6, dtype=np.uint8).reshape(4, *SHAPE) * 10,
    "test": np.arange(2 * 6, dtype=np.uint8).reshape(2, *SHAPE) + 244,
}
LABELS = {"train": (3, 0, 9, 3), "test": (9, 1)}


def write(
    directory: Path,
    name: str = "mnist",
    version: str = "3.0.1",
    *,
    images=IMAGES,
    labels=LABELS,
    features: dict | None = None,
    info: dict | None = None,
) -> Path:
    """``directory/name/version`` with its files; ``info`` overrides what the folder says it is."""
    folder = directory / name / version
    folder.mkdir(parents=True)
    dataset = name.split("/")[0]
    connectors = tfds.features.FeaturesDict(
        features
        or {
            "image": tfds.features.Image(shape=SHAPE),
            "label": tfds.features.ClassLabel(names=[f"class {i}" for i in range(10)]),
        }
    )
    connectors.save_config(folder)
    splits = [
        _write_split(folder, dataset, split, images[split], labels[split]) for split in images
    ]
    meaning = {"name": dataset, "version": version, "fileFormat": "array_record", "splits": splits}
    (folder / "dataset_info.json").write_text(json.dumps(meaning | (info or {})))
    return folder


def _write_split(folder: Path, dataset: str, split: str, images, labels) -> dict:
    writer = ArrayRecordWriter(
        str(folder / f"{dataset}-{split}.array_record-00000-of-00001"), "group_size:1"
    )
    records = [_record(image, label) for image, label in zip(images, labels, strict=True)]
    for record in records:
        writer.write(record)
    writer.close()
    return {
        "name": split,
        "numBytes": str(sum(map(len, records))),
        "shardLengths": [str(len(records))],
        "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
    }


def _record(image: np.ndarray, label: int) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(encoded, "PNG")
    example = tf_example_pb2.Example()
    example.features.feature["image"].bytes_list.value.append(encoded.getvalue())
    example.features.feature["label"].int64_list.value.append(label)
    return example.SerializeToString()


def check(data, version: str, directory: Path) -> None:
    for split, part in ((data.train, "train"), (data.test, "test")):
        np.testing.assert_array_equal(split.images, (IMAGES[part] / 255).astype(np.float32))
        np.testing.assert_array_equal(split.labels, LABELS[part])
        assert split.images.dtype == np.float32
        assert split.labels.dtype == np.int32
    assert data.image_shape == SHAPE
    assert data.class_names == tuple(f"class {i}" for i in range(10))
    assert data.transform == Transform(size=None, scale=1 / 255)
    assert data.source == f"TFDS {version} in {directory}"
