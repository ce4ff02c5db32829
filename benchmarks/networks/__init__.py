"""The networks whose train steps are timed, written once in each framework."""

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
    """A network and the batch of images that it is timed with.

    Attributes:
        batch: images in a batch.
        image: height, width and channels.
        flax: makes it in Flax.
        jaxcnn: makes it of jaxcnn's layers; ``None`` where it is written in Flax alone.
        torch_name: its function in `in_torch`; ``None`` where it is not written in torch.
    """

    batch: int
    image: tuple[int, int, int]
    flax: Callable[[], nn.Module]
    jaxcnn: Callable[[], Layer] | None = None
    torch_name: str | None = None

    def start(self) -> tuple[Any, Any]:
        """Random parameters and the initial state, in the structure of both jaxcnn and Flax.

        The layers' own `init` would compile a program for each shape, which takes a while.
        """
        random = np.random.default_rng(0)
        x = jax.ShapeDtypeStruct((1, *self.image), jnp.float32)

        def draw(path: Any, leaf: Any) -> jax.Array:
            if path[-1].key == "kernel":
                return jnp.asarray(0.1 * random.standard_normal(leaf.shape, np.float32))
            return jnp.full(leaf.shape, path[-1].key in ("scale", "var"), jnp.float32)

        with in_flax.promoting():
            shapes = jax.eval_shape(self.flax().init, jax.random.key(0), x)
        trees = shapes["params"], shapes.get("batch_stats", {})
        params, state = jax.tree_util.tree_map_with_path(draw, trees)
        return params, state

    def torch(self) -> Any:
        """The network in torch, which is imported only when it is timed."""
        from benchmarks.networks import in_torch

        return getattr(in_torch, self.torch_name)()


NETWORKS = {
    "LeNet": Network(256, (28, 28, 1), in_flax.LeNet, models.lenet, "lenet"),
    "ResNet-20": Network(128, (32, 32, 3), in_flax.ResNet20, in_jaxcnn.resnet20, "resnet20"),
    "MobileNetV2": Network(
        32, (96, 96, 3), in_flax.MobileNetV2, in_jaxcnn.mobilenet_v2, "mobilenet_v2"
    ),
}
"""The networks that every library has, with the batches that suit a CPU."""
