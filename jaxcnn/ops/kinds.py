"""Checks that an argument is of a kind: a flag, a real number, an array of them, a random key."""

import math
import numbers
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.ops import habits


def as_flag(op: str, name: str, value: Any) -> bool:
    """``value``, which must be a bool: any other object is true or false by accident."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{op}: `{name}` must be a bool, got {value!r}")
    return bool(value)


def as_real(
    op: str, name: str, value: Any, *, minimum: float = -math.inf, maximum: float = math.inf
) -> float:
    """``value`` as a float, finite and in ``[minimum, maximum]``."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{op}: `{name}` must be a real number, got {value!r}")
    number = float(value)
    if math.isinf(number) or not minimum <= number <= maximum:
        limits = f" in [{minimum:g}, {maximum:g}]" if minimum > -math.inf else ""
        raise ValueError(f"{op}: `{name}` must be a finite number{limits}, got {number}")
    return number


def floating(op: str, name: str, array: Any) -> None:
    """Refuse an array of integers where the op's result is a real number."""
    if not jnp.issubdtype(array.dtype, jnp.floating):
        real = habits.picture_of_integers(name, array.dtype)
        raise TypeError(f"{op}: `{name}` must be floating point, got {array.dtype}{real}")


def check_key(op: str, key: Any) -> None:
    """Refuse what is not one key of `jax.random.key` or `jax.random.PRNGKey`."""
    if not isinstance(key, jax.Array | np.ndarray):
        raise TypeError(f"{op}: `key` must be one random key, got {type(key).__name__}")
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    raw = jax.eval_shape(jax.random.PRNGKey, 0)
    if not (key.ndim == 0 if typed else (key.dtype, key.shape) == (raw.dtype, raw.shape)):
        raise TypeError(
            f"{op}: `key` must be one random key, got an array of {key.dtype} and shape {key.shape}"
        )
