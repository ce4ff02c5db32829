"""Data folders from strangers: nothing in them is executed, waited for or believed."""

import importlib.util
import io
import json
import os
import sys

import numpy as np
import pytest
import tensorflow_datasets
from PIL import Image, ImageFile

from jaxcnn.data import load_dataset, read_input
from jaxcnn.data.tfds_folder import KINDS
from tests.data import idx_files, prepared
from tests.data.refusals import refused
from tests.patience import within

EVIL = "evil_module.Feature"
OWN = "tensorflow_datasets.core.features."


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """A module that leaves a file behind when it is imported."""
    trace = tmp_path / "executed"
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "evil_module.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path / "path")
    yield trace
    sys.modules.pop("evil_module", None)


def feature(kind, **content):
    return {"pythonClassName": kind, **content}


def inside(node):
    """A features.json in which a feature lies under the name x."""
    return feature(f"{OWN}features_dict.FeaturesDict", featuresDict={"features": {"x": node}})


def sequence(node):
    return feature(f"{OWN}sequence_feature.Sequence", sequence={"feature": node, "length": "-1"})


JSON_FEATURE = {"json": json.dumps({"feature": {"type": EVIL, "content": {}}, "length": None})}
NONE_OF_ITS_OWN = (
    r" is a feature of the kind 'evil_module\.Feature', which is none of TFDS's own: reading it "
    "would run a module of that name"
)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (feature(EVIL, tensor={}), "it" + NONE_OF_ITS_OWN),
        (inside(feature(EVIL, tensor={})), r"featuresDict\.features\.x" + NONE_OF_ITS_OWN),
        (inside(inside(feature(EVIL, text={}))), r"featuresDict\.\S+\.x" + NONE_OF_ITS_OWN),
        (inside(sequence(feature(EVIL))), r"featuresDict\S+\.sequence\.feature" + NONE_OF_ITS_OWN),
        (sequence(inside(feature(EVIL))), r"sequence\.feature\S+\.x" + NONE_OF_ITS_OWN),
        ({"python_class_name": EVIL, "tensor": {}}, "pythonClassName is missing"),
        (inside({"python_class_name": EVIL}), r"featuresDict\.features\.x\.pythonClassName is missing"),
        (feature(f"{OWN}text_feature.Text", python_class_name=EVIL), "python_class_name is unknown"),
        ({"type": EVIL, "content": {}}, "it is written as old releases of TFDS wrote features"),
        (inside({"type": EVIL, "content": {}}), r"featuresDict\S+ is written as old releases .+"),
        (feature(f"{OWN}sequence_feature.Sequence", jsonFeature=JSON_FEATURE), "jsonFeature is unknown"),
        (feature(f"{OWN}features_dict.FeaturesDict", features_dict={}), "features_dict is unknown"),
        (feature("evil_module"), "it is a feature of the kind 'evil_module', .+"),
        (feature(7), "pythonClassName must be text of at most 10,000 characters, got 7"),
        ([], r"it must be a table, got \[\]"),
    ],
)  # fmt: skip
def test_no_module_that_a_folder_names_is_imported(tmp_path, evil, features, message):
    path = prepared.write(tmp_path) / "features.json"
    path.write_text(json.dumps(features))
    refused(f"{path} is damaged: {message}", data_dir=tmp_path)
    assert not evil.exists()
    assert "evil_module" not in sys.modules


@pytest.mark.parametrize("key", ["moduleName", "description", "isBlocked", "citation"])
def test_no_module_that_the_description_names_is_imported(tmp_path, evil, key):
    prepared.write(tmp_path, info={key: EVIL})
    load_dataset("mnist", data_dir=tmp_path)
    assert not evil.exists()


def test_a_key_twice_hides_nothing(tmp_path, evil):
    """Parsers differ in which one they take."""
    path = prepared.write(tmp_path) / "features.json"
    text = path.read_text()
    path.write_text(text.rstrip()[:-1] + f', "pythonClassName": "{EVIL}"}}')
    refused(f"{path} is damaged: the key 'pythonClassName' is given twice", data_dir=tmp_path)
    assert not evil.exists()


def test_the_kinds_are_those_of_tfds():
    """Each is there already, so that TFDS imports nothing to find it."""
    registered = tensorflow_datasets.features.FeatureConnector._registered_features
    for kind in KINDS:
        assert registered[kind].__module__ == kind.rpartition(".")[0]
        assert importlib.util.find_spec(kind.rpartition(".")[0])


def test_other_features_of_a_set_are_left_alone(tmp_path):
    """They are not even decoded."""
    features = tensorflow_datasets.features
    more = {
        "box": features.BBoxFeature(),
        "id": features.Text(),
        "parts": features.Sequence({"of": features.Image(shape=(None, None, 3))}),
    }
    shape = features.Image(shape=prepared.SHAPE)
    prepared.write(
        tmp_path, features={"image": shape, "label": features.ClassLabel(num_classes=10), **more}
    )
    assert len(load_dataset("mnist", data_dir=tmp_path).train) == 4


