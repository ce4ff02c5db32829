"""A bound for the time of a step on chips that are not at hand (the roofline model)."""

from typing import NamedTuple

from jaxcnn.training.costs import StepCosts


class Chip(NamedTuple):
    """What the maker says of a chip.

    Attributes:
        halves: multiply-adds of bfloat16 or float16 per second, each counted as two operations.
        singles: those of float32 in JAX's default precision, for which GPUs round operands to
            TensorFloat-32, and TPUs to bfloat16.
        memory: bytes.
        bandwidth: bytes per second from and to the memory.
        link: bytes per second that it can send to its neighbours.
    """

    halves: float
    singles: float
    memory: float
    bandwidth: float
    link: float


CHIPS = {
    "a100": Chip(312e12, 156e12, 80e9, 2.04e12, 300e9),
    "h100": Chip(989e12, 495e12, 80e9, 3.35e12, 450e9),
    "h200": Chip(989e12, 495e12, 141e9, 4.8e12, 450e9),
    "tpu-v5e": Chip(197e12, 197e12, 16e9, 819e9, 200e9),
    "tpu-v5p": Chip(459e12, 459e12, 95e9, 2.77e12, 600e9),
    "tpu-v6e": Chip(918e12, 918e12, 32e9, 1.6e12, 400e9),
}
"""The data sheets of NVIDIA (SXM modules, dense, NVLink's one direction) and of Google Cloud."""


class Bound(NamedTuple):
    """The least seconds of a step on one chip of many, and what they are needed for.

    Attributes:
        computing: operations, at the chip's peak.
        reading: what any program must read and write, at the memory's bandwidth.
        exchanging: sums and gathers in a ring, at the link's bandwidth.
        fits: whether the chip's memory holds what the step needs by the count of `StepCosts`.
    """

    computing: float
    reading: float
    exchanging: float
    fits: bool

    @property
    def seconds(self) -> float:
        """The longest of the three, as if each could be done while the others are."""
        return max(self.computing, self.reading, self.exchanging)

    @property
    def limit(self) -> str:
        """Which of the three it is."""
        return self._fields[self[:3].index(self.seconds)]


def bound(costs: StepCosts, chip: Chip, count: int, *, halves: bool) -> Bound:
    """The least time of a step.

    In a ring of n chips each sends 2 (n - 1)/n of the bytes that are summed up, and (n - 1)/n of
    those that are gathered.

    Args:
        costs: of one of the chips.
        chip: its data sheet.
        count: how many there are.
        halves: whether the model computes in 16 bits.

    Reference: S. Williams, A. Waterman, D. Patterson, *Roofline: An Insightful Visual Performance
    Model for Multicore Architectures* (2009).
    """
    others = (count - 1) / count
    sent = sum(
        size * others * (2 if kind == "all-reduce" else 1) for kind, size in costs.exchanged.items()
    )
    return Bound(
        costs.flops / (chip.halves if halves else chip.singles),
        costs.least_traffic / chip.bandwidth,
        sent / chip.link,
        costs.memory <= chip.memory,
    )
