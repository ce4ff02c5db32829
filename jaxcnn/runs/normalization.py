"""``--normalize``: the mean and deviation of each channel, which a run's model normalizes by."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from jaxcnn.data import Dataset, Split, StreamedSplit
from jaxcnn.errors import UserError
from jaxcnn.layers import Layer, normalized

Normalizing = Literal["none", "dataset", "imagenet"]

_MOST = 10_000
"""The most images that are read for the statistics of a data set that is streamed."""

_AT_ONCE = 1000
_DECIMALS = 6


class Normalization(NamedTuple):
    """What is subtracted from each channel of the images in [0, 1], and divided by.

    Attributes:
        mean: one number per channel.
        std: one positive number per channel.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def facts(self) -> dict[str, list[float]]:
        """As JSON can hold it."""
        return {name: list(numbers) for name, numbers in self._asdict().items()}

    def of(self, model: Layer) -> Layer:
        """The model behind the normalization; its parameters and their names stay."""
        return normalized(model, self.mean, self.std)


IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""The numbers that the weights of torchvision were trained with."""


def normalization_for(how: Normalizing, data: Dataset) -> Normalization | None:
    """The normalization of a run.

    Args:
        how: ``"none"``, ``"dataset"`` (the statistics of the training images, of an evenly spaced
            part of them where they are streamed and many) or ``"imagenet"``.
        data: the data set.

    Raises:
        UserError: if ImageNet's numbers, which are for colours, do not suit the images.
    """
    if how == "none":
        return None
    if how == "dataset":
        return _statistics(data.train)
    channels = data.image_shape[2]
    if channels != len(IMAGENET.mean):
        raise UserError(
            f"--normalize imagenet is for images of 3 channels, got {channels}: add --channels 3, "
            "or take --normalize dataset"
        )
    return IMAGENET


def saved_normalization(content: Mapping[str, Any], channels: int) -> Normalization | None:
    """The normalization that a run has written down.

    Args:
        content: what ``config.json`` holds.
        channels: those of the run's images.

    Raises:
        ValueError: if it does not suit the run's images.
    """
    found = content.get("normalization")
    if found is None:
        return None
    mean, std = tuple(found["mean"]), tuple(found["std"])
    if not len(mean) == len(std) == channels:
        raise ValueError(f"normalization must have {channels} means and deviations")
    if not all(number > 0 for number in std):
        raise ValueError(f"normalization.std must be positive, got {list(std)}")
    return Normalization(mean, std)


def _statistics(split: Split | StreamedSplit) -> Normalization:
    """Mean and deviation over all pixels of each channel; a channel of one value is left as it is.

    They are rounded, so that two machines that add in another order find the same.
    """
    count = len(split) if isinstance(split, Split) else min(len(split), _MOST)
    rows = np.linspace(0, len(split) - 1, count).round().astype(np.int64)
    channels = split.image_shape[2]
    total, squares, pixels = np.zeros(channels), np.zeros(channels), 0
    for start in range(0, count, _AT_ONCE):
        images = split.read(rows[start : start + _AT_ONCE]).images.astype(np.float64)
        total, squares = total + images.sum((0, 1, 2)), squares + (images**2).sum((0, 1, 2))
        pixels += images[..., 0].size
    mean = total / pixels
    deviation = np.sqrt(np.maximum(squares / pixels - mean**2, 0)).round(_DECIMALS)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return Normalization(tuple(mean.round(_DECIMALS).tolist()), tuple(deviation.tolist()))