def with_split(folder, **change):
    path = folder / "dataset_info.json"
    info = json.loads(path.read_text())
    info["splits"][0] |= change
    path.write_text(json.dumps(info))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shardLengths": ["1" * 5000]}, r"splits\[0\]\.shardLengths\[0\] must be a whole number .+"),
        ({"shardLengths": [-1]}, r"splits\[0\]\.shardLengths\[0\] must be a whole number from 0 to .+"),
        ({"shardLengths": 3}, r"splits\[0\]\.shardLengths must be a list of .+"),
        ({"shard_lengths": ["4"]}, r"splits\[0\]\.shard_lengths is unknown"),
        ({"filepathTemplate": "../../{SPLIT}"}, r"splits\[0\]\.filepathTemplate must be a short name .+"),
        ({"name": "../up"}, r"splits\[0\]\.name must be a short name without slashes, got '../up'"),
    ],
)  # fmt: skip
def test_splits_are_checked_before_they_are_believed(tmp_path, change, message):
    path = with_split(prepared.write(tmp_path), **change)
    refused(f"{path} is damaged: {message}", data_dir=tmp_path)


def test_more_examples_than_bytes_are_refused(tmp_path):
    folder = prepared.write(tmp_path)
    with_split(folder, shardLengths=[str(2**40)])
    with within(20):
        refused(
            f"{folder}, split train: 1,099,511,627,776 examples in files of [0-9,]+ bytes "
            "together, expected at most one a byte",
            data_dir=tmp_path,
        )


def test_too_many_classes_are_refused(tmp_path):
    path = prepared.write(tmp_path) / "features.json"
    path.write_text(path.read_text().replace('"numClasses": "10"', '"numClasses": "1000000000"'))
    refused(
        rf"{path} is damaged: featuresDict\.features\.label\.classLabel\.numClasses must be a "
        "whole number from 0 to 100,000, got 1000000000",
        data_dir=tmp_path,
    )


@pytest.mark.parametrize(
    "name",
    [
        *("features.json", "dataset_info.json", "label.labels.txt", "metadata.json"),
        "mnist-train.array_record-00000-of-00001",
    ],
)
def test_a_pipe_in_a_prepared_folder(tmp_path, name):
    path = prepared.write(tmp_path) / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with within(20):
        if name == "dataset_info.json":  # so no version is prepared there
            refused(".+ nor mnist/<version> as TFDS prepares it", data_dir=tmp_path)
        else:
            refused(f"{path} cannot be read: it is a named pipe, expected a file", data_dir=tmp_path)  # fmt: skip


def test_huge_files_of_class_names_are_refused(tmp_path):
    path = prepared.write(tmp_path) / "label.labels.txt"
    os.truncate(path, 2**40)
    with within(20):
        refused(f"{path}: 1,099,511,627,776 bytes of class names, expected .+", data_dir=tmp_path)


def test_postscript_in_a_record_is_not_run(tmp_path, monkeypatch):
    """Pillow would start Ghostscript for it."""
    encoded = io.BytesIO()
    Image.new("L", (2, 3)).save(encoded, "EPS")
    monkeypatch.setattr(prepared, "_record", lambda image, label: record(encoded.getvalue(), label))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda *_: pytest.fail("it was loaded"))
    folder = prepared.write(tmp_path)
    refused(
        rf"{folder}: cannot be read as a TFDS data set \(UnidentifiedImageError: .+\)",
        data_dir=tmp_path,
    )


def record(image: bytes, label: int) -> bytes:
    example = prepared.tf_example_pb2.Example()
    example.features.feature["image"].bytes_list.value.append(image)
    example.features.feature["label"].int64_list.value.append(label)
    return example.SerializeToString()


def test_a_record_without_an_image(tmp_path, monkeypatch):
    monkeypatch.setattr(prepared, "_record", lambda image, label: b"")
    folder = prepared.write(tmp_path)
    refused(rf"{folder}: cannot be read as a TFDS data set \(ValueError: .+\)", data_dir=tmp_path)


def test_class_names_command_no_terminal(tmp_path):
    (prepared.write(tmp_path) / "label.labels.txt").write_text("\n".join(f"\x1b[{i}m" for i in range(10)))  # fmt: skip
    assert load_dataset("mnist", data_dir=tmp_path).class_names[3] == r"\x1b[3m"


@pytest.mark.parametrize("file", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_pipe_among_idx_files(tmp_path, file):
    path = idx_files.write_folder(tmp_path) / file
    path.unlink()
    os.mkfifo(path)
    with within(5):
        refused(
            rf"{path}: cannot be read \(it is a named pipe, expected a file\), expected an IDX file",
            data_dir=tmp_path,
        )


def test_an_idx_header_that_asks_for_gigabytes(tmp_path):
    """Nothing is set aside for images that are not there."""
    path = idx_files.write_folder(tmp_path) / "train-images-idx3-ubyte"
    path.write_bytes(np.array([0x803, 2**10, 2**10, 2**10], ">u4").tobytes())
    with within(5):
        refused(
            rf"{path}: 0 bytes after the header, expected 1,073,741,824 \(1024 × 1024 × 1024\)",
            data_dir=tmp_path,
        )


def test_a_pipe_in_the_place_of_a_picture(tmp_path):
    path = tmp_path / "x.png"
    os.mkfifo(path)
    with within(5), pytest.raises(ValueError, match="it is a named pipe, expected a file"):
        read_input(path, (28, 28, 1))
