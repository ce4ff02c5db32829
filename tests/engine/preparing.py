"""Compares prepared functions with programs as they are, for tests of the engine."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxcnn as jc
from jaxcnn.engine import compiler, prepare

NATIVE = not compiler.native().reason
RNG = np.random.default_rng(0)


def drawn(*shape: int, dtype: Any = np.float32) -> jax.Array:
    return jnp.asarray(RNG.standard_normal(shape), dtype)


X, KERNEL = drawn(2, 9, 8, 16), drawn(3, 3, 16, 32)
conv = functools.partial(jc.conv2d, padding=1)


def swapped(kernel, x):
    return conv(x, kernel)


def check_bits(function: Any, *args: Any, known: int = 1) -> Any:
    """Compare with the program as it is, and return the prepared function."""
    prepared = prepare(function, *args[:known])
    got, want = prepared(*args[known:]), jax.jit(function)(*args)
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert (a.dtype, a.shape, a.weak_type) == (b.dtype, b.shape, b.weak_type)
        np.testing.assert_array_equal(a, b)
    return prepared


def program_of(prepared: Any, *rest: Any) -> str:
    return str(jax.make_jaxpr(prepared)(*rest))


def packed_in(prepared: Any, *rest: Any) -> int:
    return program_of(prepared, *rest).count("jaxcnn_packed_conv[")
