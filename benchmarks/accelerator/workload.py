"""The networks and layers that are timed: large ones on a GPU or TPU, tiny ones on a CPU.

A new network is one more line of `NETWORKS`, a new layer one of `benchmarks.cases`.
"""

from typing import NamedTuple

from benchmarks.accelerator.programs import MODES, Sampling
from benchmarks.cases import LAYERS, ConvolutionCase
from benchmarks.networks import NETWORKS as OF_THE_ZOO
from benchmarks.networks import Network
from jaxcnn import models
from jaxcnn.check import checkable
from jaxcnn.layers import (
    Activation,
    BatchNorm,
    Dense,
    GlobalAvgPool,
    MaxPool2d,
    Residual,
    Sequential,
)
from jaxcnn.models.blocks import conv, conv_bn

LENET = Network(models.lenet(), 4096, (28, 28, 1))
TINY = Sequential(
    stem=conv_bn(8, 7, stride=2),
    pool=MaxPool2d(3, stride=2, padding=1),
    block=Residual(
        Sequential(conv_bn(16, 3, stride=2), conv(16, 3), BatchNorm()),
        Sequential(conv(16, 1, stride=2), BatchNorm()),
    ),
    relu=Activation("relu"),
    mean=GlobalAvgPool(),
    dense=Dense(10),
)
"""The first layers of a ResNet and one block, which are quick to compile."""

NETWORKS = {
    "LeNet": (LENET, LENET._replace(batch=8)),
    "ResNet-50": (
        Network(models.resnet50(1000), 128, (224, 224, 3)),
        Network(TINY, 2, (32, 32, 3)),
    ),
    **{
        name: (OF_THE_ZOO[name]._replace(batch=128), None)
        for name in ("resnet20", "resnet18", "mobilenet_v2", "efficientnet_b0", "convnext_tiny")
    },
}
"""Each network for a GPU or TPU, and a tiny one, if any; the batch is that of one device."""

TINY_LAYERS = {
    "LeNet 2": LAYERS["LeNet 2"]._replace(batch=2),
    "DCGAN transposed": LAYERS["DCGAN transposed"]._replace(batch=1, channels=8, features=4),
}


class Workload(NamedTuple):
    """What is checked and timed.

    Attributes:
        ops: the ops that `jaxcnn check` checks.
        cases: the most cases of an op that are checked.
        size: rows and columns of the matrices whose product is timed for comparison.
        networks: the networks whose training steps are timed.
        layers: the layers whose outputs and gradients are timed.
        modes: the names of the dtypes and precisions for training steps.
        sampling: how often each call is timed.
    """

    ops: tuple[str, ...]
    cases: int
    size: int
    networks: dict[str, Network]
    layers: dict[str, ConvolutionCase]
    modes: tuple[str, ...]
    sampling: Sampling


def workload_for(platform: str) -> Workload:
    """The workload for a platform; for a CPU, the tiny one."""
    if platform == "cpu":
        tiny = {name: small for name, (_, small) in NETWORKS.items() if small is not None}
        modes = ("float32", "bfloat16")
        return Workload(
            ("conv2d", "max_pool2d"), 1, 256, tiny, TINY_LAYERS, modes, Sampling(3, 0.0)
        )
    large = {name: network for name, (network, _) in NETWORKS.items()}
    # The batches of `benchmarks.cases` suit a CPU; a chip would mostly wait for its next call.
    layers = {name: case._replace(batch=16 * case.batch) for name, case in LAYERS.items()}
    return Workload(tuple(checkable()), 100, 8192, large, layers, tuple(MODES), Sampling(15, 0.03))
