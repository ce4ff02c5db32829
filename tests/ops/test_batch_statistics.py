"""`batch_norm`: its statistics, alone and over several devices."""

import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc
from jaxcnn.reference.normalization import batch_norm as reference
from tests.ops.properties import strictly

ROOT = pathlib.Path(__file__).parents[2]

images = jnp.ones((2, 3, 3, 4))
four, ones = jnp.zeros(4), jnp.ones(4)


def _norm(
    x: Any = images, mean: Any = four, variance: Any = ones, *rest: Any, **options: Any
) -> Any:
    return jc.batch_norm(x, mean, variance, *rest, **{"train": True, **options})


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "integers": (
        lambda: _norm(images.astype(int)),
        TypeError,
        "batch_norm: `x` must be floating point, got int32; `x.astype(jnp.float32)` makes them real",
    ),
    "list": (lambda: _norm([[1.0]]), TypeError, "batch_norm: `x` must be an array, got list"),
    "rank": (
        lambda: _norm(ones),
        ValueError,
        "batch_norm: `x` must have a batch axis, 1 to 3 spatial axes and a channel axis, "
        "got 1 axes",
    ),
    "layout": (
        lambda: _norm(layout="NHCW"),
        ValueError,
        "batch_norm: `layout` must be one of ('NHWC', 'NCHW'), got 'NHCW'",
    ),
    "layout of vectors": (
        lambda: _norm(jnp.ones((2, 4)), layout="NCHW"),
        ValueError,
        "batch_norm: `layout` must be 'NC' for an `x` of 2 axes, got 'NCHW'",
    ),
    "mean kind": (
        lambda: _norm(images, 0.0),
        TypeError,
        "batch_norm: `mean` must be an array, got float",
    ),
    "mean shape": (
        lambda: _norm(layout="NCHW"),
        ValueError,
        "batch_norm: `mean` must have shape (3,) for an `x` of shape (2, 3, 3, 4), got (4,)",
    ),
    "variance shape": (
        lambda: _norm(images, four, jnp.ones((4, 1))),
        ValueError,
        "batch_norm: `variance` must have shape (4,) for an `x` of shape (2, 3, 3, 4), got (4, 1)",
    ),
    "variance dtype": (
        lambda: _norm(images, four, ones.astype(jnp.float16)),
        TypeError,
        "batch_norm: `variance` must be float32 for an `x` of float32, got float16",
    ),
    "scale": (
        lambda: _norm(images, four, ones, jnp.ones(3)),
        ValueError,
        "batch_norm: `scale` must have shape (4,) for an `x` of shape (2, 3, 3, 4), got (3,)",
    ),
    "bias": (
        lambda: _norm(images, four, ones, None, jnp.ones(4, int)),
        TypeError,
        "batch_norm: `bias` must be float32 for an `x` of float32, got int32",
    ),
    "train": (lambda: _norm(train=1), TypeError, "batch_norm: `train` must be a bool, got 1"),
    "momentum": (
        lambda: _norm(momentum=1.1),
        ValueError,
        "batch_norm: `momentum` must be a finite number in [0, 1], got 1.1",
    ),
    "momentum kind": (
        lambda: _norm(momentum=None),
        TypeError,
        "batch_norm: `momentum` must be a real number, got None",
    ),
    "epsilon": (
        lambda: _norm(epsilon=-1e-5, train=False),
        ValueError,
        "batch_norm: `epsilon` must be a finite number in [0, inf], got -1e-05",
    ),
    "epsilon in training": (
        lambda: _norm(epsilon=0),
        ValueError,
        "batch_norm: `epsilon` must be positive in training, got 0",
    ),
    "one value": (
        lambda: _norm(jnp.ones((1, 1, 1, 4))),
        ValueError,
        "batch_norm: training needs more than 1 value per channel, got `x` of shape "
        "(1, 1, 1, 4) (layout NHWC)",
    ),
}


@pytest.mark.parametrize("label", REFUSED)
def test_refuses(label: str) -> None:
    call, error, message = REFUSED[label]
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


ACTIVE_REFUSED: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "list": (
        [[1.0]],
        {"residual": images},
        TypeError,
        "batch_norm_activation: `x` must be an array, got list",
    ),
    "residual's shape": (
        images,
        {"residual": images[:1]},
        ValueError,
        "batch_norm_activation: `residual` must have shape (2, 3, 3, 4) for an `x` of shape "
        "(2, 3, 3, 4), got (1, 3, 3, 4)",
    ),
    "residual's dtype": (
        images.astype(jnp.bfloat16),
        {"residual": images},
        TypeError,
        "batch_norm_activation: `residual` must be bfloat16 for an `x` of bfloat16, got float32",
    ),
    "activation": (
        images,
        {"activation": "silu"},
        ValueError,
        "batch_norm_activation: `activation` must be one of ('relu', 'relu6'), got 'silu'",
    ),
}


