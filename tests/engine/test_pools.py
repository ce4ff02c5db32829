"""Pools by native code beside a plain loop, and where native code is not used."""

import functools
import subprocess
import sys

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import engine
from jaxcnn.engine import compiler

DEPTHS = (1, 3, 4, 6, 16, 20, 70, 150)


def random_pool(rng):
    """Windows of any kind, and numbers with equals, infinities and NaNs among them."""
    rank = int(rng.integers(1, 4))
    ints = lambda low, high: tuple(int(n) for n in rng.integers(low, high, rank))  # noqa: E731
    sizes, size, stride = ints(1, 9), ints(1, 4), ints(1, 4)
    dilation, low, high = ints(1, 3), ints(0, 3), ints(0, 3)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, size, strict=True)]
    count = tuple(
        max(1, (n + a + b - r) // s + 1)
        for n, a, b, r, s in zip(sizes, low, high, reach, stride, strict=True)
    )
    channels, last = int(rng.choice(DEPTHS)), rng.random() < 0.7
    shape = (2, *sizes, channels) if last else (2, channels, *sizes)
    first = 1 if last else 2
    axes = tuple(range(first, first + rank))
    x = rng.integers(-3, 3, shape).astype(np.float32)
    x[rng.random(shape) < rng.choice([0, 0.2])] = np.nan
    x[rng.random(shape) < rng.choice([0, 0.3])] = -np.inf
    return engine.Windows(axes, sizes, size, stride, dilation, low, count), x


def places_of(window, windows):
    """The elements of a window that lie in the image."""
    for tap in np.ndindex(*windows.size):
        place = tuple(
            w * s - low + k * d
            for w, s, low, k, d in zip(
                window, windows.stride, windows.low, tap, windows.dilation, strict=True
            )
        )
        if all(0 <= p < n for p, n in zip(place, windows.sizes, strict=True)):
            yield place


def by_loop(x, t, windows):
    """The maxima, and what each window sends back."""
    first = windows.axes[0]
    x = np.moveaxis(x, windows.axes, range(len(windows.axes)))
    t = np.moveaxis(t, windows.axes, range(len(windows.axes)))
    y, dx = np.full(t.shape, -np.inf, np.float32), np.zeros(x.shape, np.float32)
    for window in np.ndindex(*windows.count):
        best, winner = np.full(x.shape[len(window) :], -np.inf, np.float32), {}
        for place in places_of(window, windows):
            better = (x[place] > best) | np.isnan(x[place]) if winner else True
            best = np.where(better, x[place], best)
            winner = {p: w & ~np.broadcast_to(better, w.shape) for p, w in winner.items()}
            winner[place] = np.broadcast_to(better, best.shape)
        y[window] = best
        for place, won in winner.items():
            dx[place] += np.where(won, t[window], 0)
    back = range(len(windows.axes)), range(first, first + len(windows.axes))
    return np.moveaxis(y, *back), np.moveaxis(dx, *back)


@pytest.mark.parametrize("native", ["native", "plain"])
@pytest.mark.parametrize("seed", range(25))
def test_equals_a_loop(seed, native, request):
    if native == "plain":
        request.getfixturevalue("plain")
    rng = np.random.default_rng(seed)
    windows, x = random_pool(rng)
    pool = functools.partial(engine.max_pool, windows=windows)
    t = rng.standard_normal(jax.eval_shape(pool, x).shape).astype(np.float32)
    y, back = jax.jit(lambda x, t: (pool(x), jax.vjp(pool, x)[1](t)[0]))(x, t)
    expected = by_loop(x, t, windows)
    np.testing.assert_array_equal(y, expected[0])
    np.testing.assert_allclose(back, expected[1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("native", ["native", "plain"])
@pytest.mark.parametrize("seed", range(10))
def test_sums_equal_a_loop(seed, native, request):
    if native == "plain":
        request.getfixturevalue("plain")
    rng = np.random.default_rng(seed)
    windows, x = random_pool(rng)
    x = np.where(np.isfinite(x), x, 0)
    pool = functools.partial(engine.sum_pool, windows=windows, dtype=jnp.float32)
    t = rng.integers(-3, 4, jax.eval_shape(pool, x).shape).astype(np.float32)
    y, pull = jax.vjp(jax.jit(pool), x)
    # A sum is linear: entry by entry its gradient is told by products with unit images.
    np.testing.assert_array_equal(y, summed(x, windows))
    (back,) = jax.jit(pull)(t)
    np.testing.assert_allclose(np.vdot(back, x), np.vdot(t, y), rtol=1e-5)
    for place in rng.integers(0, x.size, 20):
        unit = np.zeros(x.size, np.float32)
        unit[place] = 1
        assert back.ravel()[place] == np.vdot(t, summed(unit.reshape(x.shape), windows))


def summed(x, windows):
    """The sums, from a plain loop over the windows' elements."""
    x = np.moveaxis(x, windows.axes, range(len(windows.axes)))
    y = np.zeros((*windows.count, *x.shape[len(windows.count) :]), np.float32)
    for window in np.ndindex(*windows.count):
        y[window] = sum((x[place] for place in places_of(window, windows)), start=y[window])
    first = windows.axes[0]
    return np.moveaxis(y, range(len(windows.axes)), range(first, first + len(windows.axes)))


WINDOWS = engine.Windows((1, 2), (9, 9), (3, 3), (2, 2), (1, 1), (1, 1), (5, 5))
IMAGES = np.random.default_rng(0).standard_normal((2, 9, 9, 8)).astype(np.float32)


def squares(x):
    return (engine.max_pool(x, WINDOWS) ** 2).sum()


def calls(fn, *args):
    return jax.jit(fn).lower(*args).as_text().count("@jaxcnn_max_pool")


def test_native_code_is_used_where_it_is():
    native = not compiler.native().reason
    assert calls(jax.grad(squares), IMAGES) == (2 if native else 0)
    assert calls(jax.grad(squares), jnp.asarray(IMAGES, jnp.bfloat16)) == (2 if native else 0)
    # One channel at a time XLA is faster, and exported programs run elsewhere.
    planes = IMAGES[..., :1]
    assert calls(jax.grad(squares), planes) == 0
    text = jax.export.export(jax.jit(jax.grad(squares)), platforms=["cpu", "cuda"])(IMAGES)
    assert "@jaxcnn" not in text.mlir_module()


@pytest.mark.slow
def test_the_same_in_every_transform():
    """Forward over reverse, reverse over forward, and batched in and out."""
    direction = jnp.asarray(np.random.default_rng(1).standard_normal(IMAGES.shape), jnp.float32)
    gradient = jax.grad(squares)
    product = jax.jvp(gradient, (IMAGES,), (direction,))[1]
    again = jax.grad(lambda x: jnp.vdot(gradient(x), direction))(IMAGES)
    np.testing.assert_allclose(product, again, rtol=1e-5, atol=1e-5)
    each = jax.vmap(gradient)(jnp.stack([IMAGES, direction]))
    np.testing.assert_allclose(each[0], gradient(IMAGES), rtol=1e-6)
    np.testing.assert_allclose(each[1], gradient(direction), rtol=1e-6)
    last = jax.vmap(gradient, in_axes=-1, out_axes=-1)(jnp.stack([IMAGES, direction], -1))
    np.testing.assert_allclose(last[..., 1], each[1], rtol=1e-6)
    jacobian = jax.jacrev(lambda x: engine.max_pool(x, WINDOWS)[0, 0, 0])(IMAGES)
    np.testing.assert_array_equal(
        jacobian, jax.jacfwd(lambda x: engine.max_pool(x, WINDOWS)[0, 0, 0])(IMAGES)
    )


SHARDED = """
import os
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, PartitionSpec as P
import jaxcnn as jc
jax.set_mesh(jax.make_mesh((2,), ("d",), axis_types=(AxisType.Explicit,)))
x = np.random.default_rng(0).standard_normal((2, 9, 9, 8)).astype(np.float32)
for pool in (
    lambda x: jc.max_pool2d(x, 2),
    lambda x: jc.max_pool2d(x, 3, stride=2, padding=1),
    lambda x: jc.avg_pool2d(x, 3, stride=2),
):
    gradient = jax.jit(jax.grad(lambda x: (pool(x) ** 2).sum()))
    cut = gradient(jax.device_put(x, P("d")))
    np.testing.assert_allclose(cut, gradient(x), rtol=1e-6)
print("equal")
"""


@pytest.mark.slow
def test_images_with_explicit_sharding():
    done = subprocess.run(
        [sys.executable, "-c", SHARDED], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout == "equal\n", done.stderr
