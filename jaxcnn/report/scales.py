"""Computes axes: the position of each value, and the ticks with their labels."""

import math
from collections.abc import Sequence
from typing import NamedTuple

_TICKS = 5

_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


class Tick(NamedTuple):
    """A number on an axis: its place and its words."""

    place: float
    text: str


class Scale(NamedTuple):
    """A linear or logarithmic axis.

    Attributes:
        low: the number at ``start``.
        high: the number at ``end``.
        start: a place on paper.
        end: a place on paper.
        logarithmic: whether equal distances are equal ratios.
        ticks: the round numbers.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool
    ticks: list[Tick]

    def __call__(self, value: float) -> float:
        """The place of ``value``."""
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def make_scale(values: Sequence[float], start: float, end: float, *, whole: bool = False) -> Scale:
    """Make an axis that contains all of ``values``.

    Args:
        values: at least one finite number.
        start: the place of the lowest.
        end: the place of the highest.
        whole: whether the numbers count something: only whole numbers are written.

    >>> [tick.text for tick in make_scale([0.11, 0.87], 0, 100).ticks]
    ['0.2', '0.4', '0.6', '0.8']
    >>> [tick.text for tick in make_scale([0.79, 0.88], 0, 100).ticks]
    ['0.80', '0.82', '0.84', '0.86', '0.88']
    >>> [tick.text for tick in make_scale([1e-5, 0.1], 0, 100).ticks]
    ['1e-05', '0.0001', '0.001', '0.01', '0.1']
    >>> [tick.text for tick in make_scale([0.02, 2.3], 0, 100).ticks]
    ['0.02', '0.05', '0.1', '0.2', '0.5', '1', '2']
    >>> [tick.text for tick in make_scale([18_200, 18_800], 0, 100).ticks]
    ['18.2k', '18.4k', '18.6k', '18.8k']
    """
    low, high = min(values), max(values)
    logarithmic = not whole and low > 0 and high / low >= 100
    if low == high:
        low, high = (low - 0.5, high + 0.5) if whole or low == 0 else _around(low)
    if logarithmic:
        numbers = _decades(low, high)
    else:
        if not whole:
            margin = 0.04 * (high - low)
            low, high = low - margin, high + margin
        numbers = _round_numbers(low, high, whole)
    scale = Scale(low, high, start, end, logarithmic, [])
    return scale._replace(ticks=[Tick(round(scale(n), 1), text) for n, text in numbers])


def _around(value: float) -> tuple[float, float]:
    return value - abs(value) / 10, value + abs(value) / 10


def _round_numbers(low: float, high: float, whole: bool) -> list[tuple[float, str]]:
    """About five multiples of 1, 2, 2.5 or 5 times a power of ten, all with as many decimals."""
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * (1 - 1e-9))
    step = max(round(step), 1.0) if whole else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    numbers = [count * step for count in range(first, last + 1)]
    largest = max(map(abs, numbers), default=1.0)
    size, unit = (1.0, "") if 0.00005 < largest < 10_000 else _unit(largest)
    digits = _decimals(step / size)
    return [(n, f"{n / size:,.{digits}f}{unit}" if n else "0") for n in numbers]


def _unit(largest: float) -> tuple[float, str]:
    """What the numbers of an axis are counted in, so that few characters tell them apart."""
    if 10_000 <= largest < 1e15:
        return next((size, unit) for size, unit in _UNITS if largest >= size)
    power = math.floor(math.log10(largest)) if largest else 0
    return 10.0**power, f"e{power:+03d}"


def _decimals(step: float) -> int:
    """The decimals without which multiples of ``step`` would be rounded."""
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return digits + (round(step, digits) != round(step, digits + 1))


def _decades(low: float, high: float) -> list[tuple[float, str]]:
    """Powers of ten; of few of them, twice and five times each as well."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    powers = [10.0**power for power in range(first, last + 1)]
    inside = [power for power in powers if low <= power * (1 + 1e-9) <= high * (1 + 2e-9)]
    if len(inside) > 2:
        return [(power, short(power)) for power in inside[:: math.ceil(len(inside) / 6)]]
    numbers = [multiple * power for power in powers for multiple in (1, 2, 5)]
    return [(number, short(number)) for number in numbers if low <= number <= high]


def short(value: float) -> str:
    """A number with few characters.

    >>> [short(n) for n in (0.2, 1500.0, 12000.0, 3e6, -0.5, 0.0, 61706.0, 999_900.0, 1e16)]
    ['0.2', '1,500', '12k', '3M', '-0.5', '0', '61.7k', '1,000k', '1e+16']
    """
    if 10_000 <= abs(value) < 1e15:
        size, unit = next((size, unit) for size, unit in _UNITS if abs(value) >= size)
        scaled = value / size
        return (f"{scaled:,.0f}" if abs(scaled) >= 99.95 else f"{scaled:.3g}") + unit
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    return f"{value:,.0f}" if value == round(value) else f"{value:.4g}"
