"""What is compared of each model of the zoo with its torch twin, and the weights it is done with.

Weights are drawn by NumPy from their names in torch and their shapes, so that they need not be
kept. Of what torch computes, a golden file keeps the logits, and of each gradient and each running
statistic the norm and three signed sums: `make golden-models` writes them.
"""

import pathlib
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxcnn.interop import to_state_dict
from jaxcnn.layers import Layer
from jaxcnn.models import MODELS

GOLDEN = pathlib.Path(__file__).parent / "golden"
CLASSES = 10
SUMS = 3


class ZooCase(NamedTuple):
    """A model and how it is compared.

    Attributes:
        name: its name.
        family: the paper; the first case of each is compared in CI.
        image: the shape of an image.
        skip: the noise of training that is left out in the comparison: options that are set to 0.
        batch: how many images.
    """

    name: str
    family: str
    image: tuple[int, int, int]
    skip: tuple[str, ...] = ()
    batch: int = 2

    def model(self) -> Layer:
        """The model without the noise of training."""
        return MODELS[self.name](CLASSES, **dict.fromkeys(self.skip, 0.0))

    @property
    def double(self) -> bool:
        """Whether it is computed in float64, because its gradients cancel, or jump at a kink."""
        return self.name in CANCELLING

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape of the batch."""
        return (self.batch, *self.image)

    def images(self) -> np.ndarray:
        """A batch of images."""
        return np.random.default_rng(7).uniform(-1, 1, self.shape).astype(np.float32)

    def cotangents(self) -> np.ndarray:
        """What the logits are multiplied with, to have one number to differentiate."""
        return np.random.default_rng(8).normal(size=(self.batch, CLASSES)).astype(np.float32)

    @property
    def golden(self) -> pathlib.Path:
        """The file with torch's numbers."""
        return GOLDEN / f"{self.name}.npz"


GRAY, SMALL, USUAL = (28, 28, 1), (32, 32, 3), (64, 64, 3)

ZOO = (
    ZooCase("lenet_bn", "lenet", GRAY, batch=4),
    ZooCase("lenet", "lenet", GRAY),
    ZooCase("lenet_modern", "lenet", GRAY),
    ZooCase("alexnet", "alexnet", USUAL, ("dropout",)),
    ZooCase("vgg11_bn", "vgg", USUAL, ("dropout",)),
    *(
        ZooCase(f"vgg{depth}{norm}", "vgg", USUAL, ("dropout",))
        for depth in (11, 13, 16, 19)
        for norm in ("", "_bn")
        if (depth, norm) != (11, "_bn")
    ),
    ZooCase("nin", "nin", GRAY, ("dropout",)),
    ZooCase("googlenet", "googlenet", USUAL, ("dropout",)),
    ZooCase("inception_v3", "inception", (107, 107, 3), ("dropout",)),
    ZooCase("squeezenet1_1", "squeezenet", USUAL, ("dropout",)),
    ZooCase("resnet18", "resnet", USUAL),
    ZooCase("resnet34", "resnet", USUAL),
    ZooCase("resnet50", "resnet", USUAL),
    ZooCase("resnet101", "resnet", USUAL),
    ZooCase("resnet152", "resnet", USUAL),
    ZooCase("wide_resnet50_2", "resnet", USUAL),
    ZooCase("resnext50_32x4d", "resnet", USUAL),
    ZooCase("resnet20", "resnet", SMALL),
    ZooCase("resnet32", "resnet", SMALL),
    ZooCase("resnet44", "resnet", SMALL),
    ZooCase("resnet56", "resnet", SMALL),
    ZooCase("densenet121", "densenet", USUAL),
    ZooCase("mobilenet_v2", "mobilenet_v2", USUAL, ("dropout",)),
    ZooCase("mobilenet_v3_small", "mobilenet_v3", USUAL, ("dropout",)),
    ZooCase("mobilenet_v3_large", "mobilenet_v3", USUAL, ("dropout",)),
    ZooCase("shufflenet_v2_x1_0", "shufflenet", USUAL),
    ZooCase("mnasnet1_0", "mnasnet", USUAL, ("dropout",)),
    ZooCase("efficientnet_b0", "efficientnet", USUAL, ("dropout", "stochastic_depth")),
    ZooCase("efficientnet_v2_s", "efficientnet", USUAL, ("dropout", "stochastic_depth")),
    ZooCase("regnet_y_400mf", "regnet", USUAL),
    ZooCase("convnext_tiny", "convnext", USUAL, ("stochastic_depth",)),
)
"""Every model of the zoo."""

CANCELLING = frozenset(
    {
        "densenet121",
        "efficientnet_v2_s",
        "googlenet",
        "inception_v3",
        "mnasnet1_0",
        "mobilenet_v2",  # moving its images by 3e-6 moves its gradients by 4 %: relu6 has kinks
        "regnet_y_400mf",
        "resnet101",
        "resnet152",
        "resnet44",
        "resnet50",
        "resnext50_32x4d",
        "shufflenet_v2_x1_0",
        "vgg13_bn",
        "vgg16",
        "vgg16_bn",
        "vgg19_bn",
        "wide_resnet50_2",
    }
)
"""The models whose gradients keep fewer than three digits in float32, or less than one can rely on."""

FIRSTS = {case.family: case.name for case in reversed(ZOO)}
"""The case of each family that is compared in CI."""


def drawn(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Weights and running statistics by torch's names, drawn by name.

    Kernels are so large that what goes through them stays about as large as it was.
    """
    return {name: _drawn(name, shape) for name, shape in shapes.items()}


def _drawn(name: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith(("running_mean", "bias")):
        return rng.normal(0, 0.1, shape).astype(np.float32)
    if len(shape) == 1 or name.endswith(("running_var", "layer_scale")):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    inputs = np.prod(shape[1:])
    return rng.standard_normal(shape, np.float32) * np.float32((2 / inputs) ** 0.5)


def torch_shapes(case: ZooCase, model: Layer) -> dict[str, tuple[int, ...]]:
    """The names and shapes that the model's weights have in torch."""
    start = jax.eval_shape(lambda key: model.init(key, case.shape), jax.random.key(0))
    # A view of one zero takes no memory.
    zeros = jax.tree.map(lambda leaf: np.broadcast_to(np.float32(0), leaf.shape), start)
    arrays = to_state_dict(model, *zeros, case.shape)
    return {name: array.shape for name, array in arrays.items()}


def numbers_of(named: Mapping[str, Any]) -> np.ndarray:
    """Of each array, in the order of the names: its norm, and sums with three choices of signs."""
    return np.array([_numbers(name, np.asarray(named[name])) for name in sorted(named)])


def _numbers(name: str, array: np.ndarray) -> list[float]:
    flat = array.astype(np.float64).ravel()
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    signs = [np.where(rng.integers(0, 2, flat.size, np.int8), flat, -flat) for _ in range(SUMS)]
    return [float(np.linalg.norm(flat)), *(float(signed.sum()) for signed in signs)]
