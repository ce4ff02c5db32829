"""Checks the options of a convolution that say how it is computed, not what it is."""

from typing import Any

import jax.numpy as jnp
from jax import lax

from jaxcnn import engine
from jaxcnn.ops.arguments import choice

PRECISIONS = ("default", "high", "highest", "fastest", "bfloat16", "tensorfloat32", "float32")


def check_computation(op: str, algorithm: str, precision: Any, preferred: Any, x: Any) -> None:
    """Refuse an unknown algorithm, precision or result dtype."""
    choice(op, "algorithm", algorithm, engine.ALGORITHMS)
    if isinstance(precision, str):
        choice(op, "precision", precision, PRECISIONS)
    elif not (precision is None or isinstance(precision, lax.Precision | tuple)):
        raise TypeError(
            f"{op}: `precision` must be a jax.lax.Precision or its name, got {precision!r}"
        )
    if preferred is None:
        return
    try:
        dtype = jnp.dtype(preferred)
    except TypeError:
        raise TypeError(
            f"{op}: `preferred_element_type` must be a dtype, got {preferred!r}"
        ) from None
    kind = jnp.floating if jnp.issubdtype(x.dtype, jnp.floating) else jnp.number
    if not jnp.issubdtype(dtype, kind) or dtype.itemsize < x.dtype.itemsize:
        raise TypeError(
            f"{op}: `preferred_element_type` must be as wide as {x.dtype} and of its kind, "
            f"got {dtype}"
        )
