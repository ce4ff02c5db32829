"""`dropout` and `channel_dropout`."""

import math
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc
from tests.ops.properties import strictly

key = jax.random.key(7)
images = jnp.ones((2, 3, 3, 4))

REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "key kind": (
        lambda: jc.dropout(0, images, rate=0.5),
        TypeError,
        "dropout: `key` must be one random key, got int",
    ),
    "key and x exchanged": (
        lambda: jc.dropout(images, key, rate=0.5),
        TypeError,
        "dropout: `key` must be one random key, got an array of float32 and shape (2, 3, 3, 4)",
    ),
    "several keys": (
        lambda: jc.dropout(jax.random.split(key, 3), images, rate=0.5),
        TypeError,
        "dropout: `key` must be one random key, got an array of key<fry> and shape (3,)",
    ),
    "several raw keys": (
        lambda: jc.channel_dropout(jnp.zeros((3, 2), jnp.uint32), images, rate=0.5),
        TypeError,
        "channel_dropout: `key` must be one random key, got an array of uint32 and shape (3, 2)",
    ),
    "x kind": (
        lambda: jc.dropout(key, 1.0, rate=0.5),
        TypeError,
        "dropout: `x` must be an array, got float",
    ),
    "integers": (
        lambda: jc.dropout(key, images.astype(int), rate=0.5),
        TypeError,
        "dropout: `x` must be floating point, got int32; `x.astype(jnp.float32)` makes them real",
    ),
    "rate below": (
        lambda: jc.dropout(key, images, rate=-0.1),
        ValueError,
        "dropout: `rate` must be a finite number in [0, 1], got -0.1",
    ),
    "rate above": (
        lambda: jc.channel_dropout(key, images, rate=1.5),
        ValueError,
        "channel_dropout: `rate` must be a finite number in [0, 1], got 1.5",
    ),
    "rate nan": (
        lambda: jc.dropout(key, images, rate=math.nan),
        ValueError,
        "dropout: `rate` must be a finite number in [0, 1], got nan",
    ),
    "rate kind": (
        lambda: jc.dropout(key, images, rate="half"),
        TypeError,
        "dropout: `rate` must be a real number, got 'half'",
    ),
    "rate bool": (
        lambda: jc.dropout(key, images, rate=True),
        TypeError,
        "dropout: `rate` must be a real number, got True",
    ),
    "rank": (
        lambda: jc.channel_dropout(key, jnp.ones((2, 3)), rate=0.5),
        ValueError,
        "channel_dropout: `x` must have a batch axis, 1 to 3 spatial axes and a channel axis, "
        "got 2 axes",
    ),
    "layout": (
        lambda: jc.channel_dropout(key, images, rate=0.5, layout="NWC"),
        ValueError,
        "channel_dropout: `layout` must be one of ('NHWC', 'NCHW'), got 'NWC'",
    ),
}


@pytest.mark.parametrize("label", REFUSED)
def test_refuses(label: str) -> None:
    call, error, message = REFUSED[label]
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_rate_is_the_share_dropped(rate: float) -> None:
    count = 100_000
    y = np.asarray(jc.dropout(key, jnp.ones(count), rate=rate), np.float64)
    deviation = math.sqrt(rate * (1 - rate) / count)
    assert abs((y == 0).mean() - rate) < 4 * deviation
    assert abs(y.mean() - 1) < 4 * deviation / (1 - rate)
    np.testing.assert_allclose(y[y != 0], 1 / (1 - rate), rtol=1e-6)
    # Neighbours are dropped independently of each other.
    both = ((y[1:] == 0) & (y[:-1] == 0)).mean()
    assert abs(both - rate**2) < 5 * math.sqrt(rate**2 / count)


@pytest.mark.parametrize("rate", [0.25, 0.75])
def test_channels_are_dropped_whole_and_each_by_itself(rate: float) -> None:
    n, c = 200, 100
    y = np.asarray(jc.channel_dropout(key, jnp.ones((n, 2, 3, c)), rate=rate))
    assert (y == y[:, :1, :1]).all()
    dropped = y[:, 0, 0] == 0
    assert abs(dropped.mean() - rate) < 4 * math.sqrt(rate * (1 - rate) / dropped.size)
    # The share is that of every example and of every channel, not of the whole alone.
    assert np.abs(dropped.mean(0) - rate).max() < 5 * math.sqrt(rate * (1 - rate) / n)
    assert np.abs(dropped.mean(1) - rate).max() < 5 * math.sqrt(rate * (1 - rate) / c)


