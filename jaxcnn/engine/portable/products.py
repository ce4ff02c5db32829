"""The matrix product of pixels with a kernel, in the shape that XLA is fast for on CPUs."""

import math

import jax
import jax.numpy as jnp
from jax import lax


def matmul(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """``(*positions, taps, channels)`` times ``(taps, channels, features)``."""
    *lead, taps, channels = x.shape
    features = kernel.shape[-1]
    # Two axes each: XLA copies operands of more before it multiplies them.
    flat = lax.reshape(x, (math.prod(lead), taps * channels))
    matrix = lax.reshape(kernel, (taps * channels, features))
    return lax.reshape(jnp.dot(flat, matrix), (*lead, features))
