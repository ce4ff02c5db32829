"""What a training would cost on devices that are not here: memory, work, exchange, a bound."""

from typing import Protocol

from jaxcnn.errors import UserError
from jaxcnn.runs.devices import Wanted, devices_for, part_of, use_platform
from jaxcnn.runs.model import check_shapes, find_model, maker_of
from jaxcnn.training.chips import CHIPS, bound
from jaxcnn.training.costs import StepCosts, step_costs
from jaxcnn.training.optimizers import make_optimizer
from jaxcnn.training.precision import PRECISIONS, PrecisionName


class Thought(Wanted, Protocol):
    """A training that is only thought of."""

    @property
    def model(self) -> str:
        """The network, by its name or as ``FILE.py:function``."""

    @property
    def model_options(self) -> tuple[str, ...]:
        """Options of the model's function, ``NAME=VALUE``."""

    @property
    def classes(self) -> int:
        """How many classes there are."""

    @property
    def batch_size(self) -> int:
        """Images of all devices together."""

    @property
    def optimizer(self) -> str:
        """The optimizer's name."""

    @property
    def precision(self) -> PrecisionName:
        """The precision's name."""


def forecast(plan: Thought, image: tuple[int, int, int]) -> str:
    """The table of a step's costs on each device, and the bounds for known chips.

    Args:
        plan: the training; its ``devices`` are a number.
        image: ``(h, w, c)``.

    Raises:
        UserError: if the model cannot take such images, or the devices do not divide a batch.
    """
    costs = costs_of(plan, image)
    return "\n".join([*_needed(plan, costs), "", *_bounds(plan, costs)])


def costs_of(plan: Thought, image: tuple[int, int, int]) -> StepCosts:
    """The costs of a step for one device.

    Raises:
        UserError: as `forecast`.
    """
    if plan.batch_size % plan.accumulate:
        raise UserError(
            f"--accumulate must divide --batch-size {plan.batch_size}, got {plan.accumulate}"
        )
    use_platform("cpu", plan.devices)
    devices = devices_for(plan, plan.batch_size)
    maker, options = maker_of(plan.model), plan.model_options
    model = find_model(plan.model, plan.classes, maker, options=options)
    check_shapes(model, plan.model, image, plan.classes, 2)
    try:
        return step_costs(
            model,
            make_optimizer(plan.optimizer, 0.1, momentum=0.9, weight_decay=1e-4),
            image,
            plan.batch_size,
            devices,
            precision=PRECISIONS[plan.precision],
            at_most=part_of(plan.batch_size, plan.accumulate),
        )
    except OverflowError:
        pixels = "×".join(map(str, (plan.batch_size, *image)))
        raise UserError(f"a batch of {pixels} has more numbers than can be counted") from None


def _needed(plan: Thought, costs: StepCosts) -> list[str]:
    count = int(plan.devices or 1)
    rows = {
        "images": f"{plan.batch_size // count:,}",
        "operations": f"{costs.flops / 1e9:,.1f} GFLOP",
        "traffic, on CPUs": _bytes(costs.traffic),
        "parameters": _bytes(costs.parameters),
        "optimizer": _bytes(costs.optimizer),
        "statistics and counts": _bytes(costs.statistics),
        "images and labels": _bytes(costs.batch),
        "activations, on CPUs": _bytes(costs.activations),
        "memory, all together": _bytes(costs.memory),
        **{kind: _bytes(size) for kind, size in costs.exchanged.items()},
    }
    where = "one device" if count == 1 else f"each of {count} devices"
    width = max(map(len, rows))
    lines = [f"  {name:{width}}  {value:>14}" for name, value in rows.items()]
    return [f"each step, on {where}:", *lines]


def _bounds(plan: Thought, costs: StepCosts) -> list[str]:
    lines = [f"{'chip':9}{'at least ms':>13}{'images/s at most':>18}  limited by   memory"]
    for name, chip in CHIPS.items():
        halves = plan.precision != "float32"
        found = bound(costs, chip, int(plan.devices or 1), halves=halves)
        share = f"{costs.memory / chip.memory:.0%} of {chip.memory / 1e9:.0f} GB"
        lines.append(
            f"{name:9}{found.seconds * 1e3:13,.1f}{plan.batch_size / found.seconds:18,.0f}"
            f"  {found.limit:11}  {share}{'' if found.fits else ': perhaps too much'}"
        )
    return lines


def _bytes(size: float) -> str:
    return f"{size / 1e6:,.1f} MB"