def test_the_gradient_is_the_mask_over_the_share_kept() -> None:
    x = jnp.asarray(np.random.default_rng(0).standard_normal((40, 5)), jnp.float32)
    mask = jc.dropout(key, x, rate=0.3) != 0
    assert 0 < mask.sum() < mask.size
    gradient = jax.grad(lambda x: jc.dropout(key, x, rate=0.3).sum())(x)
    np.testing.assert_allclose(gradient, np.where(mask, 1 / 0.7, 0), rtol=1e-6)
    np.testing.assert_allclose(jc.dropout(key, x, rate=0.3), x * gradient, rtol=1e-6)


@pytest.mark.parametrize("op", [jc.dropout, jc.channel_dropout])
def test_nothing_and_everything_dropped(op: Callable[..., Any]) -> None:
    x = jnp.array([1.0, jnp.inf, jnp.nan, -2.0]).reshape(1, 2, 2)
    np.testing.assert_array_equal(op(key, x, rate=0), x)
    np.testing.assert_array_equal(op(key, x, rate=1), jnp.zeros_like(x))
    for rate in (0, 1):
        slope = jax.grad(lambda x, rate=rate: op(key, x, rate=rate).sum())(x)
        np.testing.assert_array_equal(slope, np.full(x.shape, 1.0 - rate))


def test_dropped_infinities_are_zeros() -> None:
    y = jc.dropout(key, jnp.full(100, jnp.inf), rate=0.5)
    assert set(np.unique(y)) == {0.0, np.inf}


def test_a_key_means_one_mask() -> None:
    x = jnp.ones((8, 8))
    once, again = (np.asarray(jc.dropout(key, x, rate=0.5)) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert (once != jc.dropout(jax.random.key(8), x, rate=0.5)).any()
    np.testing.assert_array_equal(once, jc.dropout(jax.random.key_data(key), x, rate=0.5))
    for dtype in (jnp.bfloat16, jnp.float16):
        np.testing.assert_array_equal(once, jc.dropout(key, x.astype(dtype), rate=0.5))
    with strictly(x64=True):
        np.testing.assert_array_equal(once, jc.dropout(key, jnp.ones((8, 8)), rate=0.5))


def test_layouts_drop_the_same_channels() -> None:
    x = jnp.asarray(np.random.default_rng(1).standard_normal((4, 3, 2, 5)), jnp.float32)
    last = jc.channel_dropout(key, x, rate=0.5)
    first = jc.channel_dropout(key, jnp.moveaxis(x, -1, 1), rate=0.5, layout="NCHW")
    np.testing.assert_array_equal(jnp.moveaxis(first, 1, -1), last)


def test_mapped_keys_drop_differently() -> None:
    keys = jax.random.split(key, 3)
    y = jax.vmap(lambda k: jc.dropout(k, jnp.ones(50), rate=0.5))(keys)
    want = [jc.dropout(k, jnp.ones(50), rate=0.5) for k in keys]
    np.testing.assert_array_equal(y, np.stack(want))
    assert (y[0] != y[1]).any()


def test_other_generators_have_keys_too() -> None:
    for implementation in ("rbg", "unsafe_rbg"):
        other = jax.random.key(0, impl=implementation)
        y = jc.dropout(other, jnp.ones(1000), rate=0.5)
        assert 400 < (y == 0).sum() < 600
        np.testing.assert_array_equal(
            y,
            jc.dropout(
                jax.random.wrap_key_data(jax.random.key_data(other), impl=implementation),
                jnp.ones(1000),
                rate=0.5,
            ),
        )


def test_halves_are_scaled_in_float32() -> None:
    x = jnp.asarray(np.random.default_rng(2).standard_normal(500), jnp.bfloat16)
    y = jc.dropout(key, x, rate=0.1)
    want = (x.astype(jnp.float32) / 0.9).astype(jnp.bfloat16)
    np.testing.assert_array_equal(y[y != 0], want[y != 0])
