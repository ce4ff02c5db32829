import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets

from jaxcnn.data import DataOptions, load_dataset, tfds
from tests.data import prepared
from tests.data.refusals import refused


@pytest.mark.parametrize("name", ["mnist", "cifar10", "my_own", "emnist/letters"])
def test_prepared_data_is_read(tmp_path, name, offline, capfd):
    prepared.write(tmp_path, name)
    data = load_dataset(name, data_dir=tmp_path)
    prepared.check(data, "3.0.1", tmp_path)
    assert data.name == name
    assert capfd.readouterr() == ("", "")


def test_the_newest_version_is_read(tmp_path):
    prepared.write(tmp_path, version="3.0.9")
    prepared.write(tmp_path, version="3.0.10")
    (tmp_path / "mnist" / "9.0.0").mkdir()  # not prepared
    (tmp_path / "mnist" / "incomplete.XYZ_9.9.9").mkdir()
    prepared.check(load_dataset("mnist", data_dir=tmp_path), "3.0.10", tmp_path)


def test_the_default_configuration_is_read(tmp_path):
    prepared.write(tmp_path, "emnist/byclass")
    data = load_dataset("emnist", data_dir=tmp_path)
    prepared.check(data, "3.0.1", tmp_path)
    assert data.name == "emnist/byclass"


def test_the_default_directory(tmp_path, monkeypatch):
    prepared.write(tmp_path / "default")
    prepared.check(load_dataset("mnist"), "3.0.1", tmp_path / "default")
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    prepared.write(tmp_path / "tensorflow_datasets")
    prepared.check(load_dataset("mnist"), "3.0.1", tmp_path / "tensorflow_datasets")


def test_reading_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds, "_BATCH", 3)
    prepared.write(tmp_path)
    prepared.check(load_dataset("mnist", data_dir=tmp_path), "3.0.1", tmp_path)


