"""What a sweep is told: a config, the seeds and the learning rates, checked before any work."""

import dataclasses
from typing import Any

from jaxcnn.errors import UserError
from jaxcnn.runs.config import TrainConfig, check_config, flag
from jaxcnn.runs.config_file import read_config, saved_config, to_json
from jaxcnn.runs.folder import RunFolder

_NOT_IN_A_SWEEP = {
    "best_by": "has many runs, and keeps the last checkpoints of all together",
    "early_stop": "trains all its members for as many epochs",
    "streaming": "trains on images in the device's memory",
    "profile": "has no steps of its own to trace",
    "tensorboard": "writes its metrics into sweep.json and sweep.csv",
    "wandb": "writes its metrics into sweep.json and sweep.csv",
}
"""Settings of a single run that mean nothing here, and why."""


@dataclasses.dataclass(frozen=True)
class SweepPlan:
    """A config, and the seeds and learning rates to train it with.

    Attributes:
        config: All that the members have in common; its seed is the first of them.
        seeds: How many seeds, one after another.
        rates: The learning rates; none for the config's own.
        at_once: How many members are vectorized together; left out, what suits the device.
    """

    config: TrainConfig
    seeds: int = 8
    rates: tuple[float, ...] = ()
    at_once: int | None = None

    @property
    def pairs(self) -> list[tuple[int, float]]:
        """The seed and the learning rate of each member."""
        first = self.config.seed
        rates = self.rates or (self.config.recipe.lr,)
        return [(seed, rate) for rate in rates for seed in range(first, first + self.seeds)]

    @property
    def settings(self) -> dict[str, Any]:
        """The whole of it as JSON can hold it, by the names of `SweepConfig`."""
        rates = list(dict.fromkeys(rate for _, rate in self.pairs))
        own = {"seeds": self.seeds, "lr": rates, "at_once": self.at_once}
        return to_json(self.config) | own


@dataclasses.dataclass(frozen=True)
class SweepConfig(TrainConfig):
    """A plan as flags and files give it: the settings of a run, several learning rates, seeds.

    Attributes:
        seeds: How many seeds, the first of them being --seed.
        lr: Learning rates; left out, the optimizer's usual one.
        at_once: How many members are vectorized together; left out, one on the CPU, where that
            is fastest, and as many as the memory holds elsewhere.
    """

    seeds: int = 8
    lr: tuple[float, ...] | None = None  # type: ignore[assignment]  # several, in place of one
    at_once: int | None = None

    @property
    def plan(self) -> SweepPlan:
        """What to train.

        Raises:
            UserError: if ``lr`` names no rate.
        """
        if self.lr == ():
            raise UserError("--lr: a value is missing")
        names = [field.name for field in dataclasses.fields(TrainConfig) if field.name != "lr"]
        config = TrainConfig(**{name: getattr(self, name) for name in names})
        return SweepPlan(config, self.seeds, self.lr or (), self.at_once)


def check_plan(plan: SweepPlan) -> None:
    """Refuse a plan that cannot be meant.

    Raises:
        UserError: with one sentence that names the flag, what it may be and what it is.
    """
    for name, value in (("seeds", plan.seeds), ("at_once", plan.at_once)):
        if value is not None and value < 1:
            raise UserError(f"--{flag(name)} must be at least 1, got {value}")
    for name, why in _NOT_IN_A_SWEEP.items():
        if getattr(plan.config, name) != getattr(TrainConfig(), name):
            raise UserError(f"--{flag(name)} is for a single run: a sweep {why}")
    if plan.config.data.random_crop is not None:
        raise UserError(
            "--random-crop is for a single run: a sweep trains on images in the device's memory "
            "(--random-crop None leaves out that of another run)"
        )
    if len(set(plan.rates)) < len(plan.rates):
        raise UserError(f"--lr names one twice: {' '.join(f'{rate:g}' for rate in plan.rates)}")
    for rate in plan.rates:
        check_config(dataclasses.replace(plan.config, lr=rate))
    last = plan.config.seed + plan.seeds - 1
    if last >= 2**32:
        raise UserError(f"the last seed must be below 2**32, got {last}")
    check_config(plan.config)


def read_plan(folder: RunFolder) -> SweepConfig:
    """The settings of a sweep; those of a single run as a sweep of its learning rate.

    Raises:
        UserError: if the folder holds neither, or its settings cannot be read.
    """
    if folder.sweep.exists():
        return saved_config(folder.sweep, SweepConfig(), lambda config: check_plan(config.plan))
    config = read_config(folder)
    names = {field.name for field in dataclasses.fields(TrainConfig)} - {"lr", *_NOT_IN_A_SWEEP}
    values = {name: getattr(config, name) for name in names}
    return SweepConfig(**values, lr=(config.recipe.lr,))
