"""The same run from several seeds, and what it comes to: mean ± standard deviation."""

import dataclasses
import statistics
import time
from pathlib import Path
from typing import Annotated, NamedTuple

import tyro

from jaxcnn.errors import UserError
from jaxcnn.runs.config import TrainConfig, check_config
from jaxcnn.runs.devices import describe_devices
from jaxcnn.runs.folder import RunFolder, check_folder, choose_folder
from jaxcnn.runs.job import NOTHING, Own
from jaxcnn.runs.log import say
from jaxcnn.runs.result import Result
from jaxcnn.runs.single import run
from jaxcnn.runs.stopping import Stopped


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


def train_seeds(plan: Plan, own: Own = NOTHING) -> list[SeedRun]:
    """Train from each seed in turn, every one in a run folder of its own.

    Args:
        plan: the config and the number of seeds; a ``run_dir`` becomes the parent folder. With
            ``resume`` the seeds that are finished are scored, one that was stopped goes on, and
            the others are begun.
        own: objects of Python that stand for settings.

    Raises:
        UserError: as `jaxcnn.runs.run`, or if the number of seeds is not positive.
    """
    if plan.seeds < 1:
        raise UserError(f"--seeds must be at least 1, got {plan.seeds}")
    check_config(plan.config)
    parent = plan.config.run_dir or Path("runs") / (
        f"{plan.config.name}-seeds-{time.strftime('%Y%m%d-%H%M%S')}"
    )
    numbers = range(plan.config.seed, plan.config.seed + plan.seeds)
    configs = [_of_seed(plan.config, seed, RunFolder(parent / f"seed-{seed}")) for seed in numbers]
    for config in configs:
        check_config(config)
        folder = choose_folder(config)
        check_folder(folder, config, folder.config)
    runs: list[SeedRun] = []
    try:
        for config in configs:
            begun = time.perf_counter()
            result = run(config, own)
            runs.append(SeedRun(config.seed, result, time.perf_counter() - begun))
    except (UserError, Stopped):
        if runs:  # what is finished is not lost
            say(table(runs))
        raise
    return runs


def _of_seed(config: TrainConfig, seed: int, folder: RunFolder) -> TrainConfig:
    """The config of one seed; of several that go on, one may not have been begun."""
    resume = config.resume and folder.holds_run()
    accept = config.accept_engine and resume
    return dataclasses.replace(
        config, seed=seed, run_dir=folder.path, resume=resume, accept_engine=accept
    )


def table(runs: list[SeedRun]) -> str:
    """The results as a Markdown table, with mean ± sample standard deviation."""
    lines = ["| seed | test accuracy | test loss | images/s | seconds |", "|---|---|---|---|---|"]
    for each in runs:
        result = each.result
        lines.append(
            f"| {each.seed} | {result.test_accuracy:.4f} | {result.test_loss:.4f} "
            f"| {result.images_per_second:,.0f} | {each.seconds:.0f} |"
        )
    columns = (
        spread([each.result.test_accuracy for each in runs], ".4f"),
        spread([each.result.test_loss for each in runs], ".4f"),
        spread([each.result.images_per_second for each in runs], ",.0f"),
        spread([each.seconds for each in runs], ".0f"),
    )
    lines.append(f"| mean ± std | {' | '.join(columns)} |")
    lines.append(f"\ndevices: {describe_devices()}")
    return "\n".join(lines)


def spread(values: list[float], style: str) -> str:
    """``mean ± std`` of a sample; a single value has no standard deviation."""
    if len(values) == 1:
        return f"{values[0]:{style}}"
    deviation = statistics.stdev(values)
    return f"{statistics.fmean(values):{style}} ± {deviation:{style}}"
