import socket
import subprocess
import sys
import textwrap
import threading
import time
import types
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import requests
import tensorflow_datasets
import urllib3

from jaxcnn.data import DataError, Transform, load_dataset, preparation, tfds
from jaxcnn.data.network import why_unreachable
from tests.data import prepared

WAYS = (
    r"--data-dir with the four IDX files \(train-images-idx3-ubyte, train-labels-idx1-ubyte, "
    r"t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte; gzipped or not\), or "
    "--data-dir with a TFDS folder that holds {name} prepared as array_record, or "
    r'a network connection for a download by TFDS \(with pip install "jaxcnn\[tfds-prepare\]"\)'
)


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path, monkeypatch):
    """No TFDS data of whoever runs the tests, and no proxy between a test and its server."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "default"))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def offline(monkeypatch):
    """A machine without network, also where the tests run with one."""

    def getaddrinfo(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
def server():
    """A web server whose answer a test may choose."""

    class Handler(BaseHTTPRequestHandler):
        status = 200

        def do_GET(self):
            self.send_response(type(self).status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield types.SimpleNamespace(
            url=f"http://127.0.0.1:{http.server_port}/train.gz", handler=Handler
        )
        http.shutdown()
        thread.join()


def refused(message: str, name: str = "mnist", **options) -> None:
    with pytest.raises(DataError, match=f"^{message}$") as caught:
        load_dataset(name, **options)
    assert "\n" not in str(caught.value)


# Prepared data.


def check(data, version: str, directory: Path) -> None:
    for split, part in ((data.train, "train"), (data.test, "test")):
        np.testing.assert_array_equal(
            split.images, (prepared.IMAGES[part] / 255).astype(np.float32)
        )
        np.testing.assert_array_equal(split.labels, prepared.LABELS[part])
        assert split.images.dtype == np.float32
        assert split.labels.dtype == np.int32
    assert data.image_shape == prepared.SHAPE
    assert data.class_names == tuple(f"class {i}" for i in range(10))
    assert data.transform == Transform(size=None, scale=1 / 255)
    assert data.source == f"TFDS {version} in {directory}"


@pytest.mark.parametrize("name", ["mnist", "cifar10", "my_own", "emnist/letters"])
def test_prepared_data_is_read(tmp_path, name, offline, capfd):
    prepared.write(tmp_path, name)
    data = load_dataset(name, data_dir=tmp_path)
    check(data, "3.0.1", tmp_path)
    assert data.name == name
    assert capfd.readouterr() == ("", "")


def test_the_newest_version_is_read(tmp_path):
    prepared.write(tmp_path, version="3.0.9")
    prepared.write(tmp_path, version="3.0.10")
    (tmp_path / "mnist" / "9.0.0").mkdir()  # not prepared
    (tmp_path / "mnist" / "incomplete.XYZ_9.9.9").mkdir()
    check(load_dataset("mnist", data_dir=tmp_path), "3.0.10", tmp_path)


def test_the_default_configuration_is_read(tmp_path):
    prepared.write(tmp_path, "emnist/byclass")
    data = load_dataset("emnist", data_dir=tmp_path)
    check(data, "3.0.1", tmp_path)
    assert data.name == "emnist/byclass"


def test_the_default_directory(tmp_path, monkeypatch):
    prepared.write(tmp_path / "default")
    check(load_dataset("mnist"), "3.0.1", tmp_path / "default")
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    prepared.write(tmp_path / "tensorflow_datasets")
    check(load_dataset("mnist"), "3.0.1", tmp_path / "tensorflow_datasets")


def test_reading_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds, "_BATCH", 3)
    prepared.write(tmp_path)
    check(load_dataset("mnist", data_dir=tmp_path), "3.0.1", tmp_path)


def test_tensorflow_is_not_imported(tmp_path):
    """Nor is anything imported before it is used."""
    prepared.write(tmp_path)
    program = f"""
        import sys
        import jaxcnn.data
        heavy = {{"tensorflow", "tensorflow_datasets", "sklearn", "PIL", "requests"}}
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
        (lambda folder: (folder / "features.json").unlink(), "ValueError: .+"),
        (lambda folder: (folder / "features.json").write_text("{"), "JSONDecodeError: .+"),
        (lambda folder: (folder / "dataset_info.json").write_text("{"), "ParseError: .+"),
    ],
)
def test_damaged_prepared_data_is_refused(tmp_path, damage, reason):
    folder = prepared.write(tmp_path)
    damage(folder)
    refused(rf"{folder}: cannot be read as a TFDS data set \({reason}\)", data_dir=tmp_path)


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
    folder = prepared.write(tmp_path, images=images, labels=prepared.LABELS | {"test": ()})
    refused(rf"{folder}, split test: 0 examples, expected at least 1", data_dir=tmp_path)


