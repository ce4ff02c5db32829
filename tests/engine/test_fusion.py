"""`fuse`: what it joins, what it leaves alone, and that the numbers stay the same."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc
from jaxcnn.engine import compiler, fuse, prepare
from tests.engine.joining import (
    BIAS,
    FLAT,
    GAIN,
    KERNEL,
    NHWC,
    OTHER,
    X,
    conv,
    joined,
    numbers,
    same,
)


def normalized(y: Any) -> Any:
    """A batch norm with running statistics, as Flax writes it."""
    return (y - BIAS) * (jax.lax.rsqrt(GAIN**2 + 1e-5) * GAIN) + jnp.expand_dims(FLAT, (0, 1, 2))


FOLLOWED = {
    "bias": (lambda y: y + BIAS, ("offset",)),
    "from_the_left": (lambda y: BIAS + GAIN * y, ("factor", "offset")),
    "quotient": (lambda y: (y - 3.0) / (2.0 + GAIN**2), ("factor", "offset")),
    "batch_norm": (normalized, ("factor", "offset")),
    "spread": (lambda y: y * jnp.broadcast_to(GAIN, y.shape), ("factor",)),
    "relu": (lambda y: jax.nn.relu(normalized(y)), ("factor", "offset", "bounds")),
    "relu6": (lambda y: jax.nn.relu6(y + 4.0), ("offset", "bounds")),
    "maximum": (lambda y: jnp.maximum(y, 0.5), ("bounds",)),
    "chosen": (lambda y: jnp.where(y <= -1, -1.0, jnp.where(y >= 2, 2.0, y)), ()),
    "own": (
        lambda y: jc.batch_norm_activation(y, FLAT, FLAT**2, train=False, activation="relu6")[0],
        ("factor", "offset", "bounds"),
    ),
    "residual": (
        lambda y: jax.nn.relu(OTHER + normalized(y)),
        ("factor", "offset", "residual", "bounds"),
    ),
    "residual_only": (lambda y: y + OTHER, ("residual",)),
    "after_bounds": (lambda y: jax.nn.relu(y) + BIAS, ("bounds",)),
    "after_residual": (lambda y: (y + OTHER) * GAIN, ("residual",)),
    "difference": (lambda y: OTHER - y, ()),
    "other_activation": (lambda y: jax.nn.silu(y * GAIN), ("factor",)),
    "reversed_bounds": (lambda y: jnp.maximum(jnp.minimum(y, 1.0), 0.0), ("bounds",)),
    "per_row": (lambda y: y * jnp.arange(8.0).reshape(1, 1, 8, 1), ()),
    "twice": (lambda y: y * (y + 1.0), ()),
    "half": (lambda y: y.astype(jnp.bfloat16), ()),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_follows(name: str) -> None:
    follow, words = FOLLOWED[name]

    def function(x: Any, kernel: Any) -> Any:
        return follow(conv(x, kernel))

    assert joined(function, X, KERNEL) == [words]
    same(function, X, KERNEL)


PROBLEMS = {
    "winograd": (X, KERNEL, {}),
    "stride": (X, KERNEL, {"stride": 2}),
    "pointwise": (X, KERNEL[:1, :1], {}),
    "groups": (X, KERNEL[:, :, :4], {"groups": 4}),
    "depthwise": (X, KERNEL[:, :, :1], {"groups": 16}),
    "few_features": (X, KERNEL[..., :6], {}),
    "odd_features": (X, KERNEL[..., :21], {}),
    "one_channel": (X[..., :1], numbers(5, 5, 1, 3), {}),
    "channels_first": (
        jnp.moveaxis(X, -1, 1),
        jnp.transpose(KERNEL, (3, 2, 0, 1)),
        {"axes": ("NCHW", "OIHW", "NCHW")},
    ),
    "channels_first_to_last": (jnp.moveaxis(X, -1, 1), KERNEL, {"axes": ("NCHW", "HWIO", "NHWC")}),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_problems(name: str) -> None:
    x, kernel, options = PROBLEMS[name]
    like = jax.eval_shape(lambda x, kernel: conv(x, kernel, **options), x, kernel)
    axis = options.get("axes", NHWC)[2].index("C")
    shape = [1] * 4
    shape[axis] = like.shape[axis]
    gain, bias, other = numbers(*shape, seed=5), numbers(*shape, seed=6), numbers(*like.shape)

    def function(x: Any, kernel: Any) -> Any:
        return jax.nn.relu(conv(x, kernel, **options) * gain + bias + other)

    assert joined(function, x, kernel) == [("factor", "offset", "residual", "bounds")]
    same(function, x, kernel)
    text = jax.jit(fuse(function)).lower(x, kernel).as_text()
    assert ("jaxcnn_completed" in text) == (not compiler.native().reason)


@pytest.mark.parametrize("rank", [1, 3])
def test_ranks(rank: int) -> None:
    x, kernel = numbers(2, *[7] * rank, 5), numbers(*[3] * rank, 5, 8)
    op = {1: jc.conv1d, 3: jc.conv3d}[rank]

    def function(x: Any, kernel: Any) -> Any:
        return jax.nn.relu(op(x, kernel, FLAT[:8]))

    assert joined(function, x, kernel) == [("offset", "bounds")]
    same(function, x, kernel)


def test_transposed() -> None:
    def function(x: Any, kernel: Any) -> Any:
        return jax.nn.relu(jc.conv_transpose2d(x, kernel, stride=2) + BIAS)

    assert joined(function, X, KERNEL) == [("offset", "bounds")]
    same(function, X, KERNEL)


def test_two_convolutions_that_are_added() -> None:
    """The sum belongs to one of them, and the other is what is added."""

    def function(x: Any, kernel: Any) -> Any:
        short = conv(x, kernel[:1, :1]) * GAIN
        return jax.nn.relu(conv(x, kernel) + BIAS + short)

    assert sorted(joined(function, X, KERNEL)) == [
        ("factor",),
        ("offset", "residual", "bounds"),
    ] or sorted(joined(function, X, KERNEL)) == [("factor", "residual", "bounds"), ("offset",)]
    same(function, X, KERNEL)


def test_what_others_read_is_left_alone() -> None:
    def function(x: Any, kernel: Any) -> Any:
        y = conv(x, kernel)
        z = y + BIAS
        return jnp.stack([jax.nn.relu(z), z])

    assert joined(function, X, KERNEL) == [("offset",)]
    same(function, X, KERNEL)
    results = jax.jit(fuse(lambda x, kernel: (y := conv(x, kernel), y + BIAS)))(X, KERNEL)
    np.testing.assert_array_equal(results[1], results[0] + BIAS)


def test_nan_and_infinity_pass() -> None:
    x = X.at[0, 4, 4, 0].set(jnp.nan)

    def function(x: Any, kernel: Any) -> Any:
        return jax.nn.relu6(conv(x, kernel) + BIAS)

    wanted, got = function(x, KERNEL), jax.jit(fuse(function))(x, KERNEL)
    # Native code may carry a NaN to neighbours (docs/performance.md), and never loses one.
    assert bool(jnp.isnan(got[jnp.isnan(wanted)]).all())
    assert bool(jnp.isnan(got).any())
    np.testing.assert_allclose(got[1], wanted[1], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", ["relu", "residual", "own"])
def test_derivatives(name: str) -> None:
    follow = FOLLOWED[name][0]

    def function(x: Any, kernel: Any) -> Any:
        return follow(conv(x, kernel))

    def loss(f: Any) -> Any:
        return jax.jit(jax.grad(lambda x, kernel: (f(x, kernel) ** 2).sum(), (0, 1)))

    for got, want in zip(loss(fuse(function))(X, KERNEL), loss(function)(X, KERNEL), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4 * np.abs(want).max())
    tangents = (numbers(*X.shape, seed=7), numbers(*KERNEL.shape, seed=8))
    got, want = (jax.jvp(f, (X, KERNEL), tangents)[1] for f in (fuse(function), function))
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4 * np.abs(want).max())


BOUNDS = {
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "maximum": lambda y: jnp.maximum(y, 0.0),
    "clip": lambda y: jnp.clip(y, 0.0, 6.0),
    "below": lambda y: jnp.where(y < 0, 0.0, y),
    "at": lambda y: jnp.where(y <= 0, 0.0, y),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_at_a_bound_the_derivative_is_that_of_the_function(name: str) -> None:
    def function(kernel: Any) -> Any:
        return BOUNDS[name](conv(X, kernel) + 0 * BIAS)

    zeros = jnp.zeros_like(KERNEL)
    assert joined(function, zeros) == [("offset", "bounds")] or name != "relu"
    got, want = (jax.grad(lambda k, f=f: f(k).sum())(zeros) for f in (fuse(function), function))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-4)


def test_derivatives_of_the_users_own_stay() -> None:
    @jax.custom_jvp
    def straight_through(y: Any) -> Any:
        return jnp.maximum(y, 0.0)

    straight_through.defjvp(lambda primals, tangents: (jnp.maximum(primals[0], 0.0), tangents[0]))

    @jax.custom_jvp
    def turned(y: Any) -> Any:
        return y

    turned.defjvp(lambda primals, tangents: (primals[0], -tangents[0]))

    def function(x: Any) -> Any:
        return straight_through(conv(x, KERNEL) + BIAS)

    assert joined(function, X) == [("offset", "bounds")]
    for each in (function, lambda x: turned(conv(x, KERNEL)) * 2, lambda x: turned(x) * 2):
        got, want = (jax.grad(lambda x, f=f: f(x).sum())(X) for f in (fuse(each), each))
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-3)


def test_bounds_of_other_types() -> None:
    """A bound is taken as it was converted."""

    def function(x: Any) -> Any:
        bound = jnp.full((2, 9, 8, 32), 2.7).astype(jnp.int32).astype(jnp.float32)
        return jnp.maximum(conv(x, KERNEL), bound)

    assert joined(function, X) == [("bounds",)]
    same(function, X)


def test_vectorized() -> None:
    def function(x: Any, kernel: Any) -> Any:
        return jax.nn.relu(conv(x, kernel) * GAIN + BIAS)

    many = jnp.stack([KERNEL, -KERNEL])
    got, want = (jax.vmap(f, (None, 0))(X, many) for f in (fuse(function), function))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", PROBLEMS)
def test_prepared(name: str) -> None:
    """Packed kernels give the same bits."""
    x, kernel, options = PROBLEMS[name]
    axis = options.get("axes", NHWC)[2].index("C")

    def function(kernel: Any, x: Any) -> Any:
        y = conv(x, kernel, **options)
        shape = [1] * 4
        shape[axis] = y.shape[axis]
        return jax.nn.relu(
            y * numbers(*shape, seed=5) + numbers(*shape, seed=6) + numbers(*y.shape)
        )

    fused = fuse(function)
    prepared = prepare(fused, kernel)
    np.testing.assert_array_equal(prepared(x), jax.jit(fused)(kernel, x))
    follow = fuse(lambda kernel, x: jax.nn.relu6(conv(x, kernel, **options)))
    prepared = prepare(follow, kernel)
    np.testing.assert_array_equal(prepared(x), jax.jit(follow)(kernel, x))
    packed = jax.jit(prepared).lower(x).as_text()
    assert ("order = 2" in packed) == (not compiler.native().reason)
    want = jax.jit(jax.grad(lambda x: (follow(kernel, x) ** 2).sum()))(x)
    got = jax.jit(jax.grad(lambda x: (prepared(x) ** 2).sum()))(x)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * np.abs(want).max())
    both = jax.vmap(prepared)(jnp.stack([x, x]))
    np.testing.assert_allclose(both[1], prepared(x), rtol=1e-5, atol=1e-4)
