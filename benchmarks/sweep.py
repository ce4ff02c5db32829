"""Times a sweep of eight seeds of LeNet on the digits, and eight single runs.

``python -m benchmarks.sweep`` prints the wall time of both in one process, with and without
compiling, and the ratios; ``--epochs N`` trains longer than the three epochs of the default.
"""

import contextlib
import dataclasses
import io
import pathlib
import tempfile
import time
from typing import NamedTuple

import tyro

from benchmarks.timing import machine
from jaxcnn.runs import TrainConfig, read_metrics, run
from jaxcnn.runs.sweep import SweepPlan, sweep

SEEDS = 8


class Times(NamedTuple):
    """Wall-clock times in seconds.

    Attributes:
        whole: all of it.
        compiling: the part of it that compiles.
        processor: seconds of all cores together.
    """

    whole: float
    compiling: float
    processor: float


def at_once(config: TrainConfig) -> Times:
    """Run the sweep once."""
    wall, processor = time.perf_counter(), time.process_time()
    swept = sweep(SweepPlan(config, SEEDS))
    whole = time.perf_counter() - wall
    return Times(whole, swept.compile_seconds, time.process_time() - processor)


def in_turn(config: TrainConfig) -> Times:
    """Run the single runs of the same seeds, with their checkpoints."""
    wall, processor, compiling = time.perf_counter(), time.process_time(), 0.0
    for seed in range(SEEDS):
        folder = config.run_dir / f"seed-{seed}" if config.run_dir else None
        result = run(dataclasses.replace(config, seed=seed, run_dir=folder))
        compiling += next(read_metrics(result.folder))["compile_seconds"]
    return Times(time.perf_counter() - wall, compiling, time.process_time() - processor)


def main(epochs: int = 3) -> None:
    """Time both in turn, and print the ratios."""
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(io.StringIO()):
        folder = pathlib.Path(name)
        together = at_once(TrainConfig(epochs=epochs, run_dir=folder / "sweep"))
        apart = in_turn(TrainConfig(epochs=epochs, run_dir=folder / "runs"))
    rows = {
        "whole": (apart.whole, together.whole),
        "without compiling": (apart.whole - apart.compiling, together.whole - together.compiling),
        "processor": (apart.processor, together.processor),
    }
    print(f"{SEEDS} seeds of LeNet on the digits, {epochs} epochs; {machine()}")
    print("| seconds | in turn | sweep | ratio |\n|---|---|---|---|")
    for title, (turn, once) in rows.items():
        print(f"| {title} | {turn:.1f} | {once:.1f} | {turn / once:.1f} |")


if __name__ == "__main__":
    tyro.cli(main)
