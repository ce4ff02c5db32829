"""Converts a user's image file to the image shape of a trained network."""

import os
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from jaxcnn.data.errors import DataError
from jaxcnn.data.transform import Transform
from jaxcnn.errors import shown


def read_input(
    path: str | os.PathLike[str], image_shape: Sequence[int], *, shorter: int | None = None
) -> Float32[np.ndarray, "h w c"]:
    """Read an image file, and convert it to the image shape that a network was trained on.

    The file is read and resized as those of an image folder are. Colours are not inverted: MNIST
    and Fashion-MNIST are white on black, and so must be the images for their networks.

    Args:
        path: a picture of any size in one of `jaxcnn.data.pictures.FORMATS`.
        image_shape: ``(h, w, c)`` of the images that the network was trained on.
        shorter: what `Transform` calls so, if the network was trained on middles of images.

    Returns:
        float32 ``(h, w, c)`` in [0, 1].

    Raises:
        DataError: if the shape is wrong, or the file cannot be read, is no picture, is damaged or
            too large.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.NamedTemporaryFile(suffix=".png") as file:
    ...     Image.new("RGB", (90, 60), "red").save(file.name)
    ...     read_input(file.name, (28, 28, 1))[0, 0]
    array([0.29803923], dtype=float32)
    """
    # Pillow takes a moment to import, which only reading a picture needs.
    from jaxcnn.data.pictures import read_picture

    if len(image_shape) != 3:
        raise DataError(f"the shape of an image must be (h, w, c), got {tuple(image_shape)}")
    height, width, channels = image_shape
    if channels not in (1, 3):
        raise DataError(
            f"{shown(path)}: becomes grey or coloured, and not one of the {channels} channels that "
            "the network was trained on"
        )
    # Pictures are bytes, whatever the training data were before they were scaled to [0, 1].
    return Transform((height, width), 1 / 255, shorter)(read_picture(path, channels)[np.newaxis])[0]