@pytest.mark.parametrize("label", ACTIVE_REFUSED)
def test_with_an_activation_refuses(label: str) -> None:
    x, options, error, message = ACTIVE_REFUSED[label]
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        jc.batch_norm_activation(x, four, ones, train=True, **options)


def test_train_has_no_default_and_is_no_array() -> None:
    with pytest.raises(TypeError, match="required keyword-only argument: 'train'"):
        jc.batch_norm(images, four, ones)
    with pytest.raises(TypeError, match="batch_norm: `train` must be a bool, got"):
        jax.jit(lambda train: _norm(train=train))(True)


def test_refuses_an_axis_that_is_not_mapped() -> None:
    with pytest.raises(NameError, match="devices"):
        _norm(axis_name="devices")


def test_evaluation_takes_what_training_refuses() -> None:
    one = jnp.full((1, 1, 1, 4), 3.0)
    y, (mean, variance) = _norm(one, ones, ones * 4, train=False, epsilon=0, axis_name="unused")
    np.testing.assert_array_equal(y, np.ones((1, 1, 1, 4)))
    np.testing.assert_array_equal([mean, variance], [np.ones(4), np.full(4, 4)])


def test_plain_vectors() -> None:
    rng = np.random.default_rng(0)
    x, mean, scale, bias = rng.standard_normal((4, 5, 3))
    variance = np.ones(3)
    for train in (True, False):
        want = reference(x, mean[0], variance, scale[0], bias[0], train=train)
        for layout in (None, "NC"):
            with strictly(x64=True):
                got = jc.batch_norm(
                    x, mean[0], variance, scale[0], bias[0], train=train, layout=layout
                )
            for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_a_large_mean_costs_no_digits() -> None:
    x = (1e4 + np.random.default_rng(1).standard_normal((64, 28, 28, 3))).astype(np.float32)
    y, (mean, variance) = jc.batch_norm(x, jnp.zeros(3), jnp.ones(3), train=True, momentum=1.0)
    exact, (exact_mean, exact_variance) = reference(
        x, np.zeros(3), np.ones(3), train=True, momentum=1.0
    )
    np.testing.assert_allclose(y, exact, atol=5e-6)
    np.testing.assert_allclose(mean, exact_mean, rtol=2e-7)
    np.testing.assert_allclose(variance, exact_variance, rtol=2e-6)


def test_many_steps_reach_the_statistics_of_the_data() -> None:
    rng = np.random.default_rng(2)
    batches = jnp.asarray(rng.normal(3.0, 2.0, (300, 8, 5, 2)), jnp.float32)

    def step(running: Any, x: Any) -> tuple[Any, None]:
        return jc.batch_norm(x, *running, train=True)[1], None

    (mean, variance), _ = jax.lax.scan(step, (jnp.zeros(2), jnp.ones(2)), batches)
    np.testing.assert_allclose(mean, 3.0, atol=0.3)
    np.testing.assert_allclose(variance, 4.0, atol=0.6)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_halves_may_keep_their_statistics_in_float32(dtype: Any) -> None:
    rng = np.random.default_rng(3)
    x = jnp.asarray(rng.standard_normal((4, 3, 2)), dtype)
    rest = [jnp.asarray(rng.uniform(0.5, 1.5, 2), jnp.float32) for _ in range(4)]
    for train in (True, False):
        with strictly(x64=False):
            y, statistics = jc.batch_norm(x, *rest, train=train)
            wide, wide_statistics = jc.batch_norm(x.astype(jnp.float32), *rest, train=train)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, wide.astype(dtype))
        np.testing.assert_array_equal(statistics, wide_statistics)
    # Any mix of the two widths, each kept.
    mean, variance, scale, bias = rest
    with strictly(x64=False):
        y, (mean, variance) = jc.batch_norm(
            x, mean, variance.astype(dtype), scale.astype(dtype), bias, train=True
        )
    assert (y.dtype, mean.dtype, variance.dtype) == (dtype, jnp.float32, dtype)


def test_an_empty_batch_updates_nothing() -> None:
    mean, variance = jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0])
    for shape in ((0, 3, 3, 2), (2, 0, 3, 2)):
        y, statistics = jc.batch_norm(jnp.zeros(shape), mean, variance, train=True)
        assert y.shape == shape
        np.testing.assert_array_equal(statistics, [mean, variance])


