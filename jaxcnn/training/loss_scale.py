"""Scales the loss so that the gradients of a float16 model neither vanish nor overflow."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

FIRST = 2.0**16
"""The scale of the first step. Steps that overflow are left out until the scale is small enough."""

PATIENCE = 2000
"""After so many finite steps in a row the scale is doubled."""


class LossScale(NamedTuple):
    """What the loss is multiplied by before its gradient is taken.

    Attributes:
        scale: the factor, a power of two from 1 to 2**24, float32.
        finite: how many steps in a row were finite since it was changed, int32.

    Reference: P. Micikevicius and others, *Mixed Precision Training* (2018); the numbers are those
    of PyTorch's ``GradScaler``.
    """

    scale: jax.Array
    finite: jax.Array


def first_scale() -> LossScale:
    """The scale of the first step."""
    return LossScale(jnp.float32(FIRST), jnp.int32(0))


def next_scale(now: LossScale, finite: jax.Array) -> LossScale:
    """The scale of the next step: half after one that was not finite, double after many that were.

    Args:
        now: the scale of this step.
        finite: whether this step's loss, gradient and new parameters are finite.

    >>> next_scale(first_scale(), jnp.array(False)).scale
    Array(32768., dtype=float32)
    """
    count = jnp.where(finite, now.finite + 1, 0)
    grown = count >= PATIENCE
    scale = jnp.where(grown, now.scale * 2, jnp.where(finite, now.scale, now.scale / 2))
    return LossScale(jnp.clip(scale, 1.0, 2.0**24), jnp.where(grown, 0, count))
