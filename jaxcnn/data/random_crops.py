"""Draws the random parts of pictures that are read in training instead of whole pictures."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Integer

_TRIES = 10
_WIDEST = 4 / 3


class RandomCrops(NamedTuple):
    """A part of each of several pictures, drawn before their sizes are known.

    The part's share of the picture is drawn evenly from ``least`` to 1, its width over its height
    from 3/4 to 4/3, evenly on a logarithmic scale, and its place evenly. Of ten parts that are
    drawn the first one counts that lies in the picture; if none does, the middle, cut to 3:4 or 4:3
    where the picture is longer. So does torchvision's ``RandomResizedCrop``.

    Attributes:
        numbers: from 0 to 1, ``(n, 10, 4)``: share, shape, and place of ten parts.
        least: the smallest share of a picture.

    Reference: C. Szegedy et al., *Going Deeper with Convolutions* (2014).
    """

    numbers: Float64[np.ndarray, "n tries 4"]
    least: float

    def at(self, rows: Integer[np.ndarray, " m"] | slice) -> "RandomCrops":
        """Those of some of the pictures."""
        return self._replace(numbers=self.numbers[rows])

    def box(self, index: int, height: int, width: int) -> tuple[slice, slice]:
        """The rows and columns of a picture of this size, at least one of each.

        >>> from jaxcnn.data.random_crops import drawn
        >>> drawn([0], 1, least=1.0).box(0, 8, 8)
        (slice(0, 8, None), slice(0, 8, None))
        """
        for share, shape, top, left in self.numbers[index]:
            area = (self.least + share * (1 - self.least)) * height * width
            ratio = _WIDEST ** (2 * shape - 1)
            rows, columns = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
            if 0 < rows <= height and 0 < columns <= width:
                first, left_most = int(top * (height - rows + 1)), int(left * (width - columns + 1))
                return slice(first, first + rows), slice(left_most, left_most + columns)
        rows = min(height, max(1, round(width * _WIDEST)))
        columns = min(width, max(1, round(height * _WIDEST)))
        first, left_most = (height - rows) // 2, (width - columns) // 2
        return slice(first, first + rows), slice(left_most, left_most + columns)


def drawn(seed: Sequence[int], count: int, least: float) -> RandomCrops:
    """The parts of ``count`` pictures; they depend on the seed alone.

    Args:
        seed: whole numbers that are not negative.
        count: how many pictures.
        least: the smallest share of a picture, above 0 and at most 1.
    """
    numbers = np.random.default_rng(seed).random((count, _TRIES, 4))
    return RandomCrops(numbers, least)
