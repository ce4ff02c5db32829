"""The same run from several seeds, and what it comes to: mean ± standard deviation."""

import dataclasses
import math
import statistics
import time
from pathlib import Path
from typing import Annotated, NamedTuple

import tyro

from jaxcnn.training.config import TrainConfig, UserError
from jaxcnn.training.devices import describe_devices
from jaxcnn.training.loop import Result, train


@dataclasses.dataclass(frozen=True)
class Plan:
    """A config, and how many seeds to run it from.

    Attributes:
        config: The config of every run.
        seeds: Seeds to run in turn, the first of them being --seed.
    """

    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    seeds: int = 1


class SeedRun(NamedTuple):
    """One run of several."""

    seed: int
    result: Result
    seconds: float


def train_seeds(plan: Plan) -> list[SeedRun]:
    """Train from each seed in turn, every one in a run folder of its own.

    Args:
        plan: the config and the number of seeds; a ``run_dir`` becomes the parent folder.

    Raises:
        UserError: as `jaxcnn.training.train`, or if the number of seeds is not positive.
    """
    if plan.seeds < 1:
        raise UserError(f"--seeds must be at least 1, got {plan.seeds}")
    if plan.seeds > 1 and plan.config.resume:
        raise UserError("--resume goes on with one run: give the --run-dir of one seed")
    parent = plan.config.run_dir or Path("runs") / (
        f"{plan.config.name}-seeds-{time.strftime('%Y%m%d-%H%M%S')}"
    )
    runs = []
    for seed in range(plan.config.seed, plan.config.seed + plan.seeds):
        config = dataclasses.replace(plan.config, seed=seed, run_dir=parent / f"seed-{seed}")
        begun = time.perf_counter()
        result = train(config)
        runs.append(SeedRun(seed, result, time.perf_counter() - begun))
    return runs


def table(runs: list[SeedRun]) -> str:
    """The results as a Markdown table, with mean ± sample standard deviation."""
    lines = ["| seed | test accuracy | test loss | images/s | seconds |", "|---|---|---|---|---|"]
    for run in runs:
        result = run.result
        lines.append(
            f"| {run.seed} | {result.test_accuracy:.4f} | {result.test_loss:.4f} "
            f"| {result.images_per_second:,.0f} | {run.seconds:.0f} |"
        )
    columns = (
        spread([run.result.test_accuracy for run in runs], ".4f"),
        spread([run.result.test_loss for run in runs], ".4f"),
        spread([run.result.images_per_second for run in runs], ",.0f"),
        spread([run.seconds for run in runs], ".0f"),
    )
    lines.append(f"| mean ± std | {' | '.join(columns)} |")
    lines.append(f"\ndevices: {describe_devices()}")
    return "\n".join(lines)


def spread(values: list[float], style: str) -> str:
    """``mean ± std`` of a sample; a single value has no standard deviation."""
    deviation = statistics.stdev(values) if len(values) > 1 else math.nan
    return f"{statistics.fmean(values):{style}} ± {deviation:{style}}"
