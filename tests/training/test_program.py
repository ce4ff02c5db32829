"""The compiled programs of a training: every example used once, every test image scored."""

import itertools

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxcnn.data import Split
from jaxcnn.layers import Dense, Flatten, Layer, Sequential
from jaxcnn.models import MODELS
from jaxcnn.training import (
    Batch,
    EpochDone,
    SpanDone,
    Task,
    TrainState,
    begin,
    compile_programs,
    fit,
    init_state,
    keys_of,
    make_train_step,
    members_of,
    single,
)
from jaxcnn.training.evaluation import guesses_of, logits_of, score_of

COUNT = 23
LINEAR = Sequential(flat=Flatten(), dense=Dense(3))


def data():
    rng = np.random.default_rng(0)
    images = rng.standard_normal((COUNT, 2, 2, 1)).astype(np.float32)
    return Split(images, rng.integers(0, 3, COUNT).astype(np.int32))


def task(batch_size=4, **changes):
    return Task(LINEAR, optax.adam, data(), {"test": data()}, batch_size)._replace(**changes)


def trained(programs, cuts):
    state, totals, *_ = begin(programs)
    for start, stop in itertools.pairwise(cuts):
        state, totals = programs.advance(state, totals, programs.shuffle(1), start, stop)
    return state, totals


@pytest.mark.parametrize("batch_size", [1, 5, 8, 22, 23, 100])
@pytest.mark.slow
def test_every_example_is_used_once(batch_size):
    """A model that counts, in its state, how often it has seen each image."""
    seen = Split(
        np.eye(COUNT, dtype=np.float32).reshape(COUNT, 1, COUNT, 1), np.zeros(COUNT, np.int32)
    )

    def apply(params, state, x, *, train=False, key=None):
        counts = state["seen"] + x.sum((0, 1, 3)) if train else state["seen"]
        return jnp.broadcast_to(params["w"], (x.shape[0], 3)), {"seen": counts}

    counting = Layer(lambda key, shape: ({"w": jnp.zeros(3)}, {"seen": jnp.zeros(COUNT)}), apply)
    programs = compile_programs(
        task(batch_size, model=counting, train_set=seen, scored={}), single(0, 0.1)
    )
    state, totals = trained(programs, (0, programs.steps))
    np.testing.assert_array_equal(state.model_state["seen"], 1)
    assert int(state.step) == programs.steps == -(-COUNT // batch_size)
    assert int(totals.examples) == COUNT
    counted = [programs.examples_in(n, n + 1) for n in range(programs.steps)]
    assert sum(counted) == COUNT


@pytest.mark.slow
def test_shuffle_is_a_permutation_that_changes():
    programs = compile_programs(task(), single(0, 0.1))
    first, second = (np.asarray(programs.shuffle(epoch)) for epoch in (1, 2))
    assert sorted(first) == sorted(second) == list(range(COUNT))
    assert not np.array_equal(first, second)


def test_watching_changes_no_number():
    programs = compile_programs(task(), single(0, 0.01))
    whole, pieces = trained(programs, (0, programs.steps)), trained(programs, (0, 1, 4, 6))
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(pieces), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_loop_of_steps_is_the_steps():
    programs, keys = compile_programs(task(), single(0, 0.01)), keys_of(0)
    step, order = (
        jax.jit(make_train_step(LINEAR, optax.adam(0.01), keys.noise)),
        programs.shuffle(1),
    )
    state = init_state(LINEAR, optax.adam(0.01), keys.init, (1, 2, 2, 1))
    for start in range(0, COUNT, 4):
        part = data().read(np.asarray(order)[start : start + 4])
        state, _ = step(state, Batch(jnp.asarray(part.images), jnp.asarray(part.labels)))
    found, _ = trained(programs, (0, programs.steps))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), found.params, state.params
    )


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_members_are_single_runs(at_once):
    pairs = [(0, 0.01), (1, 0.01), (0, 0.1)]
    programs = compile_programs(task(), members_of(pairs), at_once=at_once)
    state, totals = trained(programs, (0, programs.steps))
    scores = programs.score(state)["test"]
    for index, (seed, rate) in enumerate(pairs):
        alone = compile_programs(task(), single(seed, rate))
        its, sums = trained(alone, (0, alone.steps))
        near = lambda a, b: np.testing.assert_allclose(a[index], b, rtol=1e-4, atol=1e-6)  # noqa: B023, E731
        jax.tree.map(near, (state.params, totals), (its.params, sums))
        np.testing.assert_array_equal(scores.guesses[index], alone.score(its)["test"].guesses)


