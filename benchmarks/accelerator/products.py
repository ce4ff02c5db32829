"""Times matrix products, whose speed the other rows are compared with."""

import functools

import jax
import jax.numpy as jnp

from benchmarks.accelerator.programs import MODES, Program, Sampling, drawn, timings
from benchmarks.comparison import Row


def program(size: int, mode: str) -> Program:
    """The program that multiplies two square matrices on one device."""
    place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    square = jax.ShapeDtypeStruct((size, size), jnp.dtype(MODES[mode].dtype), sharding=place)
    return Program(jax.jit(jnp.dot), (square, square), MODES[mode])


def timed_product(size: int, mode: str, sampling: Sampling) -> Row:
    """The row of a matrix product: its time and GFLOP/s."""
    made = program(size, mode)
    compiled, seconds = made.compiled()
    call = functools.partial(compiled, *map(drawn, made.shapes))
    row = timings({"jax": call}, {"jax": seconds}, sampling)
    gflop = 2e-9 * size**3
    return {"mode": mode, "size": size, "gflop": gflop, "gflops": 1e3 * gflop / row["jax"]} | row
