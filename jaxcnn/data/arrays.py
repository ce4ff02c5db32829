"""Examples that are held in memory as raw bytes, as those of the small data sets are."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, Integer, Shaped

from jaxcnn.data.random_crops import RandomCrops
from jaxcnn.data.selection import Rows
from jaxcnn.data.transform import Transform

_LUMA = np.array([299, 587, 114])
"""The weights of red, green and blue in grey, in thousandths: ITU-R BT.601, as in Pillow's "L"."""


@dataclass(frozen=True, eq=False)
class ArrayExamples:
    """Raw images in memory.

    Attributes:
        raw: ``(n, h, w)`` or ``(n, h, w, c)``.
        labels: ``(n,)``.
        transform: what is done to the raw pixels.
        channels: 1 or 3; ``None`` leaves them as they are.
    """

    raw: Shaped[np.ndarray, "n h w ..."]
    labels: Integer[np.ndarray, " n"]
    transform: Transform
    channels: int | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(h, w, c)`` of every image that `read` gives."""
        height, width = self.transform.size or self.raw.shape[1:3]
        own = self.raw.shape[3] if self.raw.ndim == 4 else 1
        return height, width, self.channels or own

    def read(
        self, rows: Rows, crops: RandomCrops | None = None
    ) -> tuple[Float32[np.ndarray, "n h w c"], Int32[np.ndarray, " n"]]:
        """Images in [0, 1], or parts of them, and labels."""
        raw, labels = with_channels(self.raw[rows], self.channels), self.labels[rows]
        if crops is None:
            return self.transform(raw), labels.astype(np.int32)
        images = np.empty((len(rows), *self.image_shape), np.float32)
        for index, image in enumerate(raw):
            images[index] = self.transform.part(image, crops.box(index, *image.shape[:2]))
        return images, labels.astype(np.int32)


def with_channels(
    images: Shaped[np.ndarray, "n h w ..."], channels: int | None
) -> Shaped[np.ndarray, "n h w c"]:
    """Convert grey images to colour, or colour images to grey.

    Args:
        images: ``(n, h, w)`` or ``(n, h, w, c)`` with 1 or 3 channels.
        channels: 1, 3, or ``None`` for what they have.
    """
    images = images[..., np.newaxis] if images.ndim == 3 else images
    if channels is None or images.shape[-1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=-1)
    grey = (images.astype(np.int64) @ _LUMA + 500) // 1000
    return grey[..., np.newaxis].astype(images.dtype)