def test_fit_yields_what_happens():
    programs = compile_programs(task(), single(0, 0.01))
    events = list(
        fit(programs, begin(programs), epochs=2, stop_at=lambda m, n: min(m.batch + 4, n))
    )
    assert [type(event) for event in events] == [SpanDone, SpanDone, EpochDone] * 2
    assert [e.batches for e in events if isinstance(e, SpanDone)] == [4, 2, 4, 2]
    assert [e.examples for e in events] == [16, 23, 23] * 2
    last = events[-1]
    assert (last.epoch, last.moment.epoch, last.moment.batch, last.moment.step) == (2, 3, 0, 12)
    assert int(last.totals.examples) == COUNT
    assert int(last.scores["test"].totals.examples) == COUNT


def test_fit_goes_on_in_the_middle():
    programs = compile_programs(task(), single(0, 0.01))
    *_, whole = fit(programs, begin(programs), epochs=2)
    events = fit(programs, begin(programs), epochs=2, stop_at=lambda m, n: min(m.batch + 5, n))
    kept = jax.tree.map(jnp.copy, next(events).moment)
    *_, again = fit(programs, kept._replace(epoch=1, batch=5), epochs=2)
    jax.tree.map(np.testing.assert_array_equal, again.moment.state, whole.moment.state)


@pytest.mark.parametrize("count", [1, 7, 23])
def test_every_test_image_is_scored(count, monkeypatch):
    monkeypatch.setattr("jaxcnn.training.evaluation.EVALUATION_BATCH", 7)
    split = data().read(np.arange(count))
    params, state = LINEAR.init(jax.random.key(0), (1, 2, 2, 1))
    (totals, guesses), seconds = score_of(LINEAR, params, state, split)
    logits = split.images.reshape(count, 4) @ params["dense"]["kernel"]
    np.testing.assert_allclose(logits_of(LINEAR, params, state, split.images), logits, rtol=1e-5)
    np.testing.assert_array_equal(guesses, logits.argmax(-1))
    right = int((logits.argmax(-1) == split.labels).sum())
    assert (int(totals.examples), int(totals.correct)) == (count, right)
    losses = -jax.nn.log_softmax(logits)[np.arange(count), split.labels]
    np.testing.assert_allclose(totals.loss, losses.sum(), rtol=1e-5)
    assert seconds > 0
    assert guesses_of(logits).dtype == jnp.int32


def test_evaluation_runs_the_model_in_evaluation_mode():
    def apply(params, state, x, *, train=False, key=None):
        return jnp.full((x.shape[0], 3), jnp.nan) if train else x[:, :, 0, 0].repeat(2, 1)[
            :, :3
        ], state

    model = Layer(lambda key, shape: ({}, {}), apply)
    (totals, _), _ = score_of(model, {}, {}, data())
    assert np.isfinite(float(totals.loss))


@pytest.mark.slow
def test_losses_and_metrics_of_ones_own():
    def squares(logits, labels):
        return ((jax.nn.one_hot(labels, 3) - logits) ** 2).sum(-1)

    def confidence(logits, labels):
        return jax.nn.softmax(logits).max(-1)

    programs = compile_programs(
        task(loss=squares, metrics={"confidence": confidence}), single(0, 0.05)
    )
    *_, last = fit(programs, begin(programs), epochs=30)
    params, state = last.moment.state[:2]
    logits = logits_of(LINEAR, params, state, data().images)
    score = last.scores["test"].totals
    np.testing.assert_allclose(score.loss, squares(logits, data().labels).sum(), rtol=1e-4)
    np.testing.assert_allclose(
        score.further["confidence"], confidence(logits, None).sum(), rtol=1e-4
    )
    x, targets = data().images.reshape(COUNT, 4), np.eye(3)[data().labels]
    best = np.linalg.lstsq(np.c_[x, np.ones(COUNT)], targets, rcond=None)[1].sum()
    assert best <= float(score.loss) < 1.2 * best


@pytest.mark.parametrize("name", ["lenet", "lenet_modern", "lenet_bn"])
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
    assert isinstance(state, TrainState)
