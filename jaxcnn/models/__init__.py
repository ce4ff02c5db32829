"""Convolutional networks, one file per paper, each a function that returns a layer."""

from collections.abc import Callable

from jaxcnn.layers import Layer
from jaxcnn.models.lenet import lenet, lenet_modern

MODELS: dict[str, Callable[[int], Layer]] = {"lenet": lenet, "lenet_modern": lenet_modern}
"""The models by name, each a function of the number of classes."""

__all__ = ["MODELS", "lenet", "lenet_modern"]
