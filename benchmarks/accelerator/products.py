"""The chip's speed at matrix products, which the other speeds are shares of."""

import functools

import jax
import jax.numpy as jnp

from benchmarks.accelerator.programs import MODES, Program, Sampling, drawn, timings
from benchmarks.comparison import Row


def program(size: int, mode: str) -> Program:
    """The product of two square matrices on one device."""
    place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    square = jax.ShapeDtypeStruct((size, size), jnp.dtype(MODES[mode].dtype), sharding=place)
    return Program(jax.jit(jnp.dot), (square, square), MODES[mode])


def timed_product(size: int, mode: str, sampling: Sampling) -> Row:
    """Its time and its GFLOP/s."""
    made = program(size, mode)
    compiled, seconds = made.compiled()
    call = functools.partial(compiled, *map(drawn, made.shapes))
    row = timings({"jax": call}, {"jax": seconds}, sampling)
    gflop = 2e-9 * size**3
    return {"mode": mode, "size": size, "gflop": gflop, "gflops": 1e3 * gflop / row["jax"]} | row