@pytest.mark.slow
def test_tensorflow_is_not_imported(tmp_path):
    """Nor is anything imported before it is used."""
    prepared.write(tmp_path)
    program = f"""
        import sys
        import jaxcnn.data
        heavy = {{"tensorflow", "tensorflow_datasets", "sklearn", "PIL", "requests", "grain", "dm_pix"}}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
        data = jaxcnn.data.load_dataset("mnist", data_dir={str(tmp_path)!r})
        assert len(data.train) == 4
        assert "tensorflow" not in sys.modules
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# Prepared data that is not what it should be.


def truncate(folder: Path) -> None:
    path = next(folder.glob("mnist-train*"))
    path.write_bytes(path.read_bytes()[:100])


def flip_a_bit(folder: Path) -> None:
    path = next(folder.glob("mnist-train*"))
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 6] ^= 1
    path.write_bytes(content)


def lose_an_example(folder: Path) -> None:
    path = folder / "dataset_info.json"
    path.write_text(path.read_text().replace('["4"]', '["5"]'))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (truncate, r"RuntimeError: .+"),
        (flip_a_bit, r"RuntimeError: Corrupted .+ hash mismatch .+"),
        (lose_an_example, "RuntimeError: index 4 out of bound 4"),
        (lambda folder: next(folder.glob("mnist-test*")).unlink(), "RuntimeError: .+"),
    ],
)
def test_damaged_prepared_data_is_refused(tmp_path, damage, reason):
    folder = prepared.write(tmp_path)
    damage(folder)
    refused(rf"{folder}: cannot be read as a TFDS data set \({reason}\)", data_dir=tmp_path)


@pytest.mark.parametrize("name", ["features.json", "dataset_info.json"])
def test_damaged_descriptions_are_refused(tmp_path, name):
    path = prepared.write(tmp_path) / name
    path.write_text("{")
    refused(f"{path} is damaged: Expecting property name .+", data_dir=tmp_path)


def test_lost_features_are_refused(tmp_path):
    path = prepared.write(tmp_path) / "features.json"
    path.unlink()
    refused(f"{path} cannot be read: No such file or directory", data_dir=tmp_path)


def test_a_label_outside_the_classes_is_refused(tmp_path):
    folder = prepared.write(tmp_path, labels={"train": (3, 0, 9, 3), "test": (9, 10)})
    refused(
        f"{folder}, split test: label 10 at position 1 is outside the classes, expected 0 to 9",
        data_dir=tmp_path,
    )


def test_an_image_of_another_size_is_refused(tmp_path):
    images = prepared.IMAGES | {"test": np.zeros((2, 1, 1, 1), np.uint8)}
    folder = prepared.write(tmp_path, images=images)
    refused(
        rf"{folder}, split test: image 0 has the shape \(1, 1, 1\), expected \(3, 2, 1\)",
        data_dir=tmp_path,
    )


def test_an_empty_split_is_refused(tmp_path):
    images = prepared.IMAGES | {"test": np.zeros((0, *prepared.SHAPE), np.uint8)}
    prepared.write(tmp_path, images=images, labels=prepared.LABELS | {"test": ()})
    refused("--test-split 'test': 0 examples, expected at least 1", data_dir=tmp_path)


@pytest.mark.parametrize("splits", [{"splits": []}, {}])
def test_a_set_without_splits_is_refused(tmp_path, splits):
    path = prepared.write(tmp_path) / "dataset_info.json"
    content = json.loads(path.read_text())
    del content["splits"]
    path.write_text(json.dumps(content | splits))
    refused(r"--split 'train': unknown split 'train' \(known: all \(0\)\)", data_dir=tmp_path)


def test_a_split_that_is_not_there_is_refused(tmp_path):
    images = {"train": prepared.IMAGES["train"], "validation": prepared.IMAGES["test"]}
    labels = {"train": prepared.LABELS["train"], "validation": prepared.LABELS["test"]}
    prepared.write(tmp_path, images=images, labels=labels)
    refused(
        r"--test-split 'test': unknown split 'test' \(known: all \(6\), train \(4\), "
        r"validation \(2\)\)",
        data_dir=tmp_path,
    )
    data = load_dataset("mnist", data_dir=tmp_path, options=DataOptions(test_split="validation"))
    assert len(data.test) == 2


def test_a_format_of_tensorflow_is_refused(tmp_path):
    folder = prepared.write(tmp_path, info={"fileFormat": "tfrecord"})
    refused(
        rf"{folder}: prepared as tfrecord, which needs TensorFlow to read, expected array_record, "
        r'as download_and_prepare\(file_format="array_record"\) writes',
        data_dir=tmp_path,
    )


def test_another_data_set_under_the_name_is_refused(tmp_path):
    folder = prepared.write(tmp_path, info={"name": "fashion_mnist"})
    refused(f"{folder}: holds the data set fashion_mnist, expected mnist", data_dir=tmp_path)


ClassLabel, Image = tensorflow_datasets.features.ClassLabel, tensorflow_datasets.features.Image
Tensor = tensorflow_datasets.features.Tensor
CLASS = ClassLabel(num_classes=10)
IMAGE = Image(shape=prepared.SHAPE)


@pytest.mark.parametrize(
    ("features", "found"),
    [
        (
            {"image": IMAGE, "label": np.int64},
            r"image Image\(shape=\(3, 2, 1\), dtype=uint8\), label \w+\(shape=\(\), dtype=int64\)",
        ),
        ({"image": CLASS, "label": CLASS}, r"image ClassLabel\(.+\), label ClassLabel\(.+\)"),
        ({"image": {"a": IMAGE, "b": IMAGE}}, r"image FeaturesDict\(\{ 'a': .+ 'b': .+ \}\)"),
        ({"image": IMAGE}, r"image Image\(shape=\(3, 2, 1\), dtype=uint8\)"),
        (
            {"image": Tensor(shape=(3, 2, 1), dtype=np.uint8), "label": CLASS},
            r"image Tensor\(shape=\(3, 2, 1\), dtype=uint8\), label ClassLabel\(.+\)",
        ),
        (
            {"image": Image(shape=(3, 2, 4)), "label": CLASS},
            r"image Image\(shape=\(3, 2, 4\), dtype=uint8\), label ClassLabel\(.+\)",
        ),
        (
            {"image": Image(shape=(3, 2, 1), dtype=np.uint16), "label": CLASS},
            r"image Image\(shape=\(3, 2, 1\), dtype=uint16\), label ClassLabel\(.+\)",
        ),
    ],
)
def test_other_features_are_refused(tmp_path, features, found):
    folder = prepared.write(tmp_path, features=features)
    refused(
        f"{folder}: its features are {found}, expected an 8-bit grey or colour image called image "
        "and a class called label",
        data_dir=tmp_path,
    )


def test_a_set_too_large_for_memory_is_refused(tmp_path):
    features = {"image": Image(shape=(2**15, 2**15, 3)), "label": CLASS}
    prepared.write(tmp_path, features=features)
    refused(
        f"TFDS 3.0.1 in {tmp_path}, split train: 12,884,901,888 pixels are too many to hold in "
        "memory, expected at most 1,073,741,824",
        data_dir=tmp_path,
    )


# Names and folders.

KNOWN = (
    r"\(known: digits, fashion_mnist, image_folder, mnist, and the image classification sets of TFDS by their "
    r"names there; pictures in a folder per class need --dataset image_folder --data-dir DIR\)"
)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fashion-mnist", r", did you mean 'fashion_mnist'\?"),
        ("MNIST", r", did you mean 'mnist'\?"),
        ("digit", r", did you mean 'digits'\?"),
        ("cifar-10", r", did you mean 'cifar10'\?"),
        ("zzz", ""),
        ("", ""),
        ("../up", ""),
        ("/", ""),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name, hint):
    refused(f"unknown data set '{name}'{hint} {KNOWN}", name)


def test_a_module_of_tfds_that_cannot_be_imported(monkeypatch):
    def builder_cls(name):
        raise ImportError("No module named 'tensorflow'")

    monkeypatch.setattr(tensorflow_datasets, "builder_cls", builder_cls)
    refused(r"TFDS cannot load its module for mnist \(ImportError: No module named 'tensorflow'\)")


def test_a_missing_data_directory_is_refused(tmp_path):
    refused(f"the data directory {tmp_path}/no does not exist", data_dir=tmp_path / "no")


def test_a_file_is_no_data_directory(tmp_path):
    path = tmp_path / "file"
    path.touch()
    refused(f"the data directory {path} is a file, expected a folder", data_dir=path)


def test_a_folder_that_holds_neither_kind_of_data_is_refused(tmp_path):
    refused(
        f"the data directory {tmp_path} holds neither the four IDX files "
        r"\(train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
        r"t10k-labels-idx1-ubyte\), nor mnist/<version> as TFDS prepares it",
        data_dir=tmp_path,
    )
    refused(
        f"the data directory {tmp_path} holds no cifar10/<version> as TFDS prepares it",
        "cifar10",
        data_dir=tmp_path,
    )


# Without a network.
