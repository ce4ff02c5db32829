"""The networks whose train steps are timed, once in every framework, part by part the same."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.networks import in_flax, in_jaxcnn
from jaxcnn import models
from jaxcnn.layers import Layer


class Network(NamedTuple):
    """A network and the batch of images that it is timed with."""

    batch: int
    image: tuple[int, int, int]
    jaxcnn: Callable[[], Layer]
    flax: Callable[[], nn.Module]
    torch_name: str

    def start(self) -> tuple[Any, Any]:
        """Random parameters and the state at first, for jaxcnn and Flax alike.

        The layers' own `init` would compile a program for each shape, which takes a while.
        """
        random, shape = np.random.default_rng(0), (self.batch, *self.image)

        def draw(path: Any, leaf: Any) -> jax.Array:
            if path[-1].key == "kernel":
                return jnp.asarray(0.1 * random.standard_normal(leaf.shape, np.float32))
            return jnp.full(leaf.shape, path[-1].key in ("scale", "var"), jnp.float32)

        trees = jax.eval_shape(lambda key: self.jaxcnn().init(key, shape), jax.random.key(0))
        params, state = jax.tree_util.tree_map_with_path(draw, trees)
        return params, state

    def torch(self) -> Any:
        """The network in torch, which only those who time it need to have."""
        from benchmarks.networks import in_torch

        return getattr(in_torch, self.torch_name)()


NETWORKS = {
    "LeNet": Network(256, (28, 28, 1), models.lenet, in_flax.LeNet, "lenet"),
    "ResNet-20": Network(128, (32, 32, 3), in_jaxcnn.resnet20, in_flax.ResNet20, "resnet20"),
    "MobileNetV2": Network(
        32, (96, 96, 3), in_jaxcnn.mobilenet_v2, in_flax.MobileNetV2, "mobilenet_v2"
    ),
}
