"""What a training would cost on devices that are not here: memory, work, exchange, a bound."""

import dataclasses

from jaxcnn.errors import UserError
from jaxcnn.runs.devices import devices_for, part_of, use_platform
from jaxcnn.runs.model import check_shapes, find_model, maker_of
from jaxcnn.training.chips import CHIPS, bound
from jaxcnn.training.costs import StepCosts, step_costs
from jaxcnn.training.optimizers import make_optimizer
from jaxcnn.training.precision import PRECISIONS, PrecisionName


@dataclasses.dataclass(frozen=True)
class Forecast:
    """A training that is only thought of.

    Attributes:
        model: the network, by its name or as ``FILE.py:function``.
        image: ``(h, w, c)``.
        batch_size: images of all devices together.
        devices: how many devices share them, as text.
        classes: how many classes there are.
        model_options: options of the model's function, ``NAME=VALUE``.
        optimizer: by its name.
        fsdp: whether each device keeps only its share of the parameters.
        batch_norm: ``"synchronized"`` or ``"local"``.
        precision: by its name.
        accumulate: in how many parts a batch is computed.
    """

    model: str
    image: tuple[int, int, int]
    batch_size: int
    devices: str = "1"
    classes: int = 1000
    model_options: tuple[str, ...] = ()
    optimizer: str = "momentum"
    fsdp: bool = False
    batch_norm: str = "synchronized"
    precision: PrecisionName = "float32"
    accumulate: int = 1

    @property
    def count(self) -> int:
        """How many devices there are."""
        return int(self.devices)

    def costs(self) -> StepCosts:
        """The costs of a step for one device.

        Raises:
            UserError: if the model cannot take such images, or the devices do not divide a batch.
        """
        if self.batch_size % self.accumulate:
            raise UserError(
                f"--accumulate must divide --batch-size {self.batch_size}, got {self.accumulate}"
            )
        use_platform("cpu", self.devices)
        devices = devices_for(self, self.batch_size)
        maker, options = maker_of(self.model), self.model_options
        model = find_model(self.model, self.classes, maker, options=options)
        check_shapes(model, self.model, self.image, self.classes, 2)
        try:
            return step_costs(
                model,
                make_optimizer(self.optimizer, 0.1, momentum=0.9, weight_decay=1e-4),
                self.image,
                self.batch_size,
                devices,
                precision=PRECISIONS[self.precision],
                at_most=None if self.accumulate == 1 else part_of(self.batch_size, self.accumulate),
            )
        except OverflowError:
            pixels = "×".join(map(str, (self.batch_size, *self.image)))
            raise UserError(f"a batch of {pixels} has more numbers than can be counted") from None

    def __str__(self) -> str:
        """The table, and the bounds for known chips."""
        costs = self.costs()
        return "\n".join([*self._needed(costs), "", *self._bounds(costs)])

    def _needed(self, costs: StepCosts) -> list[str]:
        images = self.batch_size // self.count
        rows = {
            "images": f"{images:,}",
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
        noun = "device" if self.count == 1 else f"of {self.count} devices"
        width = max(map(len, rows))
        return [f"each step, on each {noun}:".replace("each device", "one device")] + [
            f"  {name:{width}}  {value:>14}" for name, value in rows.items()
        ]

    def _bounds(self, costs: StepCosts) -> list[str]:
        lines = [
            f"{'chip':9}{'at least ms':>13}{'images/s at most':>18}  limited by   memory",
        ]
        for name, chip in CHIPS.items():
            found = bound(costs, chip, self.count, halves=self.precision != "float32")
            share = f"{costs.memory / chip.memory:.0%} of {chip.memory / 1e9:.0f} GB"
            lines.append(
                f"{name:9}{found.seconds * 1e3:13,.1f}{self.batch_size / found.seconds:18,.0f}"
                f"  {found.limit:11}  {share}{'' if found.fits else ': perhaps too much'}"
            )
        return lines


def _bytes(size: float) -> str:
    return f"{size / 1e6:,.1f} MB"
