"""What is timed, and how large: the form for a chip, and a tiny one for a CPU.

A new network is one more line of `NETWORKS`, a new layer one of `benchmarks.cases`.
"""

import functools
from typing import NamedTuple

from benchmarks import networks
from benchmarks.accelerator.programs import MODES, Sampling
from benchmarks.cases import LAYERS, Case
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
"""For a chip, and tiny; the batch is that of one device."""

TINY_LAYERS = {
    "LeNet 2": LAYERS["LeNet 2"]._replace(batch=2),
    "DCGAN transposed": LAYERS["DCGAN transposed"]._replace(batch=1, channels=8, features=4),
}


class Form(NamedTuple):
    """How much is done.

    Attributes:
        ops: what `jaxcnn check` is asked for.
        cases: how many cases of an op are checked at most.
        size: rows and columns of the matrices whose product sets the measure.
        networks: whose training steps are timed.
        layers: whose results and gradients are timed.
        modes: the names of the modes for steps.
        sampling: how often each call is timed.
    """

    ops: tuple[str, ...]
    cases: int
    size: int
    networks: dict[str, Network]
    layers: dict[str, Case]
    modes: tuple[str, ...]
    sampling: Sampling


def form_for(platform: str) -> Form:
    """The form for a platform: the tiny one for CPUs."""
    if platform == "cpu":
        tiny = {name: small for name, (_, small) in NETWORKS.items()}
        modes = ("float32", "bfloat16")
        return Form(("conv2d", "max_pool2d"), 1, 256, tiny, TINY_LAYERS, modes, Sampling(3, 0.0))
    large = {name: network for name, (network, _) in NETWORKS.items()}
    # The batches of `benchmarks.cases` suit a CPU; a chip would mostly wait for its next call.
    layers = {name: case._replace(batch=16 * case.batch) for name, case in LAYERS.items()}
    return Form(tuple(checkable()), 100, 8192, large, layers, tuple(MODES), Sampling(15, 0.03))
