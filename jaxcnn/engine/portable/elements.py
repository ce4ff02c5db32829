"""The images of a problem with their padding, and one element of every window of them."""

import dataclasses

import jax
import numpy as np
from jax import lax

from jaxcnn.engine.problem import Problem


def with_padding(problem: Problem, x: jax.Array) -> tuple[Problem, jax.Array]:
    """Write padding and input dilation into the images; the problem returned has none left.

    XLA is kept from fusing the padding into the operations that read its result.
    """
    none, ones = ((0, 0),) * problem.rank, (1,) * problem.rank
    whole = dataclasses.replace(problem, sizes=problem.padded, padding=none, input_dilation=ones)
    widths = [
        (low, high, step - 1)
        for (low, high), step in zip(problem.padding, problem.input_dilation, strict=True)
    ]
    if not any(any(width) for width in widths):
        return whole, x
    x = lax.pad(x, np.zeros((), x.dtype), [(0, 0, 0), *widths, (0, 0, 0)])
    return whole, lax.optimization_barrier(x)


def element(problem: Problem, x: jax.Array, place: tuple[int, ...]) -> jax.Array:
    """The element at ``place`` of every window, from images `with_padding`."""
    starts, stops = [0], [x.shape[0]]
    for i, (a, n) in enumerate(zip(place, problem.out, strict=True)):
        starts.append(a * problem.dilation[i])
        stops.append(starts[-1] + (n - 1) * problem.stride[i] + 1)
    return lax.slice(x, (*starts, 0), (*stops, x.shape[-1]), (1, *problem.stride, 1))
