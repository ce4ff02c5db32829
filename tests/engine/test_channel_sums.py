"""Sums over all axes but the channels: native code beside JAX's own operations and exact sums."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core

from jaxcnn.engine import OPEN, channel_moments, channel_spread, channel_sums, compiler
from jaxcnn.engine.channel_sums import moments, spread, sums

SHAPES = [(5, 3), (2, 3, 3, 1), (40, 28, 28, 3), (130, 7, 17), (3, 5, 5, 16), (9, 11, 700)]
"""Fewer channels than a vector has numbers, as many, and more; one block, and several."""

BOUNDS = [OPEN, (0.0, float("inf")), (0.0, 0.5), (float("-inf"), 0.1)]


def _numbers(shape: tuple[int, ...], axes: tuple[int, ...], seed: int = 0) -> list[Any]:
    """``t``, ``x``, ``shift``, ``factor`` and ``offset``."""
    rng = np.random.default_rng(seed)
    small = [1 if axis in axes else n for axis, n in enumerate(shape)]
    sizes = [shape, shape, small, small, small]
    return [jnp.asarray(rng.standard_normal(size) + 0.3, jnp.float32) for size in sizes]


def _exact(numbers: Any, axes: tuple[int, ...], low: float, high: float) -> list[np.ndarray]:
    t, x, shift, factor, offset = (np.asarray(n, np.float64) for n in numbers)
    z = (x - shift) * factor + offset
    let = np.where((z > low) & (z < high), t, 0)
    return [let.sum(axes, keepdims=True), (let * (x - shift)).sum(axes, keepdims=True)]


def _calls_native(function: Any, *operands: Any) -> bool:
    return "custom_call" in jax.jit(function).lower(*operands).as_text()


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_sums(shape: tuple[int, ...], bounds: tuple[float, float]) -> None:
    axes = tuple(range(len(shape) - 1))
    numbers = _numbers(shape, axes)
    call = functools.partial(channel_sums, axes=axes, low=bounds[0], high=bounds[1])
    assert _calls_native(call, *numbers) == (not compiler.native().reason)
    size = np.sqrt(np.prod(shape[:-1]))
    for got, want in zip(call(*numbers), _exact(numbers, axes, *bounds), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6 * size)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mean", [0.0, 1e4])
def test_moments(shape: tuple[int, ...], mean: float) -> None:
    axes = tuple(range(len(shape) - 1))
    x = jnp.asarray(mean + np.random.default_rng(1).standard_normal(shape), jnp.float32)
    assert _calls_native(functools.partial(channel_moments, axes=axes), x) == (
        not compiler.native().reason
    )
    shift, rest, variance = channel_moments(x, axes=axes)
    exact = np.asarray(x, np.float64)
    found = np.asarray(shift, np.float64) + rest
    np.testing.assert_allclose(found, exact.mean(axes, keepdims=True), rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(variance, exact.var(axes, keepdims=True), rtol=3e-6)


def test_moments_of_equal_of_huge_and_of_missing_numbers() -> None:
    x = jnp.full((40, 9, 9, 3), 0.1).at[..., 1].multiply(1e30).at[3, 2, 1, 2].set(jnp.nan)
    x = x.at[:20, ..., 1].multiply(-1)
    shift, rest, variance = (np.ravel(part) for part in channel_moments(x, axes=(0, 1, 2)))
    np.testing.assert_allclose(shift[0] + rest[0], 0.1, rtol=1e-6)
    assert 0 <= variance[0] < 1e-14
    assert variance[1] == np.inf
    assert np.isnan([shift[2], variance[2]]).all()


def test_batches_of_batches() -> None:
    """`jax.vmap`, also of what lies on other axes, gives what single calls give."""
    t, x, *small = _numbers((6, 50, 40, 5), (1, 2))
    every = {"axes": (1, 2), "low": -1.0, "high": 1.0}
    each = {**every, "axes": (0, 1)}
    want = channel_sums(t, x, *small, **every)
    for a, b in zip(want, _exact((t, x, *small), (1, 2), -1.0, 1.0), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4)
    moved = jnp.moveaxis(x, 0, 2)
    got = jax.vmap(functools.partial(channel_sums, **each), in_axes=(0, 2, 0, 0, 0))(
        t, moved, *small
    )
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)
    one = jax.vmap(functools.partial(channel_moments, axes=(0, 1)))(x)
    for a, b in zip(one, channel_moments(x, axes=(1, 2)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("bounds", BOUNDS[:2])
def test_derivatives_are_those_of_the_portable_sums(bounds: tuple[float, float]) -> None:
    """First and second ones, forwards and backwards, in every operand."""
    numbers = _numbers((4, 5, 6, 3), (0, 1, 2))
    changes = _numbers((4, 5, 6, 3), (0, 1, 2), seed=2)
    options = {"axes": (0, 1, 2), "low": bounds[0], "high": bounds[1]}

    def results(function: Any) -> Any:
        def scalar(*operands: Any) -> Any:
            one, other = function(*operands, **options)
            return jnp.sum(jnp.sin(one) + jnp.cos(other) * one)

        every = tuple(range(5))
        gradient = jax.grad(scalar, every)
        return (
            gradient(*numbers),
            jax.jvp(gradient, tuple(numbers), tuple(changes)),
            jax.grad(lambda *a: sum(jnp.sum(g**2) for g in gradient(*a)), every)(*numbers),
        )

    got, want = results(channel_sums), results(sums.portable)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        scale = float(jnp.abs(b).max())
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4 * scale)


def test_each_is_the_transpose_of_the_other() -> None:
    t, *fixed = _numbers((4, 5, 3), (0, 1))
    options = {"axes": (0, 1), "low": 0.0, "high": 1.0}
    back = jax.linear_transpose(lambda t: channel_sums(t, *fixed, **options), t)
    whole, along = channel_sums(t, *fixed, **options)
    np.testing.assert_allclose(
        back([whole, along])[0], channel_spread(whole, along, *fixed, **options), rtol=1e-6
    )
    program = jax.make_jaxpr(lambda *c: back(list(c)))(whole, along)
    assert _primitives(program) >= {spread.primitive.name}


def _primitives(program: core.ClosedJaxpr) -> set[str]:
    return {equation.primitive.name for equation in program.jaxpr.eqns}


def test_other_dtypes_and_axes_are_summed_by_jax() -> None:
    ones = jnp.ones((4, 5, 3))
    halves, empty = ones.astype(jnp.bfloat16), ones[:0]
    for x, axes in ((halves, (0, 1)), (ones, (1, 2)), (ones, (0,)), (empty, (0, 1))):
        assert not _calls_native(functools.partial(moments, axes=axes), x)
