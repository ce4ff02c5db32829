"""Fine-tunes a network that knows five classes of Fashion-MNIST on the five others.

Shows: what pretrained layers are worth where labels are few. LeNet with batch norm learns classes
0 to 4 from all their 30,000 images, and then classes 5 to 9 from 100 images of each, in three ways:
from scratch; with the pretrained layers frozen and only a new last layer learned; and with the
pretrained layers tuned as a whole. Scored on the 5,000 test images of classes 5 to 9; each seed
draws the network, the 100 images of each class and their order.

Command, with the folder of the four IDX files (or a TFDS folder) as DIR:
    python experiments/fine_tuning.py --data-dir DIR

Result (jax 0.12.0.1, 2 cores of an Intel Xeon with AVX-512; 75 seconds a seed):

    | seed | classes 0 to 4 | from scratch | frozen | whole |
    |---|---|---|---|---|
    | 0 | 0.9044 | 0.9214 | 0.7050 | 0.9198 |
    | 1 | 0.9046 | 0.9196 | 0.7206 | 0.9250 |
    | 2 | 0.9084 | 0.9096 | 0.7030 | 0.9164 |
    | 3 | 0.9022 | 0.9070 | 0.7368 | 0.9176 |
    | 4 | 0.9102 | 0.9170 | 0.7162 | 0.9192 |
    | mean ± std | 0.9060 ± 0.0033 | 0.9149 ± 0.0063 | 0.7163 ± 0.0136 | 0.9196 ± 0.0033 |

Tuned as a whole, the pretrained network is as good as one from scratch or a little better, and
differs less from seed to seed. What it has learned of garments is not enough by itself for shoes
and bags: with its layers frozen it is far worse.
"""

import dataclasses
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import jaxcnn as jc
from jaxcnn.cli.exit_status import errors_in_one_sentence
from jaxcnn.cli.parsing import parse
from jaxcnn.data import Dataset, Split, StreamedSplit, load_dataset
from jaxcnn.engine import keep_memory
from jaxcnn.errors import UserError
from jaxcnn.interop import save_safetensors
from jaxcnn.runs.log import quiet
from jaxcnn.runs.seeds import spread

MODEL = "lenet_bn"
FIRST, LATER = range(5), range(5, 10)
EPOCHS, TUNING_EPOCHS, BATCH = 5, 60, 50
WAYS: dict[str, dict[str, Any]] = {
    "from scratch": {},
    "frozen": {"skip_head": True, "freeze": ("conv*", "bn*", "dense1/*", "dense2/*")},
    "whole": {"skip_head": True},
}
"""The settings of each way beside ``init_from``, which "from scratch" goes without."""

Pair = tuple[np.ndarray, np.ndarray]
"""Images and their labels."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of the study.

    Attributes:
        data_dir: Folder with the four IDX files of Fashion-MNIST, or a TFDS data folder.
        seeds: How many seeds, from 0.
        images: Training images of each of the classes 5 to 9.
    """

    data_dir: Path
    seeds: int = 5
    images: int = 100


def of_classes(split: Split | StreamedSplit, classes: range) -> Pair:
    """The images of some classes, and their labels counted from 0."""
    split = split.load()
    chosen = np.isin(split.labels, classes)
    return split.images[chosen], split.labels[chosen] - classes.start


def few(pair: Pair, count: int, seed: int) -> Pair:
    """``count`` images of each class, drawn by the seed."""
    images, labels = pair
    random = np.random.default_rng(seed)
    drawn = [
        random.choice(np.flatnonzero(labels == each), count, replace=False) for each in range(5)
    ]
    rows = np.concatenate(drawn)
    return images[rows], labels[rows]


def study(data: Dataset, seed: int, count: int) -> dict[str, float]:
    """The test accuracy of each way with one seed, and that of the pretraining."""
    common: dict[str, Any] = {"optimizer": "adam", "lr": 0.003, "schedule": "cosine", "seed": seed}
    first = of_classes(data.train, FIRST), of_classes(data.test, FIRST)
    pretrained = jc.runs.train(MODEL, first, epochs=EPOCHS, batch_size=256, **common)
    later = few(of_classes(data.train, LATER), count, seed), of_classes(data.test, LATER)
    found = {"classes 0 to 4": pretrained.test_accuracy}
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "pretrained.safetensors"
        model = jc.models.lenet_bn(len(FIRST))
        save_safetensors(weights, model, pretrained.params, pretrained.model_state)
        for way, settings in WAYS.items():
            start = {"init_from": weights} if settings else {}
            told = common | start | settings
            tuned = jc.runs.train(MODEL, later, epochs=TUNING_EPOCHS, batch_size=BATCH, **told)
            found[way] = tuned.test_accuracy
    return found


def main(options: Options) -> None:
    """Print the accuracies of each seed, and their means.

    Raises:
        UserError: if a number makes no sense.
    """
    if options.seeds < 1:
        raise UserError(f"--seeds must be at least 1, got {options.seeds}")
    keep_memory()
    data = load_dataset("fashion_mnist", data_dir=options.data_dir)
    counts = np.bincount(data.train.load().labels, minlength=LATER.stop)
    most = min(int(counts[each]) for each in LATER)
    if not 1 <= options.images <= most:
        raise UserError(f"--images must be from 1 to {most:,}, got {options.images}")
    rows = []
    for seed in range(options.seeds):
        with quiet():
            rows.append(study(data, seed, options.images))
        if seed == 0:
            print("| seed |", " | ".join(rows[0]), "|\n|---|" + "---|" * len(rows[0]))
        print(f"| {seed} |", " | ".join(f"{value:.4f}" for value in rows[-1].values()), "|")
    means = {name: [row[name] for row in rows] for name in rows[0]}
    if len(rows) > 1:
        print("| mean ± std |", " | ".join(spread(means[name], ".4f") for name in means), "|")


if __name__ == "__main__":
    with errors_in_one_sentence():
        main(parse(Options, sys.argv[1:], description=__doc__))
