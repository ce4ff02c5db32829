import itertools

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxcnn.layers import Dense, Layer
from jaxcnn.models import MODELS
from jaxcnn.training import Batch, Totals, make_train_step
from jaxcnn.training.epoch import compile_epoch, compile_evaluation
from jaxcnn.training.state import TrainState, init_state, keys_of

COUNT = 23


def data():
    rng = np.random.default_rng(0)
    images = rng.standard_normal((COUNT, 4)).astype(np.float32)
    return Batch(jnp.asarray(images), jnp.asarray(rng.integers(0, 3, COUNT), jnp.int32))


def counting_step(state, batch):
    """Counts in ``params`` how often each example (named by its label) was used."""
    params = {"seen": state.params["seen"].at[batch.labels].add(1)}
    return TrainState(params, {}, (), state.step + 1), Totals.zero()


@pytest.mark.parametrize("looped", [False, True])
@pytest.mark.parametrize("batch_size", [1, 5, 8, 22, 23, 100])
def test_every_example_is_used_once(batch_size, looped):
    numbered = Batch(data().images, jnp.arange(COUNT))
    state = TrainState({"seen": jnp.zeros(COUNT, jnp.int32)}, {}, (), jnp.int32(0))
    epoch = compile_epoch(counting_step, state, numbered, batch_size, looped=looped)
    order = epoch.shuffle(jax.random.key(1))
    state, _ = epoch.advance(state, Totals.zero(), numbered, order, 0, epoch.steps)
    np.testing.assert_array_equal(state.params["seen"], 1)
    assert int(state.step) == epoch.steps == -(-COUNT // batch_size)


def test_shuffle_is_a_permutation_that_changes():
    state = TrainState({"seen": jnp.zeros(COUNT, jnp.int32)}, {}, (), jnp.int32(0))
    epoch = compile_epoch(counting_step, state, data(), 5)
    first, second = (np.asarray(epoch.shuffle(jax.random.key(seed))) for seed in (1, 2))
    assert sorted(first) == sorted(second) == list(range(COUNT))
    assert not np.array_equal(first, second)


def train_in_pieces(pieces, looped):
    model, optimizer, keys = Dense(3), optax.adam(0.01), keys_of(0)
    state, totals = init_state(model, optimizer, keys.init, (1, 4)), Totals.zero()
    step = make_train_step(model, optimizer, keys.noise)
    epoch = compile_epoch(step, state, data(), 4, looped=looped)
    order = epoch.shuffle(keys.order)
    cuts = np.linspace(0, epoch.steps, pieces + 1).astype(int).tolist()
    for start, stop in itertools.pairwise(cuts):
        state, totals = epoch.advance(state, totals, data(), order, start, stop)
    return state, totals


@pytest.mark.parametrize("looped", [False, True])
def test_watching_changes_no_number(looped):
    whole, pieces = train_in_pieces(1, looped), train_in_pieces(3, looped)
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(pieces), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_loop_is_the_same_steps():
    steps, loop = train_in_pieces(1, looped=False), train_in_pieces(1, looped=True)
    for one, other in zip(jax.tree.leaves(steps), jax.tree.leaves(loop), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 23, 1000])
def test_every_test_image_is_scored(batch_size):
    model = Dense(3)
    params, state = model.init(jax.random.key(0), (1, 4))
    program = compile_evaluation(model, params, state, data(), batch_size)
    totals, guesses = program(params, state, data())
    logits = data().images @ params["kernel"]
    np.testing.assert_array_equal(guesses, logits.argmax(-1))
    right = int((logits.argmax(-1) == data().labels).sum())
    assert (int(totals.examples), int(totals.correct)) == (COUNT, right)
    losses = -jax.nn.log_softmax(logits)[np.arange(COUNT), data().labels]
    np.testing.assert_allclose(totals.loss, losses.sum(), rtol=1e-5)


def test_evaluation_runs_the_model_in_evaluation_mode():
    def apply(params, state, x, *, train=False, key=None):
        return jnp.full((x.shape[0], 3), jnp.nan) if train else x[:, :3], state

    model = Layer(lambda key, shape: ({}, {}), apply)
    totals, _ = compile_evaluation(model, {}, {}, data(), 10)({}, {}, data())
    assert np.isfinite(float(totals.loss))


@pytest.mark.parametrize("name", MODELS)
def test_a_training_step_lowers_for_every_platform(name):
    model, optimizer, keys = MODELS[name](10), optax.adam(0.01), keys_of(0)
    state = init_state(model, optimizer, keys.init, (1, 28, 28, 1))
    step = jax.jit(make_train_step(model, optimizer, keys.noise))
    batch = Batch(jnp.zeros((4, 28, 28, 1)), jnp.zeros(4, jnp.int32))
    platforms = ("cpu", "cuda", "rocm", "tpu")
    exported = jax.export.export(step, platforms=platforms)(
        jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), state), batch
    )
    assert exported.platforms == platforms
