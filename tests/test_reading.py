"""Files that are none, or too much."""

import os
import re
import socket

import pytest

from jaxcnn.errors import UserError
from jaxcnn.reading import as_text, check_folder_tree, open_file, read_bytes, read_text, reason
from tests.patience import within


def pipe(path):
    os.mkfifo(path)
    return path


def listening(path, monkeypatch):
    """A socket; its name must be short, so it is bound from its folder."""
    monkeypatch.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    return path


@pytest.mark.parametrize("read", [open_file, lambda path: read_bytes(path, 9)])
def test_only_files_are_opened(tmp_path, monkeypatch, read):
    (tmp_path / "link").symlink_to(pipe(tmp_path / "pipe"))
    places = {
        tmp_path / "pipe": "it is a named pipe, expected a file",
        tmp_path / "link": "it is a named pipe, expected a file",
        listening(tmp_path / "socket", monkeypatch): "it is a socket, expected a file",
        "/dev/zero": "it is a device, expected a file",
        tmp_path: "Is a directory",
        tmp_path / "no": "No such file or directory",
        "nu\0ll": "No such file or directory",
    }
    for path, why in places.items():
        with pytest.raises(OSError, match=re.escape(why)) as caught, within(5):
            read(path)
        assert reason(caught.value) == why


def test_at_most_so_many_bytes(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(OSError, match="it has 5 bytes, expected at most 4"):
        read_bytes(path, 4)
    os.truncate(path, 2**40)  # a hole, which takes no room on the disk
    with pytest.raises(OSError, match="it has 1,099,511,627,776 bytes, expected"), within(5):
        read_bytes(path, 4)


def test_text_is_utf8(tmp_path):
    path = tmp_path / "x"
    path.write_bytes("Grüße".encode())
    assert read_text(path, 99) == "Grüße"
    path.write_bytes(b"12\xff")
    with pytest.raises(ValueError, match="^it is no text, byte 2 is not UTF-8$"):
        read_text(path, 99)
    with pytest.raises(ValueError, match="byte 0 is not UTF-8"):
        as_text(b"\x80")


def test_an_error_without_a_reason_has_its_first_line():
    assert reason(OSError("one\ntwo")) == "one"
    assert reason(OSError()) == "OSError"


def test_a_folder_of_files_and_folders(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"1234")
    check_folder_tree(tmp_path)
    for made in (lambda path: path.symlink_to("/"), pipe):
        made(tmp_path / "a" / "x")
        with pytest.raises(ValueError, match="^a/x in it is neither a file nor a folder$"):
            check_folder_tree(tmp_path)
        (tmp_path / "a" / "x").unlink()
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(ValueError, match="^it is a link$"):
        check_folder_tree(tmp_path / "b")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[2Jx", r"\x1b[2Jx"),
        ("a\nb\r", r"a\nb\r"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\x9b31m", r"\x9b31m"),
        ("\udcff", r"\udcff"),
        ("Grüße – 10 × 3", "Grüße – 10 × 3"),
    ],
)
def test_an_error_commands_no_terminal(text, safe):
    assert str(UserError(text)) == safe
    assert str(UserError(str(UserError(text)))) == safe
