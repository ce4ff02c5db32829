"""A batch in parts gives the gradient of the whole; a scaled loss neither vanishes nor stops."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxcnn.layers import BatchNorm, Conv2d, Dense, Flatten, GroupNorm, Sequential, mixed_precision
from jaxcnn.training import Batch, init_state, keys_of, make_train_step
from jaxcnn.training.gradient import Given, make_gradient
from jaxcnn.training.loss_scale import FIRST, PATIENCE, LossScale, next_scale
from jaxcnn.training.totals import NEVER

KEY = jax.random.key(0)


def network(norm):
    return Sequential(conv=Conv2d(4, 3), norm=norm, flat=Flatten(), dense=Dense(3))


def batch(count):
    rng = np.random.default_rng(1)
    images = jnp.asarray(rng.standard_normal((count, 5, 5, 2)))
    return Batch(images, jnp.asarray(rng.integers(0, 3, count), jnp.int32))


@pytest.mark.parametrize("at_most", [1, 2, 3, 5, 9, 10, 100])
def test_parts_give_the_gradient_of_the_whole(at_most):
    """In float64, for sizes that divide the batch and that do not."""
    with jax.enable_x64(True):
        model, examples = network(GroupNorm(2)), batch(10)
        params, state = model.init(KEY, (1, 5, 5, 2))
        params = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), params)
        given = Given(examples, jax.nn.one_hot(examples.labels, 3, dtype=jnp.float64), KEY)
        whole = make_gradient(model)(params, state, given, 1.0)
        parts = jax.jit(make_gradient(model, at_most=at_most))(params, state, given, 1.0)
        near = functools.partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-12)
        jax.tree.map(near, parts.grads, whole.grads)
        jax.tree.map(near, parts.totals, whole.totals)


def test_batch_norms_see_one_part_after_another():
    """The running statistics after two parts are those after two batches."""
    model, examples = network(BatchNorm()), batch(6)
    params, state = model.init(KEY, (1, 5, 5, 2))
    found = make_gradient(model, at_most=3)(params, state, Given(examples, None, KEY), 1.0)
    for start in (0, 1):
        _, state = model.apply(params, state, examples.images[start::2], train=True)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), found.model_state, state)


def test_each_part_draws_noise_of_its_own():
    def noisy(params, state, x, *, train=False, key=None):
        return jax.random.normal(key, (x.shape[0], 3)) * params["w"], state

    model = network(GroupNorm(2))._replace(init=lambda k, s: ({"w": jnp.ones(())}, {}), apply=noisy)
    losses = [
        float(make_gradient(model, at_most=n)({"w": jnp.ones(())}, {}, Given(batch(4), None, KEY), 1.0).totals.loss)
        for n in (4, 2, 1)
    ]  # fmt: skip
    assert len(set(losses)) == 3


def test_memory_is_that_of_a_part():
    model = Sequential(one=Conv2d(16, 3), two=Conv2d(16, 3), flat=Flatten(), dense=Dense(3))
    examples = single_precision(batch(4096))
    params, state = model.init(KEY, (1, 5, 5, 2))
    given = Given(examples, None, KEY)

    def needed(at_most):
        work = jax.jit(make_gradient(model, at_most=at_most))
        return work.lower(params, state, given, 1.0).compile().memory_analysis().temp_size_in_bytes

    assert needed(256) < needed(None) / 3


# --- A scaled loss ------------------------------------------------------------------------------


def test_the_scale_halves_after_an_overflow_and_doubles_after_many_finite_steps():
    now = LossScale(jnp.float32(8), jnp.int32(PATIENCE - 2))
    now = next_scale(now, jnp.array(True))
    assert (float(now.scale), int(now.finite)) == (8, PATIENCE - 1)
    now = next_scale(now, jnp.array(True))
    assert (float(now.scale), int(now.finite)) == (16, 0)
    now = next_scale(now, jnp.array(False))
    assert (float(now.scale), int(now.finite)) == (8, 0)
    least, most = (LossScale(jnp.float32(s), jnp.int32(PATIENCE - 1)) for s in (1, 2.0**24))
    assert float(next_scale(least, jnp.array(False)).scale) == 1
    assert float(next_scale(most, jnp.array(True)).scale) == 2.0**24


def begun(model, rate=0.1, **options):
    keys, optimizer = keys_of(0), optax.sgd(rate)
    state = init_state(model, optimizer, keys.init, (1, 5, 5, 2), scales_loss=True)
    return state, jax.jit(make_train_step(model, optimizer, keys.noise, **options))


def single_precision(examples):
    return Batch(examples.images.astype(jnp.float32), examples.labels)


def test_a_scaled_step_is_the_step():
    """The scale is a power of two: in float32 it changes no bit."""
    model, examples = network(GroupNorm(2)), single_precision(batch(8))
    state, step = begun(model)
    plain = init_state(model, optax.sgd(0.1), keys_of(0).init, (1, 5, 5, 2))
    scaled, totals = step(state, examples)
    wanted, sums = step(plain, examples)
    jax.tree.map(np.testing.assert_array_equal, scaled.params, wanted.params)
    jax.tree.map(np.testing.assert_array_equal, totals, sums)
    assert float(scaled.loss_scale.scale) == FIRST


def test_small_gradients_do_not_vanish_in_float16():
    """Gradients of 1e-9, which float16 does not have, arrive when the loss is scaled."""

    def tiny(params, state, x, *, train=False, key=None):
        first = x.mean((1, 2, 3)) * params["w"]
        return jnp.stack([first * 1e-3, first * 0, first * 0], axis=1), state

    inner = network(GroupNorm(2))._replace(init=lambda k, s: ({"w": jnp.ones(())}, {}), apply=tiny, description=None)  # fmt: skip
    model, examples = mixed_precision(inner, "float16"), single_precision(batch(8))
    examples = examples._replace(images=jnp.full_like(examples.images, 1e-4))
    given = Given(examples, None, KEY)
    lost = make_gradient(model)({"w": jnp.ones(())}, {}, given, 1.0).grads["w"]
    kept = make_gradient(model)({"w": jnp.ones(())}, {}, given, FIRST).grads["w"] / FIRST
    exact = make_gradient(inner)({"w": jnp.ones(())}, {}, given, 1.0).grads["w"]
    assert float(lost) == 0
    np.testing.assert_allclose(kept, exact, rtol=0.05)


def test_a_step_that_overflows_is_left_out_until_the_scale_is_small_enough():
    def large(params, state, x, *, train=False, key=None):
        return (x.reshape(x.shape[0], -1)[:, :3] * params["w"]), state

    inner = network(GroupNorm(2))._replace(init=lambda k, s: ({"w": jnp.ones(())}, {}), apply=large, description=None)  # fmt: skip
    state, step = begun(mixed_precision(inner, "float16"), rate=1e-8)
    examples = single_precision(batch(8))
    examples = examples._replace(images=examples.images * 1000)
    scales, skipped = [], []
    for _ in range(16):
        before = state
        state, totals = step(state, examples)
        scales.append(float(state.loss_scale.scale))
        skipped.append(int(totals.skipped))
        assert int(totals.nonfinite) == NEVER
        if skipped[-1]:
            assert float(state.params["w"]) == float(before.params["w"])
            assert (int(totals.examples), int(totals.steps)) == (0, 0)
    first = skipped.index(0)
    assert first > 2, skipped
    assert skipped[first:] == [0] * (16 - first)
    assert scales[:first] == [FIRST / 2 ** (n + 1) for n in range(first)]
    assert int(state.step) == 16


@pytest.mark.parametrize("skip", [False, True])
def test_what_overflows_at_every_scale_is_reported(skip):
    model, examples = mixed_precision(network(GroupNorm(2)), "float16"), single_precision(batch(8))
    examples = examples._replace(images=examples.images.at[0, 0, 0, 0].set(jnp.inf))
    state, step = begun(model, skip_nonfinite=skip)
    for count in range(17):
        state, totals = step(state, examples)
        assert int(totals.nonfinite) == (NEVER if count < 16 else 16)
    assert float(state.loss_scale.scale) == 1
    finite = all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(state.params))
    assert finite == skip
