"""A model computed in 16 bits: which arrays are in which type, and what its numbers are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.layers import (
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    Function,
    GroupNorm,
    Layer,
    Sequential,
    fold_batch_norm,
    mixed_precision,
    normalized,
    summary,
)
from jaxcnn.training.freezing import freeze_model

IMAGES = jax.random.normal(jax.random.key(3), (4, 6, 6, 3))


def network():
    return Sequential(
        conv=Conv2d(8, 3), norm=BatchNorm(), group=GroupNorm(2), flat=Flatten(), out=Dense(5)
    )


def seen(kinds):
    """A layer that writes down the types that it is applied to."""

    def apply(params, state, x, *, train=False, key=None):
        kinds.append((params["w"].dtype.name, x.dtype.name))
        return x * params["w"], {"count": state["count"] + 1, "last": x.mean()}

    def draw(key, shape):
        return {"w": jnp.ones(())}, {"count": jnp.int32(0), "last": jnp.float32(0)}

    return Layer(draw, apply)


@pytest.mark.parametrize("compute", ["bfloat16", "float16"])
def test_parameters_and_input_are_lowered_and_everything_else_stays(compute):
    kinds = []
    model = mixed_precision(Sequential(seen=seen(kinds), drop=Dropout(0.5)), compute)
    params, state = model.init(jax.random.key(0), IMAGES.shape)
    kinds.clear()
    y, new = model.apply(params, state, IMAGES, train=True, key=jax.random.key(1))
    assert kinds == [(compute, compute)]
    assert y.dtype == params["seen"]["w"].dtype == jnp.float32
    assert jax.tree.map(lambda leaf: leaf.dtype.name, new) == {
        "seen": {"count": "int32", "last": "float32"}
    }
    grads = jax.grad(lambda p: model.apply(p, state, IMAGES)[0].sum())(params)
    assert grads["seen"]["w"].dtype == jnp.float32


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize(("compute", "bits"), [("bfloat16", 8), ("float16", 11)])
def test_its_numbers_are_those_of_its_bits(compute, bits, train):
    exact, model = network(), mixed_precision(network(), compute)
    params, state = exact.init(jax.random.key(0), IMAGES.shape)
    wanted, new = exact.apply(params, state, IMAGES, train=train)
    found, its = model.apply(params, state, IMAGES, train=train)
    largest = float(jnp.abs(wanted).max())
    error = float(jnp.abs(found - wanted).max()) / largest
    assert 2.0 ** -(bits + 4) < error < 2.0 ** -(bits - 3)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2.0**-bits), its, new)


def test_scales_of_normalizations_are_not_rounded():
    """A scale between two bfloat16 numbers, where rounding it would be seen in float32."""
    model = mixed_precision(Sequential(norm=GroupNorm(1)))
    params, state = model.init(jax.random.key(0), (1, 4))
    scale = 1 + 2.0**-12
    params["norm"]["bias"] = jnp.full(4, scale)
    jaxpr = str(jax.make_jaxpr(lambda p: model.apply(p, state, jnp.ones((1, 4)))[0])(params))
    assert jaxpr.count("bf16[4]") == 0
    dense = mixed_precision(Dense(4))
    weights, _ = dense.init(jax.random.key(0), (1, 4))
    assert "bf16[4,4]" in str(jax.make_jaxpr(lambda p: dense.apply(p, {}, jnp.ones((1, 4)))[0])(weights))  # fmt: skip


def test_names_summary_and_folding_are_those_of_the_model():
    exact, model = network(), normalized(mixed_precision(network()), [0.5] * 3, [0.25] * 3)
    params, state = model.init(jax.random.key(0), IMAGES.shape)
    jax.tree.map(
        np.testing.assert_array_equal, (params, state), exact.init(jax.random.key(0), IMAGES.shape)
    )
    assert sum(row.parameters for row in summary(model, IMAGES.shape)) == sum(
        row.parameters for row in summary(exact, IMAGES.shape)
    )
    folded, less, rest = fold_batch_norm(model, params, state)
    assert "norm" not in less
    np.testing.assert_allclose(
        folded.apply(less, rest, IMAGES)[0], model.apply(params, state, IMAGES)[0], atol=0.1
    )
    assert "bf16" in str(jax.make_jaxpr(lambda p: folded.apply(p, rest, IMAGES)[0])(less))


def test_another_type_is_refused():
    with pytest.raises(ValueError, match="mixed_precision: `compute` must be one of .*bfloat16"):
        mixed_precision(Dense(3), "float8")


def test_whole_numbers_give_floats():
    model = Sequential(Flatten(), Function(lambda x: x.astype(jnp.float32) / 255 - 3.3))
    y, _ = mixed_precision(model).apply({}, {}, jnp.arange(4, dtype=jnp.uint8).reshape(1, 4))
    assert y.dtype == jnp.float32
    np.testing.assert_allclose(y[0], np.arange(4) / 255 - 3.3, rtol=1e-3)


def test_a_frozen_normalization_keeps_its_precision():
    model = mixed_precision(Sequential(conv=Conv2d(8, 3), norm=BatchNorm()))
    params, state = model.init(jax.random.key(0), IMAGES.shape)
    params["norm"]["scale"] = jnp.full(8, 1 + 2.0**-12)
    params["norm"]["bias"] = jnp.full(8, 257.0)
    frozen = freeze_model(model, ["conv/*", "norm/*"])
    wanted, _ = model.apply(params, state, IMAGES)
    for train in (False, True):
        found, new = frozen.apply(params, state, IMAGES, train=train)
        np.testing.assert_array_equal(found, wanted)
        jax.tree.map(np.testing.assert_array_equal, new, state)
