"""Image files of people, made into what a network was trained on."""

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Shaped

from jaxcnn.data.errors import DataError
from jaxcnn.data.transform import Transform

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF")
"""The formats that are read. Pillow knows more, some of which start other programs (EPS)."""

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N")


def read_picture(
    path: str | os.PathLike[str], image_shape: Sequence[int]
) -> Float32[np.ndarray, "h w c"]:
    """An image file as a network of that input sees it, upright and scaled to [0, 1].

    Of an animation the first frame is taken, and what is transparent lies on white. Colours
    become luma (ITU-R 601) for a network of grey images; grey becomes three equal channels for
    one of colours. The size is changed as `Transform` changes it, without regard to the sides'
    ratio. Nothing is inverted: MNIST and its like are white on black, and a network of them
    wants them so.

    Args:
        path: a file in one of `FORMATS`, of any size; 8 or 16 bits a channel.
        image_shape: ``(h, w, c)`` of the images that the network was trained on.

    Returns:
        float32 ``(h, w, c)`` in [0, 1].

    Raises:
        DataError: if the file cannot be read, is no such image, is cut short, has more than 89
            million pixels, or holds numbers whose range is not known; or if no picture has ``c``
            channels.

    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (90, 60), "red").save(file, "PNG")
    >>> read_picture(file, (28, 28, 1))[0, 0]
    array([0.29803923], dtype=float32)
    """
    height, width, channels = image_shape
    if channels not in _MODES:
        raise DataError(f"{path}: no image file has the {channels} channels of the training data")
    raw, most = _raw_pixels(path, channels)
    if raw.ndim == 2:
        raw = np.repeat(raw[..., np.newaxis], channels, axis=2)
    return Transform((height, width), 1 / most)(raw[np.newaxis])[0]


def _raw_pixels(
    path: str | os.PathLike[str], channels: int
) -> tuple[Shaped[np.ndarray, "h w ..."], int]:
    """The pixels of a file, and what white is in them."""
    from PIL import Image

    try:
        # Pillow's remarks on odd files are of no use to whoever wants a class.
        with warnings.catch_warnings(action="ignore"):
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_known_formats()) as image:
                return _decoded(image, channels)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except Exception as error:  # of any kind: the decoders raise what they like
        raise DataError(_why_unreadable(path, error)) from None


def _known_formats() -> list[str]:
    from PIL import Image

    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _decoded(image: "Image.Image", channels: int) -> tuple[np.ndarray, int]:
    from PIL import Image, ImageOps

    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode in _DEEP:
        return _deep_pixels(image), 65535
    if image.mode == "F":
        raise DataError("its pixels are floats, whose range is not known: expected 8 or 16 bits")
    if image.has_transparency_data and channels != 4:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    # By way of RGB: a palette or CMYK image has no luma of its own.
    image = image if image.mode in ("1", "L", "RGB") or channels == 4 else image.convert("RGB")
    return np.asarray(image.convert(_MODES[channels])), 255


def _deep_pixels(image: "Image.Image") -> np.ndarray:
    """Grey levels of 16 bits; Pillow holds some of them in 32."""
    levels: Any = np.asarray(image)
    if levels.min() < 0 or levels.max() > 65535:
        raise DataError("its pixels have 32 bits, expected 8 or 16")
    return levels.astype(np.uint16)


def _why_unreadable(path: str | os.PathLike[str], error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, Image.DecompressionBombWarning | Image.DecompressionBombError):
        return f"{path} has too many pixels, expected at most {Image.MAX_IMAGE_PIXELS:,}"
    if isinstance(error, UnidentifiedImageError):
        return f"{path} is not an image that can be read, expected {', '.join(FORMATS)}"
    if isinstance(error, OSError) and error.strerror:
        return f"{path} cannot be read: {error.strerror}"
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return f"{path} is damaged: {reason[:200]}"
