"""Grouped convolution as a batch of convolutions, one per group.

Matrix products of a few columns cost as much as wider ones. So neighbouring groups of few
channels become one of more, with zeros for what they do not share.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.engine.problem import Problem

WIDEST = 32
"""Groups are joined up to this many channels; measured."""


def run(
    problem: Problem,
    x: jax.Array,
    kernel: jax.Array,
    solve: Callable[[Problem, jax.Array, jax.Array], jax.Array],
) -> jax.Array:
    """Compute the convolution, that of each group by ``solve``."""
    part, count = joined(problem)
    *window, _, _ = kernel.shape
    images = x.reshape(*x.shape[:-1], count, part.channels)
    kernels = _blocks(problem, kernel, count).reshape(*window, part.channels, count, -1)

    def one(image: jax.Array, block: jax.Array) -> jax.Array:
        return solve(part, image, block)

    each = jax.vmap(one)(jnp.moveaxis(images, -2, 0), jnp.moveaxis(kernels, -2, 0))
    return jnp.moveaxis(each, 0, -2).reshape(problem.result_shape)


def joined(problem: Problem) -> tuple[Problem, int]:
    """The problem of one joined group, and how many of them there are."""
    channels = problem.channels // problem.groups
    fits = [m for m in range(1, problem.groups + 1) if problem.groups % m == 0]
    many = max((m for m in fits if m * channels <= WIDEST), default=1)
    count = problem.groups // many
    part = dataclasses.replace(
        problem,
        groups=1,
        channels=problem.channels // count,
        features=problem.features // count,
    )
    return part, count


def _blocks(problem: Problem, kernel: jax.Array, count: int) -> jax.Array:
    """The kernel with the zeros between the groups that were joined."""
    many = problem.groups // count
    if many == 1:
        return kernel
    *window, channels, features = kernel.shape
    split = kernel.reshape(*window, 1, channels, count, many, features // problem.groups)
    own = np.eye(many, dtype=bool).reshape(many, 1, 1, many, 1)
    wide = jnp.where(own, split, jnp.zeros((), kernel.dtype))
    return wide.reshape(*window, many * channels, features)
