"""Packs neighbouring results of a row into the features of one, for convolutions of few features.

Few features fill only a part of a vector register. Several neighbouring results together fill more
of it, at the cost of products with zeros.
"""

import dataclasses
import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.engine.problem import Problem

LANES = 16
"""The features that are computed at once; processors with narrower vectors take several."""


class RowPacking:
    """Neighbouring results of a row as the features of one result, of a wider window.

    Attributes:
        problem: the problem.
        many: how many results are computed as one.
        wide: the problem whose kernel is ``(*rest, pixels, channels, many * features)``.
        tap: which element of the window each pixel meets in each of the results, or -1, as
            ``(pixels, many)``.
    """

    def __init__(self, problem: Problem):
        many = together(problem)
        self.problem, self.many = problem, many
        self.wide = problem
        if many == 1:
            return
        first, self.tap = _taps(problem, many)
        pixels, gap = len(self.tap), problem.input_dilation[-1]
        stride = many * problem.stride[-1] // gap
        reach = (problem.out[-1] // many - 1) * stride + pixels
        self.wide = dataclasses.replace(
            problem,
            window=(*problem.window[:-1], pixels),
            stride=(*problem.stride[:-1], stride),
            padding=(*problem.padding[:-1], (-first, reach + first - problem.sizes[-1])),
            dilation=(*problem.dilation[:-1], 1),
            input_dilation=(*problem.input_dilation[:-1], 1),
            features=many * problem.features,
        )

    def spread(self, kernel: jax.Array) -> jax.Array:
        """The kernel of `wide`, with zeros where a pixel meets no element of the window."""
        if self.many == 1:
            return kernel
        axis = self.problem.rank - 1
        met = jnp.take(kernel, np.maximum(self.tap, 0), axis)
        own = (self.tap >= 0)[..., None, None]
        return jnp.moveaxis(jnp.where(own, met, 0), axis + 1, -2).reshape(self.wide.kernel_shape)

    def gathered(self, sums: jax.Array) -> jax.Array:
        """The gradient in a kernel, from that in its `spread`."""
        if self.many == 1:
            return sums
        axis, features = self.problem.rank - 1, self.problem.features
        parts = jnp.moveaxis(sums.reshape(*sums.shape[:-1], self.many, features), -2, 0)
        total = []
        for tap in range(self.problem.window[-1]):
            places = np.argwhere(self.tap == tap)
            met = [lax.index_in_dim(parts[i], t, axis, keepdims=False) for t, i in places]
            total.append(functools.reduce(operator.add, met))
        return jnp.stack(total, axis)


def together(problem: Problem) -> int:
    """How many neighbouring results of a row are best computed as one, of more features."""
    if problem.groups > 1:
        return 1
    gap, count = problem.input_dilation[-1], problem.out[-1]
    fit = [n for n in range(1, LANES + 1) if count % n == 0 and n * problem.stride[-1] % gap == 0]
    use = {many: _use(problem, many) for many in fit}
    best = max(fit, key=lambda many: (use[many], -many), default=1)
    # Alone, results are computed without the zeros of an input dilation.
    alone = _filled(problem.features)
    return best if use and use[best] > 1.2 * alone else 1


def _taps(problem: Problem, many: int) -> tuple[int, np.ndarray]:
    """The first pixel that the first ``many`` results of a row read, and `RowPacking.tap`."""
    gap, dilation, low = problem.input_dilation[-1], problem.dilation[-1], problem.padding[-1][0]
    met = {}
    for i in range(many):
        for tap in range(problem.window[-1]):
            pixel, between = divmod(i * problem.stride[-1] + tap * dilation - low, gap)
            if not between:
                met[pixel, i] = tap
    first = min(pixel for pixel, _ in met)
    table = np.full((max(pixel for pixel, _ in met) - first + 1, many), -1)
    for (pixel, i), tap in met.items():
        table[pixel - first, i] = tap
    return first, table


def _use(problem: Problem, many: int) -> float:
    """The share of useful products, of those for ``many`` results together."""
    _, table = _taps(problem, many)
    return _filled(many * problem.features) * float((table >= 0).mean())


def _filled(features: int) -> float:
    return features / (-(-features // LANES) * LANES)
