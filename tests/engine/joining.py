"""Convolutions, arrays and comparisons for the tests of `jaxcnn.fuse`."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.engine import fuse

NHWC = ("NHWC", "HWIO", "NHWC")


def numbers(*shape: int, seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def conv(x: Any, kernel: Any, stride: int = 1, groups: int = 1, axes: Any = NHWC) -> Any:
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), "SAME", dimension_numbers=axes, feature_group_count=groups
    )


X, KERNEL, OTHER = numbers(2, 9, 8, 16), numbers(3, 3, 16, 32, seed=1), numbers(2, 9, 8, 32, seed=2)
FLAT = numbers(32, seed=3)
BIAS, GAIN = FLAT.reshape(1, 1, 1, 32), numbers(1, 1, 1, 32, seed=4)


def same(function: Callable[..., Any], *arguments: Any) -> None:
    """The fused function gives the same numbers, to rounding."""
    wanted, got = (jax.jit(f)(*arguments) for f in (function, fuse(function)))
    assert wanted.shape == got.shape
    assert wanted.dtype == got.dtype
    # Rounding is relative to the sums, of which bounds leave a part only.
    largest = max(np.abs(wanted).max(), 30.0)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5 * largest)


def joined(function: Callable[..., Any], *arguments: Any) -> list[tuple[str, ...]]:
    return [each.with_ for each in fuse(function).found(*arguments)]
