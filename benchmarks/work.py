"""Counts floating-point operations, and times matrix products on this machine."""

import functools
import math
import statistics
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from benchmarks.command import WITH_TORCH
from benchmarks.timing import interleaved

SIZE = 2048
"""The rows and columns of the matrices whose product is timed."""


def gemm_speed(rounds: int) -> float:
    """The GFLOP/s of a float32 matrix product on this machine, by JAX or torch."""
    a, b = np.random.default_rng(0).standard_normal((2, SIZE, SIZE), np.float32)
    calls: dict[str, Callable[[], Any]] = {
        "jax": functools.partial(jax.jit(jnp.dot), jnp.asarray(a), jnp.asarray(b)),
    }
    if WITH_TORCH:
        import torch

        calls["torch"] = functools.partial(torch.mm, torch.tensor(a), torch.tensor(b))
    times = interleaved(calls, rounds)
    return 2e-6 * SIZE**3 / min(map(statistics.median, times.values()))


def products(fn: Callable[..., Any], *arguments: Any) -> list[float]:
    """The GFLOP of each convolution and matrix product of a JAX function, in order.

    A multiplication and an addition count as two. Products with the zeros of a border count,
    as they do for everyone; those with zeros between the pixels of a transposed convolution
    do not, since no good algorithm computes them.
    """
    return [1e-9 * flops for flops in _counted(jax.make_jaxpr(fn)(*arguments).jaxpr)]


def step_work(forward: list[float]) -> float:
    """The GFLOP of a training step: the output and two gradients of each product.

    Nobody needs the gradient in the images, so the first has one only.
    """
    return 3 * sum(forward) - forward[0]


def _counted(jaxpr: Any) -> list[float]:
    found: list[float] = []
    for equation in jaxpr.eqns:
        for inner in core.jaxprs_in_params(equation.params):
            found += _counted(inner)
        shapes = [variable.aval.shape for variable in equation.invars]
        size = math.prod(equation.outvars[0].aval.shape)
        if equation.primitive.name == "conv_general_dilated":
            features = equation.params["dimension_numbers"].rhs_spec[0]
            per_result = math.prod(shapes[1]) / shapes[1][features]
            found.append(2 * size * per_result / math.prod(equation.params["lhs_dilation"]))
        elif equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            found.append(2 * size * math.prod(shapes[0][axis] for axis in contracted))
    return found
