"""The networks and layers that are timed: large ones on a GPU or TPU, tiny ones on a CPU.

A new network is one more line of `NETWORKS`, a new layer one of `benchmarks.cases`.
"""

import functools
from typing import NamedTuple

from benchmarks import networks
from benchmarks.accelerator.programs import MODES, Sampling
from benchmarks.cases import LAYERS, ConvolutionCase
from benchmarks.networks import Network, in_flax
from jaxcnn.check import checkable

LENET = networks.NETWORKS["LeNet"]
TINY_RESNET50 = functools.partial(in_flax.ResNet50, ((1, 1), (1, 2)), width=8, classes=10)

NETWORKS = {
    "LeNet": (LENET._replace(batch=4096), LENET._replace(batch=8)),
    "ResNet-50": (
        Network(128, (224, 224, 3), in_flax.ResNet50),
        Network(2, (32, 32, 3), TINY_RESNET50),
    ),
}
"""Each network for a GPU or TPU, and a tiny one; the batch is that of one device."""

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
        tiny = {name: small for name, (_, small) in NETWORKS.items()}
        modes = ("float32", "bfloat16")
        return Workload(
            ("conv2d", "max_pool2d"), 1, 256, tiny, TINY_LAYERS, modes, Sampling(3, 0.0)
        )
    large = {name: network for name, (network, _) in NETWORKS.items()}
    # The batches of `benchmarks.cases` suit a CPU; a chip would mostly wait for its next call.
    layers = {name: case._replace(batch=16 * case.batch) for name, case in LAYERS.items()}
    return Workload(tuple(checkable()), 100, 8192, large, layers, tuple(MODES), Sampling(15, 0.03))
