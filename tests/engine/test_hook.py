"""`accelerate` for models of other libraries, unchanged, and `restore`."""

import functools
import re

import equinox as eqx
import flax.linen as linen
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax

import jaxcnn as jc
from jaxcnn.engine import accelerated, compiler

IMAGES = np.random.default_rng(0).standard_normal((2, 12, 12, 8)).astype(np.float32)


@pytest.fixture(autouse=True)
def _restored():
    yield
    jc.restore()


class Block(linen.Module):
    """A block of MobileNetV2: wide, depthwise, narrow."""

    @linen.compact
    def __call__(self, x):
        y = linen.relu(linen.Conv(16, (1, 1))(x))
        y = linen.relu(linen.Conv(16, (3, 3), strides=2, feature_group_count=16)(y))
        return linen.Conv(8, (3, 3), feature_group_count=2)(y)


def of_linen():
    model = Block()
    variables = model.init(jax.random.key(0), IMAGES)
    return (
        lambda x: model.apply(variables, x).sum(),
        jax.grad(lambda variables: (model.apply(variables, IMAGES) ** 2).sum()),
        variables,
    )


def of_nnx():
    class Net(nnx.Module):
        def __init__(self, rngs):
            self.first = nnx.Conv(8, 16, (3, 3), rngs=rngs)
            self.second = nnx.Conv(16, 16, (5, 5), feature_group_count=16, rngs=rngs)

        def __call__(self, x):
            return self.second(nnx.relu(self.first(x)))

    graph, state = nnx.split(Net(nnx.Rngs(0)))
    return (
        lambda x: nnx.merge(graph, state)(x).sum(),
        jax.grad(lambda state: (nnx.merge(graph, state)(IMAGES) ** 2).sum()),
        state,
    )


def of_equinox():
    keys = jax.random.split(jax.random.key(0), 2)
    model = eqx.nn.Sequential(
        [
            eqx.nn.Conv2d(8, 16, 3, padding=1, groups=8, key=keys[0]),
            eqx.nn.Lambda(jax.nn.relu),
            eqx.nn.ConvTranspose2d(16, 4, 2, stride=2, key=keys[1]),
        ]
    )
    planes = jnp.moveaxis(IMAGES, -1, 1)
    parameters, rest = eqx.partition(model, eqx.is_array)

    def loss(parameters):
        return (jax.vmap(eqx.combine(parameters, rest))(planes) ** 2).sum()

    return lambda x: jax.vmap(model)(jnp.moveaxis(x, -1, 1)).sum(), jax.grad(loss), parameters


def text(fn, *args):
    return jax.jit(fn).lower(*args).as_text()


@pytest.mark.slow
@pytest.mark.parametrize("library", [of_linen, of_nnx, of_equinox])
def test_models_of_other_libraries(library):
    forward, gradient, parameters = library()
    plain = jax.jit(forward)(IMAGES), jax.jit(gradient)(parameters)
    before = text(gradient, parameters)
    jc.accelerate()
    fast = jax.jit(forward)(IMAGES), jax.jit(gradient)(parameters)
    assert text(gradient, parameters).count("stablehlo.convolution") < before.count(
        "stablehlo.convolution"
    )
    jc.restore()
    assert text(gradient, parameters) == before
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-3)
    jax.tree.map(close, plain, fast)


def depthwise(x):
    kernel = jnp.ones((3, 3, 1, 8))
    return lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=8,
    )  # fmt: skip


def test_what_was_compiled_before_is_compiled_anew():
    compiled = jax.jit(depthwise)
    compiled(IMAGES)
    jc.accelerate()
    assert compiled._cache_size() == 0
    assert "stablehlo.convolution" not in compiled.lower(IMAGES).as_text()
    compiled(IMAGES)
    jc.restore()
    assert "stablehlo.convolution" in compiled.lower(IMAGES).as_text()


def test_as_a_context_manager():
    with jc.accelerate():
        assert accelerated()
        with jc.accelerate():
            pass
        assert accelerated()
    assert not accelerated()
    with pytest.raises(RuntimeError, match="on purpose"), jc.accelerate():
        raise RuntimeError("on purpose")
    assert not accelerated()


def test_our_own_ops_change_nothing_for_others():
    before = text(depthwise, IMAGES)
    jax.jit(jax.grad(lambda x: jc.conv2d(x, jnp.ones((3, 3, 1, 8)), groups=8).sum()))(IMAGES)
    assert text(depthwise, IMAGES) == before
    assert not accelerated()


def test_integers_and_complex_numbers_stay_with_xla():
    jc.accelerate()
    for dtype in (np.int32, np.complex64):
        x, kernel = np.ones((1, 1, 4, 4), dtype), np.ones((1, 1, 1, 1), dtype)
        np.testing.assert_array_equal(lax.conv(x, kernel, (1, 1), "SAME"), x)


def test_accelerators_are_left_alone():
    def module():
        exported = jax.export.export(jax.jit(depthwise), platforms=["cuda", "tpu"])
        return re.sub(r"#loc.*|loc\(.*?\)", "", exported(IMAGES).mlir_module())

    before = module()
    with jc.accelerate():
        assert module() == before


@pytest.mark.parametrize(
    ("window", "stride", "padding"),
    [((2, 2), (2, 2), "VALID"), ((3, 3), (2, 2), "SAME"), ((3, 2), (1, 2), [(2, 0), (0, 1)])],
)
def test_max_pool_gradients(window, stride, padding):
    def loss(x):
        return (linen.max_pool(x, window, stride, padding) ** 2).sum()

    # Equal elements tell whether the same one of them gets the gradient.
    x = np.round(2 * IMAGES)
    expected = jax.grad(loss)(x)
    with jc.accelerate():
        lowered = jax.jit(jax.grad(loss)).lower(x).as_text()
        assert "select_and_scatter" not in lowered
        assert ("reduce_window" in lowered) == (compiler.native().reason != "")
        np.testing.assert_allclose(jax.grad(loss)(x), expected, rtol=1e-6)
        gradients = jax.vmap(jax.grad(loss))(np.stack([x, x]))
        np.testing.assert_allclose(gradients, np.stack([expected] * 2), rtol=1e-6)
    assert "select_and_scatter" in jax.jit(jax.grad(loss)).lower(x).as_text()


@pytest.mark.parametrize("shifted", [0, 1, 3])
def test_maxima_of_windows_that_are_shifted(shifted):
    """An axis of windows of one element still moves where its padding says so."""
    padding = [(0, 0)] * 4
    padding[shifted] = (1, -1)

    def pooled(x):
        return lax.reduce_window(x, -np.inf, lax.max, (1, 1, 2, 1), (1, 1, 2, 1), padding)

    expected = pooled(IMAGES)
    with jc.accelerate():
        np.testing.assert_array_equal(pooled(IMAGES), expected)
