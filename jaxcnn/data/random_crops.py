"""Draws the random parts of pictures that are read in training instead of whole pictures."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Integer

_WIDEST = math.log(4 / 3)


class RandomCrops(NamedTuple):
    """A part of each of several pictures, drawn before their sizes are known.

    The part's share of the picture is drawn evenly from ``least`` to 1, its width over its height
    from 3/4 to 4/3, evenly on a logarithmic scale, and its place evenly.

    Attributes:
        numbers: four of them for each picture, from 0 to 1, ``(n, 4)``.
        least: the smallest share of a picture.

    Reference: C. Szegedy et al., *Going Deeper with Convolutions* (2014).
    """

    numbers: Float64[np.ndarray, "n 4"]
    least: float

    def at(self, rows: Integer[np.ndarray, " m"]) -> "RandomCrops":
        """Those of some of the pictures."""
        return self._replace(numbers=self.numbers[rows])

    def box(self, index: int, height: int, width: int) -> tuple[slice, slice]:
        """The rows and columns of a picture of this size, at least one of each.

        >>> from jaxcnn.data.random_crops import drawn
        >>> drawn([0], 1, least=1.0).box(0, 8, 8)[0].stop <= 8
        True
        """
        share, shape, top, left = self.numbers[index]
        area = (self.least + share * (1 - self.least)) * height * width
        ratio = math.exp((2 * shape - 1) * _WIDEST)
        rows = min(max(round(math.sqrt(area / ratio)), 1), height)
        columns = min(max(round(math.sqrt(area * ratio)), 1), width)
        start, begin = int(top * (height - rows + 1)), int(left * (width - columns + 1))
        return slice(start, start + rows), slice(begin, begin + columns)


def drawn(seed: Sequence[int], count: int, least: float) -> RandomCrops:
    """The parts of ``count`` pictures; they depend on the seed alone.

    Args:
        seed: whole numbers that are not negative.
        count: how many pictures.
        least: the smallest share of a picture, above 0 and at most 1.
    """
    return RandomCrops(np.random.default_rng(seed).random((count, 4)), least)
