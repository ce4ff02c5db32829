"""Decodes a picture of any format, mode and size to grey or RGB bytes.

Pillow decodes it. Only formats are tried whose decoders run no other program (EPS runs
Ghostscript) and recognise their files by content.
"""

import contextlib
import io
import os
import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from jaxcnn.data.errors import DataError
from jaxcnn.errors import shown
from jaxcnn.reading import open_file, reason

FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""The formats that are read, by Pillow's names; only the first frame is read."""

_SUFFIXES = ".bmp .gif .jfif .jp2 .j2k .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tif .tiff .webp"
SUFFIXES = frozenset(_SUFFIXES.split(" "))
"""File name endings of pictures; a file with such a name that cannot be decoded is damaged."""

LARGEST = 2**26
"""The most pixels of one picture, since a small file could decode to more than the memory."""

_GREY = ("1", "L", "LA", "La", "I", "F")
_TURNED = range(5, 9)  # values of the EXIF orientation that swap height and width
_ORIENTATION = 0x0112


class Header(NamedTuple):
    """The size and format in the header of a picture.

    Attributes:
        height: in pixels, after the EXIF orientation is applied.
        width: in pixels, likewise.
        grey: whether it is a grey image.
    """

    height: int
    width: int
    grey: bool


def read_header(path: str | os.PathLike[str]) -> Header | None:
    """The header of a picture, read without decoding it; ``None`` if the file is no picture.

    Raises:
        DataError: if the file cannot be read, has too many pixels, or has the name of a picture
            but is none, or a damaged one.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large sizes, which are checked here
            with open_file(path) as file, Image.open(file, formats=FORMATS) as image:
                _check_size(image, path)
                width, height = image.size
                # A PNG may have its EXIF data behind the pixels; whoever decodes it will see.
                turned = image.format != "PNG" and _orientation(image) in _TURNED
                grey = image.mode in _GREY or image.mode.startswith("I;16")
                return Header(*((width, height) if turned else (height, width)), grey)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # Pillow's readers raise many kinds
        # A text that begins with "BM" or "P1" is taken for a picture at first.
        if not has_name_of_picture(path) and getattr(error, "errno", None) is None:
            return None
        if isinstance(error, UnidentifiedImageError):
            raise DataError(f"{shown(path)}: is no picture, though its name says so") from None
        raise _unreadable(path, error) from error


def has_name_of_picture(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name ends as that of a picture."""
    return os.path.splitext(path)[1].lower() in SUFFIXES


def read_picture(path: str | os.PathLike[str], channels: int) -> UInt8[np.ndarray, "h w c"]:
    """Decode a picture to bytes, turned upright according to its EXIF data.

    Transparency is ignored. 16 bits a pixel become 8, rounded; floats must be from 0 to 1.

    Args:
        path: the file.
        channels: 1 for grey (ITU-R BT.601), 3 for colour.

    Returns:
        ``(h, w, channels)``, from 0 to 255.

    Raises:
        DataError: if it is no picture, is damaged or cut short, or has too many pixels.
    """
    try:
        with open_file(path) as file, Image.open(file, formats=FORMATS) as image:
            _check_size(image, path)
            image.load()
            pixels = np.asarray(_plain(_upright(image), channels, path))
    except (DataError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise DataError(f"{shown(path)}: is no picture of a known format") from None
    except Exception as error:  # Pillow's readers raise many kinds
        raise _unreadable(path, error) from error
    pixels = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
    return np.repeat(pixels, channels, axis=-1) if pixels.shape[-1] < channels else pixels


def decoded(content: bytes, channels: int) -> UInt8[np.ndarray, "h w c"]:
    """The pixels of an encoded picture, as they are stored.

    Args:
        content: the bytes of a file in one of `FORMATS`.
        channels: how many channels a grey picture gets; others keep theirs.

    Returns:
        ``(h, w, c)``, from 0 to 255.

    Raises:
        DataError: if it has too many pixels.
        Exception: of many kinds, if it is no picture or damaged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large sizes, which are checked here
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_size(image, "an image")
            pixels = np.asarray(image, np.uint8)
    if pixels.ndim == 2 or pixels.shape[-1] == 1:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), channels, axis=-1)
    return pixels


def _check_size(image: Image.Image, path: str | os.PathLike[str]) -> None:
    width, height = image.size
    if width * height > LARGEST:
        raise DataError(
            f"{shown(path)}: a picture of {height:,}×{width:,} pixels, expected at most "
            f"{LARGEST:,} pixels"
        )


def _orientation(image: Image.Image) -> int:
    with contextlib.suppress(Exception):  # pictures with broken EXIF data are shown, too
        return int(image.getexif().get(_ORIENTATION, 1))
    return 1


def _upright(image: Image.Image) -> Image.Image:
    if _orientation(image) not in range(2, 9):
        return image
    return ImageOps.exif_transpose(image)


def _plain(
    image: Image.Image, channels: int, path: str | os.PathLike[str]
) -> Image.Image | np.ndarray:
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _bytes_of(np.asarray(image), 65535, path)
    if image.mode == "F":
        return _bytes_of(np.asarray(image), 1, path)
    if image.mode in ("P", "PA") and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("L" if channels == 1 else "RGB")


def _bytes_of(
    values: np.ndarray, highest: int, path: str | os.PathLike[str]
) -> UInt8[np.ndarray, "h w"]:
    """Grey values from 0 to ``highest`` as bytes; written so that a NaN is refused as well."""
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= highest):
        raise DataError(f"{shown(path)}: pixels from {low:g} to {high:g}, expected 0 to {highest}")
    return np.rint(values.astype(np.float64) * (255 / highest)).astype(np.uint8)


def _unreadable(path: str | os.PathLike[str], error: Exception) -> DataError:
    if isinstance(error, OSError) and error.errno:
        why = reason(error)
    else:
        why = shown(str(error).strip().partition("\n")[0] or type(error).__name__)
    return DataError(f"{shown(path)}: cannot be read ({why}), expected a whole picture")
