"""Draws the contact sheet of a data set: a row of sample images for each class."""

import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageDraw, ImageFont

Samples = Mapping[int, list[Float32[np.ndarray, "h w c"]]]
"""Some images of each class, by its label."""

CLASSES = 50
"""The most classes that a sheet shows."""

_CELL, _GAP, _NAME = 64, 4, 160
_LETTERS = 22


def draw_contact_sheet(samples: Samples, class_names: Sequence[str]) -> Image.Image:
    """Draw a contact sheet, with one row for each of the first `CLASSES` classes.

    Args:
        samples: images in [0, 1], grey or colour.
        class_names: one name per class, in the order of the labels.

    Returns:
        An RGB picture.
    """
    names = class_names[:CLASSES]
    columns = max((len(samples.get(label, [])) for label in range(len(names))), default=0)
    step = _CELL + _GAP
    sheet = Image.new("RGB", (_NAME + columns * step + _GAP, len(names) * step + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    for label, name in enumerate(names):
        top = _GAP + label * step
        draw.text((_GAP, top + _CELL // 3), _written(label, name), fill="black", font=font)
        for column, image in enumerate(samples.get(label, [])):
            sheet.paste(thumbnail(image), (_NAME + column * step, top))
    return sheet


def thumbnail(image: Float32[np.ndarray, "h w c"]) -> Image.Image:
    """An image scaled to a cell of the sheet, its proportions kept; small images stay sharp."""
    pixels: UInt8[np.ndarray, "h w c"] = np.rint(image * 255).astype(np.uint8)
    picture = Image.fromarray(np.repeat(pixels, 3, -1) if pixels.shape[-1] == 1 else pixels)
    scale = _CELL / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    way = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BILINEAR
    return picture.resize(size, way)


def _written(label: int, name: str) -> str:
    """The label and name of a class, shortened and in ASCII, since Pillow's font has no more."""
    bare = (char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    plain = "".join(bare).encode("ascii", "replace").decode()
    return f"{label} {plain if len(plain) <= _LETTERS else plain[: _LETTERS - 3] + '...'}"
