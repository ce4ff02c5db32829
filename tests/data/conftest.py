"""Machines without data, with and without a network."""

import socket
import threading
import types
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


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
