"""`fuse` with whole functions: arguments of all kinds, programs of others, exports, models."""

from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from jaxcnn.engine import fuse, prepare
from jaxcnn.models import MODELS
from tests.engine.joining import BIAS, KERNEL, OTHER, X, conv, joined, numbers, same


def test_trees_and_keywords() -> None:
    def function(params: Any, *, x: Any, power: float) -> Any:
        return {"y": jax.nn.relu(conv(x, params["kernel"]) + params["bias"]) * power}

    got = fuse(function)({"kernel": KERNEL, "bias": BIAS}, x=X, power=2.0)
    want = function({"kernel": KERNEL, "bias": BIAS}, x=X, power=2.0)
    np.testing.assert_allclose(got["y"], want["y"], rtol=1e-5, atol=1e-4)


def test_options_methods_and_objects() -> None:
    class Block:
        def __init__(self) -> None:
            self._function = self.found = None

        def __call__(self, x: Any, *, mode: str = "relu", twice: bool = False) -> Any:
            y = getattr(jax.nn, mode)(conv(x, KERNEL) + BIAS)
            return 2 * y if twice else y

        @fuse
        def method(self, x: Any) -> Any:
            return self(x, mode="relu6")

    block = Block()
    fused = fuse(block)
    for options in ({}, {"mode": "silu"}, {"twice": True}, {"twice": False}):
        got, want = fused(X, **options), block(X, **options)
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(block.method(X), block(X, mode="relu6"), rtol=1e-5, atol=1e-4)
    assert len(fused.found(X, mode="relu6")) == 1
    again = fuse(prepare(lambda k, x: jax.nn.relu(conv(x, k)), KERNEL))
    np.testing.assert_allclose(again(X), jax.nn.relu(conv(X, KERNEL)), rtol=1e-5, atol=1e-4)


def test_traced_once_for_arrays_of_one_type() -> None:
    traces = []

    def function(x: Any) -> Any:
        traces.append(x)
        return jax.nn.relu(conv(x, KERNEL))

    fused = fuse(function)
    for x in (X, 2 * X, X[:1], 3 * X[:1]):
        fused(x)
    assert len(traces) == 2


def test_arrays_of_a_trace_around_it() -> None:
    def outer(bias: Any) -> Any:
        fused = fuse(lambda x: jax.nn.relu(conv(x, KERNEL) + bias))
        return (fused(X) ** 2).sum()

    got = jax.grad(outer)(BIAS)
    want = jax.grad(lambda bias: (jax.nn.relu(conv(X, KERNEL) + bias) ** 2).sum())(BIAS)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-3)
    fused = fuse(lambda x: jax.nn.relu(conv(x, KERNEL)))
    for _ in range(2):  # a trace leaves nothing behind
        assert jax.jit(fused)(X).shape == OTHER.shape


def test_no_channels_and_no_images() -> None:
    def function(x: Any) -> Any:
        return jax.nn.relu(conv(x, jnp.zeros((3, 3, x.shape[-1], 32))) + BIAS)

    for x in (jnp.zeros((2, 5, 6, 0)), jnp.zeros((0, 5, 6, 4)), jnp.zeros((2, 0, 6, 4))):
        for got in (jax.jit(fuse(function))(x), prepare(fuse(function))(x)):
            np.testing.assert_array_equal(got, jax.jit(function)(x))


def test_exports_of_symbolic_shapes() -> None:
    def function(x: Any) -> Any:
        spread = jnp.broadcast_to(x[:, :1, :1, :1], (*x.shape[:3], 32))
        return jax.nn.relu(conv(x, KERNEL) + BIAS).mean((1, 2)) + spread.sum((1, 2))

    shape = jax.ShapeDtypeStruct(jax.export.symbolic_shape("n,h,w,16"), jnp.float32)
    for each in (fuse(function), prepare(function), prepare(fuse(function))):
        exported = jax.export.export(jax.jit(each))(shape)
        np.testing.assert_allclose(exported.call(X), function(X), rtol=1e-4, atol=1e-3)


def test_inside_of_loops_and_checkpoints_nothing_changes() -> None:
    @jax.checkpoint
    def function(x: Any) -> Any:
        return jax.nn.relu(conv(x, KERNEL[..., :16]) + BIAS[..., :16])

    assert joined(function, X) == []
    np.testing.assert_array_equal(jax.jit(fuse(function))(X), jax.jit(function)(X))


class Net(linen.Module):
    """A residual block, as a user of Flax would write it."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        y = linen.Conv(16, (3, 3), use_bias=False)(x)
        y = linen.relu(linen.BatchNorm(use_running_average=True)(y))
        y = linen.Conv(16, (3, 3))(y)
        return linen.relu(linen.BatchNorm(use_running_average=True)(y) + x)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
def test_flax() -> None:
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        variables = Net().init(jax.random.key(0), X)
        assert joined(Net().apply, variables, X) == [
            ("factor", "offset", "bounds"),
            ("factor", "offset", "residual", "bounds"),
        ]
        same(Net().apply, variables, X)


@pytest.mark.parametrize("name", ["resnet20", "mobilenet_v2", "lenet_modern"])
def test_models(name: str) -> None:
    options: dict[str, Any] = {"width": 0.35} if name == "mobilenet_v2" else {}
    model = MODELS[name](10, **options)
    x = numbers(1, 32, 32, 1)
    params, state = model.init(jax.random.key(0), x.shape)
    state = jax.tree.map(lambda leaf: leaf + 0.5, state)

    def logits(params: Any, state: Any, x: Any) -> Any:
        return model.apply(params, state, x)[0]

    found = joined(logits, params, state, x)
    assert found
    assert all("offset" in words for words in found)
    same(logits, params, state, x)


def test_what_is_said() -> None:
    fused = fuse(lambda x: jax.nn.relu(conv(x, KERNEL) + BIAS))
    assert [str(each) for each in fused.found(X)] == [
        "convolution by (3, 3, 16, 32) to (2, 9, 8, 32): offset, bounds"
    ]
    alone = fuse(lambda x: conv(x, KERNEL)).found(X)
    assert str(alone[0]).endswith(": nothing")
    with pytest.raises(TypeError, match="fuse: `function` must be a function, got int"):
        fuse(3)