def test_both_splits_are_needed(tmp_path):
    images = {"train": prepared.IMAGES["train"], "validation": prepared.IMAGES["test"]}
    labels = {"train": prepared.LABELS["train"], "validation": prepared.LABELS["test"]}
    folder = prepared.write(tmp_path, images=images, labels=labels)
    refused(
        f"{folder}: has the splits train, validation, expected train and test", data_dir=tmp_path
    )


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
        ({"image": IMAGE}, r"image Image\(shape=\(3, 2, 1\), dtype=uint8\)"),
        (
            {"image": Image(shape=(None, None, 1)), "label": CLASS},
            r"image Image\(shape=\(None, None, 1\), dtype=uint8\), label ClassLabel\(.+\)",
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
        f"{folder}: its features are {found}, expected an 8-bit image of one size called image "
        "and a class called label",
        data_dir=tmp_path,
    )


def test_a_set_too_large_for_memory_is_refused(tmp_path):
    features = {"image": Image(shape=(2**15, 2**15, 3)), "label": CLASS}
    folder = prepared.write(tmp_path, features=features)
    refused(
        f"{folder}, split train: 12,884,901,888 pixels are too many to hold in memory, "
        "expected at most 1,073,741,824",
        data_dir=tmp_path,
    )


# Names and folders.

KNOWN = (
    "known are digits, fashion_mnist, mnist, and the image classification sets of TFDS by their "
    "names there"
)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fashion-mnist", r" \(did you mean 'fashion_mnist'\?\)"),
        ("MNIST", r" \(did you mean 'mnist'\?\)"),
        ("digit", r" \(did you mean 'digits'\?\)"),
        ("cifar-10", r" \(did you mean 'cifar10'\?\)"),
        ("zzz", ""),
        ("", ""),
        ("../up", ""),
        ("/", ""),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name, hint):
    refused(f"unknown data set '{name}'{hint}; {KNOWN}", name)


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


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_without_a_network_the_answer_is_quick_and_names_three_ways(name, offline, tmp_path, capfd):
    start = time.monotonic()
    refused(
        rf"{name} is not in {tmp_path}/default and cannot be downloaded \(no connection\); "
        f"there are three ways to get it: {WAYS.format(name=name)}",
        name,
    )
    assert time.monotonic() - start < 15
    assert capfd.readouterr() == ("", "")


def test_other_sets_have_two_ways(offline):
    refused(
        r"kmnist is not in .+ and cannot be downloaded \(no connection\); there are two ways to "
        r"get it: --data-dir with a TFDS folder that holds "
        r"kmnist prepared as array_record, or a network connection .+",
        "kmnist",
    )


def test_the_address_asked_is_one_that_tfds_downloads_from():
    assert tfds._address("mnist").startswith("https://storage.googleapis.com/cvdf-datasets/mnist/")
    assert tfds._address("fashion_mnist").startswith("http://fashion-mnist.s3-website.")


def test_a_lookup_that_hangs_is_left_behind(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(5))
    start = time.monotonic()
    assert why_unreachable("http://example.org/", 0.2) == "no answer within 0.2 seconds"
    assert time.monotonic() - start < 2


def test_a_server_that_is_silent():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert why_unreachable(url, 0.2) == "no answer within 0.2 seconds"


def test_a_port_that_is_closed():
    with socket.create_server(("127.0.0.1", 0)) as closing:
        url = f"http://127.0.0.1:{closing.getsockname()[1]}/"
    assert why_unreachable(url) == "no connection"


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_proxy_or_server_that_says_no(server, status):
    server.handler.status = status
    assert why_unreachable(server.url) == f"the server answered with status {status}"


