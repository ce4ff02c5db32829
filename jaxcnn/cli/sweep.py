"""``jaxcnn sweep``: many seeds and learning rates at once."""

import dataclasses

from jaxcnn.training import Stopped, TrainConfig, UserError
from jaxcnn.training.outcomes import last_sentence
from jaxcnn.training.sweep import SweepPlan, sweep


@dataclasses.dataclass(frozen=True)
class SweepConfig(TrainConfig):
    """Train many seeds and learning rates at once, in one compiled program.

    Every member ends with the numbers of the single run of its seed and learning rate, to
    rounding. Writes sweep.json, sweep.csv and sweep.svg; no checkpoints. A sweep is not resumed:
    Ctrl-C keeps the epochs that are finished.

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
            UserError: if ``--lr`` names no rate.
        """
        if self.lr == ():
            raise UserError("--lr: a value is missing")
        names = [field.name for field in dataclasses.fields(TrainConfig) if field.name != "lr"]
        config = TrainConfig(**{name: getattr(self, name) for name in names})
        return SweepPlan(config, self.seeds, self.lr or (), self.at_once)


def sweep_command(command: SweepConfig) -> None:
    """Train, draw the curves and print the table.

    Raises:
        Stopped: after a signal, when all that is finished is written.
    """
    # The other commands need not wait for it.
    from jaxcnn.report.sweep_plot import write_plot

    plan = command.plan
    swept = sweep(plan)
    if swept.epochs:
        write_plot(swept, plan.config)
    print(swept)
    if swept.stopped is not None:
        raise Stopped(swept.stopped, last_sentence(swept, plan.config.recipe.epochs))
