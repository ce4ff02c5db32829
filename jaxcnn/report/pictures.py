"""Encodes arrays as PNG images in ``data:`` addresses, so that the page contains them."""

import base64
import io

import numpy as np
from jaxtyping import Bool, Float, Shaped

LARGEST = 128
"""The longest side of an image in pixels; larger ones are shrunk to keep the page small."""

POSITIVE = (217, 110, 16)
NEGATIVE = (30, 120, 190)
"""Orange and blue, which are distinct for every colour vision, on light and dark pages."""


def photograph(image: Float[np.ndarray, "h w c"]) -> str:
    """An image of the data set: one channel in grey, three in colour, else its first in grey.

    Args:
        image: pixels in [0, 1].
    """
    from PIL import Image

    colour = image.shape[-1] == 3
    pixels = _bytes(image if colour else image[..., 0])
    picture = Image.fromarray(pixels)
    picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    return _address(picture)


def grey(values: Float[np.ndarray, "h w"]) -> str:
    """A map in grey, from its smallest value (black) to its largest (white)."""
    from PIL import Image

    finite = np.nan_to_num(values.astype(np.float64), nan=0, posinf=0, neginf=0)
    low, high = float(np.min(finite)), float(np.max(finite))
    span = high - low or 1.0
    return _address(Image.fromarray(_bytes((finite - low) / span)))


def signed(values: Float[np.ndarray, "h w"], largest: float) -> str:
    """Positive values in orange, negative ones in blue, and zero transparent.

    Args:
        values: any numbers.
        largest: the magnitude that is drawn in full colour.
    """
    from PIL import Image

    colours = np.where((values >= 0)[..., np.newaxis], POSITIVE, NEGATIVE).astype(np.uint8)
    strength = np.abs(np.nan_to_num(values)) / (largest or 1.0)
    return _address(Image.fromarray(np.dstack([colours, _bytes(strength)]), "RGBA"))


def matrix(shares: Float[np.ndarray, "n n"], right: Bool[np.ndarray, "n n"]) -> str:
    """A large confusion matrix: blue where ``right``, orange elsewhere."""
    return signed(np.where(right, -shares, shares), 1.0)


def _bytes(values: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    return np.round(255 * np.clip(np.nan_to_num(values), 0, 1)).astype(np.uint8)


def _address(picture: object) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)  # type: ignore[attr-defined]
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