def test_a_server_that_answers(server):
    assert why_unreachable(server.url) is None


# With a network: TFDS itself is replaced by a small program in the process that prepares.

FAKE = """
import atexit, os, shutil, sys
from types import SimpleNamespace

class DownloadError(Exception): pass

download = SimpleNamespace(DownloadError=DownloadError, DownloadConfig=lambda **options: options)

def builder(name, data_dir):
    def download_and_prepare(download_config, file_format):
        assert download_config == {"try_download_gcs": False}
        assert file_format == "array_record"
        print("progress"); print("remarks of TensorFlow", file=sys.stderr)
        atexit.register(print, "more of them", file=sys.stderr)
        ACTION
    return SimpleNamespace(download_and_prepare=download_and_prepare)
"""


@pytest.fixture
def online(server, monkeypatch):
    """A reachable server, and something that looks installed like TensorFlow."""
    monkeypatch.setattr(tfds, "_address", lambda name: server.url)
    monkeypatch.setattr(tfds, "find_spec", lambda name: name)


@pytest.fixture
def preparing(tmp_path, monkeypatch, online):
    """Sets what TFDS does when it is asked to prepare."""

    def set_action(action: str) -> None:
        package = tmp_path / "fake" / "tensorflow_datasets"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(FAKE.replace("ACTION", action))
        monkeypatch.setenv("PYTHONPATH", str(package.parent))

    return set_action


def test_a_set_is_prepared_and_read(tmp_path, preparing, capfd, caplog):
    prepared.write(tmp_path / "stock")
    preparing(f"shutil.copytree({str(tmp_path / 'stock')!r}, data_dir)")
    check(load_dataset("mnist"), "3.0.1", tmp_path / "default")
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == [
        f"downloading mnist with TFDS to {tmp_path}/default, which takes minutes"
    ]


def test_a_network_that_fails_during_the_download(tmp_path, preparing):
    preparing("raise DownloadError('Failed to get url. HTTP code: 500.')")
    refused(
        rf"mnist is not in {tmp_path}/default and cannot be downloaded "
        r"\(DownloadError: Failed to get url\. HTTP code: 500\.\); there are three ways .+"
    )


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("raise ValueError('Wrong checksum.\\nAnd more.')", r"ValueError: Wrong checksum\."),
        ("os._exit(7)", "exit status 7, remarks of TensorFlow"),
        ("os.kill(os.getpid(), 9)", "exit status -9, remarks of TensorFlow"),
        ("sys.exit()", "exit status 0, more of them"),
    ],
)
def test_a_preparation_that_fails(tmp_path, preparing, action, reason):
    preparing(action)
    refused(f"TFDS could not prepare mnist in {tmp_path}/default: {reason}")


def test_tensorflow_is_asked_for_only_when_there_is_a_network(tmp_path, online, monkeypatch):
    monkeypatch.setattr(tfds, "find_spec", lambda name: None)
    refused(
        f"mnist is not in {tmp_path}/default yet, and preparing it needs TensorFlow, expected: "
        r'pip install "jaxcnn\[tfds-prepare\]"'
    )


def wrapped(error: Exception) -> Exception:
    outer = RuntimeError("While downloading")
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (requests.ConnectionError("no"), preparation.NETWORK_FAILED),
        (requests.exceptions.ChunkedEncodingError("no"), preparation.NETWORK_FAILED),
        (urllib3.exceptions.ReadTimeoutError(None, "u", "no"), preparation.NETWORK_FAILED),
        (wrapped(ConnectionResetError("no")), preparation.NETWORK_FAILED),
        (tensorflow_datasets.download.DownloadError("no"), preparation.NETWORK_FAILED),
        (OSError("Not enough disk space."), preparation.FAILED),
        (wrapped(ValueError("no")), preparation.FAILED),
    ],
)
def test_which_failures_are_of_the_network(monkeypatch, capsys, error, status):
    def builder(name, data_dir):
        raise error

    monkeypatch.setattr(tensorflow_datasets, "builder", builder)
    assert preparation.main("mnist", "somewhere") == status
    assert capsys.readouterr().err == f"reason: {type(error).__name__}: {error}\n"
