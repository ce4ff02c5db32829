"""The networks of `jaxcnn.models` that are timed, each with the images that it is timed with.

A network is written once, as a layer of jaxcnn. `in_flax` and `in_torch` build its twins in other
libraries from the layer's description, and `in_onnx` exports it.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn import models
from jaxcnn.layers import Layer


class Network(NamedTuple):
    """A network and the batch of images that it is timed with.

    Attributes:
        layer: the network.
        batch: images in a batch.
        image: height, width and channels.
    """

    layer: Layer
    batch: int
    image: tuple[int, int, int]

    def start(self) -> tuple[Any, Any]:
        """Random parameters and the initial state.

        The layers' own `init` would compile a program for each shape, which takes a while.
        """
        random = np.random.default_rng(0)
        shapes = jax.eval_shape(
            lambda key: self.layer.init(key, (1, *self.image)), jax.random.key(0)
        )

        def draw(path: Any, leaf: Any) -> jax.Array:
            numbers = random.standard_normal(leaf.shape, np.float32)
            if path[-1].key == "kernel":  # the scale keeps the variance from layer to layer
                return jnp.asarray(numbers * math.sqrt(2 / math.prod(leaf.shape[:-1])))
            centre = 1.0 if path[-1].key in ("scale", "var") else 0.0
            return jnp.asarray(centre + 0.1 * np.clip(numbers, -3, 3))

        params, state = jax.tree_util.tree_map_with_path(draw, shapes)
        return params, state

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Random images and labels."""
        random = np.random.default_rng(0)
        x = random.standard_normal((self.batch, *self.image), np.float32)
        return x, random.integers(0, 10, self.batch)


NETWORKS = {
    "lenet": Network(models.lenet(), 256, (28, 28, 1)),
    "resnet20": Network(models.resnet20(), 128, (32, 32, 3)),
    "resnet18": Network(models.resnet18(stem="small"), 16, (64, 64, 3)),
    "resnet50": Network(models.resnet50(), 2, (224, 224, 3)),
    "vgg11_bn": Network(models.vgg11_bn(stem="small"), 16, (64, 64, 3)),
    "mobilenet_v2": Network(models.mobilenet_v2(dropout=0), 32, (96, 96, 3)),
    "efficientnet_b0": Network(
        models.efficientnet_b0(dropout=0, stochastic_depth=0), 8, (96, 96, 3)
    ),
    "convnext_tiny": Network(models.convnext_tiny(stochastic_depth=0), 4, (96, 96, 3)),
}
"""The networks by name, with batches whose training steps take at most about a second on a CPU.

Nothing is dropped at random in training, so that all libraries compute the same numbers.
"""
