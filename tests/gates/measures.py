"""What the gates look at, and what they compare it with; prints the speed."""

import json
import pathlib
import statistics

from benchmarks.networks import NETWORKS
from benchmarks.timing import interleaved, ratio
from benchmarks.train_steps import by_flax, by_jaxcnn, jax_step
from jaxcnn.engine.compiler import native
from jaxcnn.runs import TrainConfig, read_metrics, run
from jaxcnn.runs.folder import RunFolder

RECORDED = pathlib.Path(__file__).parent / "recorded.json"

SHORT, FULL = 10, 30
"""Epochs of the short form, and of the default training on the digits."""

ROUNDS = 25

FLOORS = {"native": 1.3, "plain": 1.2}
"""How many times as long as ours the step of `lax` must take; far below what was recorded, because
other work on the machine must not break the gate."""


def default(seed: int, folder: pathlib.Path, epochs: int = FULL) -> RunFolder:
    """LeNet on the digits as ``jaxcnn train`` trains it."""
    return run(TrainConfig(seed=seed, epochs=epochs, run_dir=folder)).folder


def accuracy(folder: RunFolder, epoch: int) -> float:
    """The test accuracy after an epoch."""
    rows = {row["epoch"]: row for row in read_metrics(folder)}
    return rows[epoch]["test_accuracy"]


def kind() -> str:
    """Whether convolutions are computed by native code here."""
    return "native" if native().targets else "plain"


def speed() -> dict[str, float]:
    """Milliseconds of a training step of LeNet, and how many times as long `lax` takes."""
    network = NETWORKS["lenet"]
    ways = {"jaxcnn": by_jaxcnn, "lax": by_flax}
    times = interleaved(
        {n: jax_step(network, way(network)).call for n, way in ways.items()}, ROUNDS
    )
    factor, spread = ratio(times, "lax")
    return {"ms": statistics.median(times["jaxcnn"]), "ratio": factor, "spread": spread}


if __name__ == "__main__":
    print(json.dumps({kind(): speed()}))
