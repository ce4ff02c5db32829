import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxcnn.data import DataError
from jaxcnn.data.pictures import Header, read_header, read_picture
from tests.data.folders import noise, truncate

RAMP = np.arange(6, dtype=np.uint8).reshape(2, 3) * 50
COLOURS = np.stack([RAMP, RAMP[::-1], 255 - RAMP], -1)


def saved(path, image):
    image.save(path)
    return path


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "F", "LA"])
def test_every_mode_is_grey_or_colour_bytes(tmp_path, mode):
    if mode == "I;16":
        image = Image.fromarray(RAMP.astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(RAMP.astype(np.float32) / 255)
    elif mode in ("1", "L", "LA"):
        image = Image.fromarray(RAMP).convert(mode)
    else:
        image = Image.fromarray(COLOURS).convert(mode)
    path = saved(
        tmp_path / "x.tif" if mode in ("F", "CMYK", "YCbCr") else tmp_path / "x.png", image
    )
    grey, colour = read_picture(path, 1), read_picture(path, 3)
    assert (grey.shape, colour.shape) == ((2, 3, 1), (2, 3, 3))
    assert grey.dtype == colour.dtype == np.uint8
    if mode in ("L", "I;16", "F", "LA"):
        np.testing.assert_array_equal(grey[..., 0], RAMP)
        np.testing.assert_array_equal(colour, np.repeat(grey, 3, -1))
    if mode in ("RGB", "RGBA"):
        np.testing.assert_array_equal(colour, COLOURS)
    assert read_header(path) == Header(2, 3, mode in ("1", "L", "I;16", "F", "LA"))


def test_transparency_of_a_palette_is_ignored_without_a_warning(tmp_path):
    image = Image.fromarray(COLOURS).convert("P")
    image.save(tmp_path / "x.png", transparency=bytes(range(200)))
    assert read_picture(tmp_path / "x.png", 3).shape == (2, 3, 3)


def test_a_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.full((2, 3), 7, np.uint8)).save(tmp_path / "x.jpg", exif=exif)
    assert (
        read_header(tmp_path / "x.jpg")[:2]
        == read_picture(tmp_path / "x.jpg", 1).shape[:2]
        == (3, 2)
    )


def refused(path, message, read=lambda path: read_picture(path, 3)):
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp", ".tif", ".webp"])
def test_a_picture_cut_short_is_refused(tmp_path, suffix):
    path = truncate(noise(tmp_path / f"x{suffix}"))
    with pytest.raises(DataError) as caught:
        read_picture(path, 3)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_flipped_bit_is_noticed(tmp_path):
    path = noise(tmp_path / "x.png")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused(path, "cannot be read (")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[0, np.nan]], "pixels from nan to nan, expected 0 to 1"),
        ([[0, np.inf]], "pixels from 0 to inf, expected 0 to 1"),
        ([[0, 255]], "pixels from 0 to 255, expected 0 to 1"),
    ],
)
def test_floats_that_are_no_pixels_are_refused(tmp_path, values, message):
    refused(saved(tmp_path / "x.tif", Image.fromarray(np.array(values, np.float32))), message)


def bomb(path, height, width):
    """A PNG of a hundred bytes that says it is huge."""
    chunks = b""
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0" * 1000)),
        (b"IEND", b""),
    ):
        chunks += struct.pack(">I", len(data)) + kind + data
        chunks += struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


@pytest.mark.parametrize("read", [read_header, lambda path: read_picture(path, 3)])
@pytest.mark.parametrize("side", [8193, 30_000])
def test_a_decompression_bomb_is_refused(tmp_path, read, side):
    path = bomb(tmp_path / "x.png", side, side)
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), ("x.txt", b"notes"), ("x", b"")],
)  # fmt: skip
def test_other_files_are_no_pictures(tmp_path, name, content):
    """Nor is PostScript, which Pillow would run."""
    (tmp_path / name).write_bytes(content)
    assert read_header(tmp_path / name) is None
    refused(tmp_path / name, "is no picture of a known format")


def test_a_text_that_begins_like_a_picture_is_none(tmp_path):
    (tmp_path / "BMW.txt").write_text("BMW is no bitmap, though it begins like one.")
    assert read_header(tmp_path / "BMW.txt") is None
    (tmp_path / "BMW.txt").rename(tmp_path / "x.bmp")
    refused(tmp_path / "x.bmp", "cannot be read (", read_header)


def test_a_name_that_promises_a_picture_is_held_to_it(tmp_path):
    (tmp_path / "x.PNG").write_bytes(b"")
    refused(tmp_path / "x.PNG", "is no picture, though its name says so", read_header)
    refused(tmp_path / "no.png", "cannot be read (No such file or directory)", read_header)
