"""Models for the tests of exports: two LeNets, and one with negative maxima."""

import functools
import math
from dataclasses import replace

import jax
import numpy as np

from jaxcnn.interop import ModelToExport
from jaxcnn.layers import Conv2d, Dense, Flatten, MaxPool2d, Sequential
from jaxcnn.models import lenet, lenet_modern


def to_export(model, image_shape=(28, 28, 1)):
    """A model to export, with parameters drawn by NumPy, biases too."""
    rng = np.random.default_rng(0)
    params, state = jax.eval_shape(
        lambda key: model.init(key, (1, *image_shape)), jax.random.key(0)
    )
    params, state = jax.tree.map(lambda leaf: drawn(rng, leaf.shape), (params, state))
    return ModelToExport(model, params, state, image_shape, {"model": "x"})


def below_zero():
    """A model whose max pool has a negative input, so that a border of zeros would win."""
    pool = MaxPool2d(2, stride=1, padding=((1, 0), (0, 1)))
    it = to_export(
        Sequential(conv=Conv2d(2, 1), pool=pool, flat=Flatten(), out=Dense(3)), (5, 4, 3)
    )
    return replace(it, params=jax.tree.map(lambda leaf: -abs(leaf), it.params))


def drawn(rng, shape):
    """Numbers of a size that keeps the outputs of layers from growing or vanishing."""
    spread = max(math.prod(shape[:-1]), 4) ** -0.5
    return rng.normal(0, spread, shape).astype(np.float32)


MODELS_TO_EXPORT = {
    **{
        name: to_export(make(10))
        for name, make in (("lenet", lenet), ("lenet_modern", lenet_modern))
    },
    "below_zero": below_zero(),
}


def batch(it, count):
    rng = np.random.default_rng(count)
    return rng.uniform(size=(count, *it.image_shape)).astype(np.float32)


@functools.cache
def _logits(model):
    return jax.jit(lambda params, state, images: model.apply(params, state, images)[0])


def logits(it, images):
    return _logits(it.model)(it.params, it.state, images)
