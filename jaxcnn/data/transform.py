"""Converts raw pixels to the images that a network is trained on."""

import math
import operator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Shaped

from jaxcnn.data.errors import DataError

_CHUNK = 2**22
"""The number of pixels that are resized at a time, as float64."""


@dataclass(frozen=True)
class Transform:
    """Resizes raw images and scales their pixels to [0, 1].

    ``Transform(**dataclasses.asdict(transform)) == transform``, also after a way through JSON.

    Attributes:
        size: ``(height, width)`` that images are resized to; ``None`` leaves them as they are.
            Resizing is bilinear and, where an image shrinks, antialiased: the weights of
            Pillow's ``BILINEAR`` and of `jax.image.resize`.
        scale: what pixels are multiplied by, so that they lie in [0, 1].
        shorter: the length that the shorter side is resized to, the other one in proportion; the
            part of ``size`` in the middle is what is left, so that nothing is distorted. ``None``
            resizes height and width to ``size``, each by itself.

    >>> images = jc.data.Transform(size=(2, 3), scale=1 / 4)(np.array([[[0, 4], [4, 4]]]))
    >>> images[0, :, :, 0]
    array([[0. , 0.5, 1. ],
           [1. , 1. , 1. ]], dtype=float32)
    """

    size: tuple[int, int] | None
    scale: float
    shorter: int | None = None

    def __post_init__(self) -> None:
        if self.size is not None:
            object.__setattr__(self, "size", _checked_size(self.size))
        if self.shorter is not None:
            _check_shorter(self.shorter, self.size)
        if not (isinstance(self.scale, int | float) and 0 < self.scale < math.inf):
            raise ValueError(f"Transform: `scale` must be positive, got {self.scale!r}")

    def __call__(self, raw: Shaped[np.ndarray, "n h w ..."]) -> Float32[np.ndarray, "n h w c"]:
        """Convert raw images to float32 images in [0, 1].

        Args:
            raw: ``(n, h, w)`` or ``(n, h, w, c)``, integers or floats from 0 to ``1 / scale``.

        Returns:
            float32 ``(n, h, w, c)`` in [0, 1], with ``size`` for ``(h, w)``.

        Raises:
            TypeError: if ``raw`` is not an array of integers or floats.
            DataError: if it has another number of axes, empty images, or pixels out of range.
        """
        images = _checked_images(raw, self.scale)
        if self.size is not None and (self.shorter or images.shape[1:3] != self.size):
            return _resized(images, self._weights_for(*images.shape[1:3]), self.scale)
        # In float64 and rounded once: float32(x * (1 / 255)) is float32(x / 255) for each byte.
        result = np.empty(images.shape, np.float32)
        np.multiply(images, self.scale, out=result, dtype=np.float64, casting="same_kind")
        return result

    def part(
        self, raw: Shaped[np.ndarray, "h w c"], box: tuple[slice, slice]
    ) -> Float32[np.ndarray, "y x c"]:
        """A part of a raw image, resized to ``size``, or to the image's own size.

        Height and width are resized each by itself, whatever ``shorter`` is.

        Args:
            raw: integers or floats from 0 to ``1 / scale``.
            box: the rows and the columns of the part.

        Raises:
            TypeError: as for whole images.
            DataError: likewise.
        """
        images = _checked_images(raw[np.newaxis, *box], self.scale)
        size = self.size or raw.shape[:2]
        both = zip(images.shape[1:3], size, strict=True)
        rows, columns = (_weights(old, new, new) for old, new in both)
        return _resized(images, (rows, columns), self.scale)[0]

    def _weights_for(self, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """The weights of rows and of columns of an image of this size."""
        assert self.size is not None
        resized = self.size
        if self.shorter is not None:
            # As torchvision rounds: the longer side down.
            longer = self.shorter * max(height, width) // min(height, width)
            resized = (self.shorter, longer) if height <= width else (longer, self.shorter)
        both = zip((height, width), resized, self.size, strict=True)
        rows, columns = (_weights(old, new, kept) for old, new, kept in both)
        return rows, columns


def _check_shorter(shorter: object, size: tuple[int, int] | None) -> None:
    if not isinstance(shorter, int) or isinstance(shorter, bool):
        raise ValueError(f"Transform: `shorter` must be None or an int, got {shorter!r}")
    if size is None or shorter < max(size):
        raise ValueError(f"Transform: `shorter` must be at least `size`, got {shorter} and {size}")


def _checked_size(size: object) -> tuple[int, int]:
    try:
        height, width = (operator.index(item) for item in size)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise ValueError(f"Transform: `size` must be None or two ints, got {size!r}") from None
    if min(height, width) < 1:
        raise ValueError(f"Transform: `size` must be at least 1, got {size!r}")
    return height, width


def _checked_images(raw: np.ndarray, scale: float) -> np.ndarray:
    if not isinstance(raw, np.ndarray):
        raise TypeError(f"Transform: images must be a NumPy array, got {type(raw).__name__}")
    if raw.dtype.kind not in "uif":
        raise TypeError(f"Transform: images must be integers or floats, got {raw.dtype}")
    if raw.ndim not in (3, 4):
        raise DataError(
            f"Transform: images must have the axes (n, h, w) or (n, h, w, c), got {raw.shape}"
        )
    images = raw[..., np.newaxis] if raw.ndim == 3 else raw
    if 0 in images.shape[1:]:
        raise DataError(f"Transform: images must not be empty, got shape {raw.shape}")
    if len(images):
        low, high = images.min(), images.max()
        # Written so that a NaN is refused as well.
        if not (low >= 0 and float(high) * scale <= 1):
            raise DataError(
                f"Transform: pixels must be from 0 to {1 / scale:g}, got {low} to {high}"
            )
    return images


def _resized(
    images: np.ndarray, weights: tuple[np.ndarray, np.ndarray], scale: float
) -> np.ndarray:
    rows, columns = weights
    size = len(rows), len(columns)
    result = np.empty((len(images), *size, images.shape[3]), np.float32)
    at_once = max(1, _CHUNK // max(math.prod(images.shape[1:]), math.prod(result.shape[1:])))
    for start in range(0, len(images), at_once):
        # The weights of a pixel sum to 1 up to rounding in float64, so 1 is 1 again in float32.
        narrow = _narrowed(images[start : start + at_once], columns, scale)
        result[start : start + at_once] = np.einsum("yh,nhxc->nyxc", rows, narrow, optimize=True)
    return result


def _narrowed(images: np.ndarray, columns: np.ndarray, scale: float) -> np.ndarray:
    """Resized in width only, a strip at a time, since one photograph may be all of `_CHUNK`."""
    strip = max(1, _CHUNK // (len(images) * math.prod(images.shape[2:])))
    strips = [
        np.einsum(
            "nhwc,xw->nhxc",
            images[:, top : top + strip].astype(np.float64) * scale,
            columns,
            optimize=True,
        )
        for top in range(0, images.shape[1], strip)
    ]
    return np.concatenate(strips, axis=1)


def _weights(old: int, new: int, kept: int) -> Float64[np.ndarray, "kept old"]:
    """The weight of each old pixel of an axis in each new one: a triangle around its centre.

    Of the new pixels, only the ``kept`` ones in the middle have a row: a picture that is a
    thousand times as long as it is high would need gigabytes for the others.
    """
    first = round((new - kept) / 2)
    centres = (np.arange(first, first + kept) + 0.5) * old / new - 0.5
    distances = np.abs(np.arange(old) - centres[:, np.newaxis])
    triangles = np.maximum(0, 1 - distances / max(old / new, 1))
    return triangles / triangles.sum(axis=1, keepdims=True)