def _energy(x: Any, scale: Any, **options: Any) -> Any:
    """(A curved scalar, everything returned), the scalar of this device's part of the batch."""
    mean, variance = jnp.array([0.5, -1.0]), jnp.array([2.0, 0.25])
    y, statistics = jc.batch_norm(x, mean, variance, scale, train=True, **options)
    return jnp.sum(jnp.sin(y) * jnp.cos(x)), (y, statistics)


@pytest.mark.slow
def test_mapped_parts_share_the_statistics_of_the_whole() -> None:
    rng = np.random.default_rng(4)
    with strictly(x64=True):
        x, scale = jnp.asarray(rng.standard_normal((6, 3, 2))), jnp.array([1.5, -0.5])
        (_, (y, statistics)), gradient = jax.value_and_grad(_energy, has_aux=True)(x, scale)

        def total(x: Any, options: Any) -> Any:
            values, results = jax.vmap(lambda x: _energy(x, scale, **options), axis_name="devices")(
                x
            )
            return values.sum(), results

        parts = x.reshape(3, 2, 3, 2)
        (_, (got, shared)), got_gradient = jax.value_and_grad(total, has_aux=True)(
            parts, {"axis_name": "devices"}
        )
    np.testing.assert_allclose(got.reshape(y.shape), y, rtol=1e-12)
    for one, every in zip(statistics, shared, strict=True):
        np.testing.assert_allclose(every, np.stack([one] * 3), rtol=1e-12)
    np.testing.assert_allclose(got_gradient.reshape(x.shape), gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.slow
def test_statistics_over_two_mapped_axes() -> None:
    x = jnp.asarray(np.random.default_rng(5).standard_normal((2, 3, 1, 2)), jnp.float32)

    def norm(x: Any) -> Any:
        # One value per channel on each device is enough: there are six together.
        return jc.batch_norm(x, jnp.zeros(2), jnp.ones(2), train=True, axis_name=("i", "j"))

    y, statistics = jax.vmap(jax.vmap(norm, axis_name="j"), axis_name="i")(x)
    want, whole = jc.batch_norm(x.reshape(6, 2), jnp.zeros(2), jnp.ones(2), train=True)
    np.testing.assert_allclose(y.reshape(6, 2), want, rtol=1e-5, atol=1e-6)
    for every, one in zip(statistics, whole, strict=True):
        np.testing.assert_allclose(every, np.broadcast_to(one, (2, 3, 2)), rtol=1e-6)


def test_one_value_over_all_devices_is_refused() -> None:
    with pytest.raises(ValueError, match="training needs more than 1 value per channel"):
        jax.vmap(lambda x: _norm(x, axis_name="i"), axis_name="i")(jnp.ones((1, 1, 4)))


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P
import jaxcnn as jc

assert len(jax.devices()) == 8
mesh = jax.make_mesh((4, 2), ("batch", "width"), axis_types=(jax.sharding.AxisType.Auto,) * 2)
where = P("batch", None, "width")
rng = np.random.default_rng(6)
x = jnp.asarray(1e3 + rng.standard_normal((8, 3, 4, 2)), jnp.float32)
weights = jnp.asarray(rng.standard_normal(x.shape), jnp.float32)
parameters = tuple(jnp.asarray(rng.uniform(0.5, 1.5, 2), jnp.float32) for _ in range(4))

def norm(axis_name):
    return lambda x, p: jc.batch_norm(x, *p, train=True, axis_name=axis_name)

def results(norm):
    def energy(x, p):
        y, statistics = norm(x, p)
        return jnp.sum(y * weights) + jnp.sum(jnp.stack(statistics)), (y, statistics)
    return jax.jit(jax.value_and_grad(energy, (0, 1), has_aux=True))

want = results(norm(None))(x, parameters)
mapped = jax.shard_map(
    norm(("batch", "width")), mesh=mesh, in_specs=(where, P()), out_specs=(where, P())
)
sharded = jax.device_put(x, NamedSharding(mesh, where))
for got in (results(mapped)(x, parameters), results(norm(None))(sharded, parameters)):
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)
alone = jax.shard_map(norm("batch"), mesh=mesh, in_specs=(where, P()),
                      out_specs=(where, P("width")))(x, parameters)
assert np.abs(alone[0] - want[0][1][0]).max() > 1e-2, "each column has its own statistics"
"""


@pytest.mark.slow
def test_shards_share_the_statistics_of_the_whole() -> None:
    """Eight devices, a shard each: as mapped functions, and as one array under `jax.jit`."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", SHARDED],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-3000:]
