"""The files of an export are all written, or none."""

import pytest

from jaxcnn.interop import InteropError, write_files


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_are_written_into_a_new_folder(tmp_path):
    write_files(tmp_path / "a" / "b", {"x.json": b"{}", "x": b"1"})
    assert contents(tmp_path / "a" / "b") == {"x.json": b"{}", "x": b"1"}


def test_nothing_is_replaced_unless_asked_for(tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    with pytest.raises(InteropError, match="x is there already: give --overwrite, or another"):
        write_files(tmp_path, {"y": b"new", "x": b"new"})
    assert contents(tmp_path) == {"x": b"old"}
    write_files(tmp_path, {"y": b"new", "x": b"new"}, overwrite=True)
    assert contents(tmp_path) == {"x": b"new", "y": b"new"}


def test_all_or_none(tmp_path):
    """The second file cannot be written, its name being too long: the first is not there either."""
    (tmp_path / "x").write_bytes(b"old")
    with pytest.raises(InteropError, match="cannot be written: File name too long"):
        write_files(tmp_path, {"x": b"new", "y" * 250: b""}, overwrite=True)
    assert contents(tmp_path) == {"x": b"old"}


def test_a_folder_or_a_file_in_the_way(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(InteropError, match="x is a folder"):
        write_files(tmp_path, {"x": b""}, overwrite=True)
    (tmp_path / "y").write_bytes(b"old")
    with pytest.raises(InteropError, match="y is a file, not a folder"):
        write_files(tmp_path / "y" / "z", {"x": b""})
    assert (tmp_path / "y").read_bytes() == b"old"
