import socket
import threading
import time

import pytest
import requests
import tensorflow_datasets
import urllib3

from jaxcnn import extras
from jaxcnn.data import load_dataset, preparation, tfds
from jaxcnn.data.network import why_unreachable
from tests.data import prepared
from tests.data.refusals import WAYS, refused


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


def test_other_sets_may_be_a_folder_of_pictures(offline):
    refused(
        r"kmnist is not in .+ and cannot be downloaded \(no connection\); there are three ways to "
        r"get it: --data-dir with a TFDS folder that holds "
        r"kmnist prepared as array_record, or a network connection .+, or its pictures in a folder "
        r"per class \(--dataset image_folder --data-dir DIR\)",
        "kmnist",
    )


def test_the_address_asked_is_one_that_tfds_downloads_from():
    assert tfds._address("mnist").startswith("https://storage.googleapis.com/cvdf-datasets/mnist/")
    assert tfds._address("fashion_mnist").startswith("http://fashion-mnist.s3-website.")


def test_a_lookup_that_hangs_is_left_behind(monkeypatch):
    over = threading.Event()

    def getaddrinfo(*_, **__):
        over.wait(30)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    start = time.monotonic()
    try:
        assert why_unreachable("http://example.org/", 0.2) == "no answer within 0.2 seconds"
    finally:
        over.set()
    assert time.monotonic() - start < 10


def test_a_server_that_is_silent():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert why_unreachable(url, 0.2) == "no answer within 0.2 seconds"


def test_any_other_failure_is_no_connection_either(monkeypatch):
    monkeypatch.setattr(requests, "get", lambda *_, **__: {}["missing"])
    assert why_unreachable("http://example.org/") == "no connection"


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
    monkeypatch.setattr(extras, "find_spec", lambda name: name)


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
    prepared.check(load_dataset("mnist"), "3.0.1", tmp_path / "default")
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
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    refused(
        f"mnist is not in {tmp_path}/default yet, and preparing it needs the package tensorflow: "
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
