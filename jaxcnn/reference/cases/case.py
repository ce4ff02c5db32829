"""Defines a case: one call of one op, as data."""

import dataclasses
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Draw = Callable[[np.random.Generator], np.ndarray]
"""Makes one input array; always float64 or an integer, cast by whoever runs the case."""


@dataclasses.dataclass(frozen=True)
class Case:
    """One call of one op: ``op(*inputs, **options)``.

    Attributes:
        op: the name of the function in `jaxcnn.ops` and in the references.
        label: a short name of the case, unique for the op.
        inputs: how to draw each positional array.
        options: the keyword arguments.
        differentiable: which of ``inputs`` the gradients are compared in.
        batched: which of ``inputs`` have meaning under `jax.vmap`.
        smooth: whether second derivatives exist everywhere near the inputs (not for a max
            with ties, say).
        keyed: whether the op takes a random key before ``inputs``; the references get ``None``.
        named: how to draw the arrays that are passed by keyword, beside ``options``.
        images: which of ``inputs`` lie in the op's ``layout``, for an op that has one.
        roundings: how many times a 16-bit result may have been rounded; 1 is once, at the end.
    """

    op: str
    label: str
    inputs: tuple[Draw, ...]
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    differentiable: tuple[int, ...] = (0,)
    batched: tuple[int, ...] = (0,)
    smooth: bool = True
    keyed: bool = False
    named: Mapping[str, Draw] = dataclasses.field(default_factory=dict)
    images: tuple[int, ...] = (0,)
    roundings: int = 1

    def __str__(self) -> str:
        return f"{self.op}-{self.label}"

    def arrays(self) -> tuple[np.ndarray, ...]:
        """The inputs, the same ones each time: the seed is made from the case's name."""
        rng = np.random.default_rng(zlib.crc32(str(self).encode()))
        return tuple(draw(rng) for draw in self.inputs)

    def named_arrays(self) -> dict[str, np.ndarray]:
        """The arrays of ``named``, the same ones each time."""
        rng = np.random.default_rng(zlib.crc32(f"{self} by name".encode()))
        return {name: draw(rng) for name, draw in self.named.items()}


def normal(*shape: int) -> Draw:
    """Standard normal numbers."""
    return lambda rng: rng.standard_normal(shape)


def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Draw:
    """Uniform numbers in ``[low, high)``."""
    return lambda rng: rng.uniform(low, high, shape)


def integers(*shape: int, low: int = 0, high: int) -> Draw:
    """Integers in ``[low, high)``."""
    return lambda rng: rng.integers(low, high, shape)
