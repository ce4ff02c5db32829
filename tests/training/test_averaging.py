"""The moving average of a training: its numbers, who sees them, and that resuming keeps them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxcnn import runs
from jaxcnn.layers import BatchNorm, Dense, Flatten, Sequential
from jaxcnn.runs import TrainConfig, UserError, load_trained, run
from jaxcnn.runs.config import check_config
from jaxcnn.runs.digests import tree_sha256
from jaxcnn.runs.plan import SweepPlan
from jaxcnn.runs.sweep import sweep
from jaxcnn.runs.trained import evaluate
from jaxcnn.training import Batch, make_train_step
from jaxcnn.training.state import init_state, keys_of


@pytest.mark.slow
def test_the_average_is_that_of_its_formula():
    model = Sequential(flat=Flatten(), norm=BatchNorm(), dense=Dense(3))
    keys, optimizer = keys_of(0), optax.sgd(0.5)
    state = init_state(model, optimizer, keys.init, (4, 2, 2, 1), average=True)
    step = jax.jit(make_train_step(model, optimizer, keys.noise, average=0.3))
    plain = jax.jit(make_train_step(model, optimizer, keys.noise))
    alone = init_state(model, optimizer, keys.init, (4, 2, 2, 1))
    images = jax.random.normal(jax.random.key(1), (4, 2, 2, 1))
    wanted = jax.tree.map(np.asarray, (state.params, state.model_state))
    for count in range(5):
        batch = Batch(images + count, jnp.array([0, 1, 2, 0]))
        state, alone = step(state, batch)[0], plain(alone, batch)[0]
        decay = min(0.3, (1 + count) / (10 + count))
        wanted = jax.tree.map(
            lambda old, new, decay=decay: decay * old + (1 - decay) * np.asarray(new),
            wanted,
            (state.params, state.model_state),
        )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), tuple(state.used), wanted
    )
    assert tree_sha256(state.params) == tree_sha256(alone.params)
    assert tuple(alone.used) == (alone.params, alone.model_state)


@pytest.mark.slow
def test_a_step_that_is_left_out_leaves_the_average():
    model, keys, optimizer = Sequential(flat=Flatten(), dense=Dense(2)), keys_of(0), optax.sgd(1.0)
    state = init_state(model, optimizer, keys.init, (1, 2, 2, 1), average=True)
    step = make_train_step(model, optimizer, keys.noise, average=0.9, skip_nonfinite=True)
    after, _ = step(state, Batch(jnp.full((1, 2, 2, 1), jnp.inf), jnp.array([0])))
    assert tree_sha256(after.used) == tree_sha256(state.used)


@pytest.fixture
def config(tiny, tmp_path):
    return TrainConfig(
        model="lenet_bn", dataset="fashion_mnist", data_dir=tiny, epochs=2, batch_size=8,
        optimizer="adam", lr=0.002, ema=0.9, run_dir=tmp_path / "run",
    )  # fmt: skip


@pytest.mark.slow
def test_the_averages_are_scored_saved_and_given_back(config):
    done = run(config)
    trained = load_trained(done.folder)
    assert tree_sha256(trained.params) == done.parameters_sha256 == tree_sha256(done.params)
    assert tree_sha256(trained.model_state) == tree_sha256(done.model_state)
    assert evaluate(done.folder, config).scores == done.scores
    plain = run(dataclasses.replace(config, ema=None, run_dir=config.run_dir.with_name("plain")))
    assert plain.parameters_sha256 != done.parameters_sha256
    assert plain.history[-1]["train_loss"] == done.history[-1]["train_loss"]
    assert plain.scores["test_loss"] != done.scores["test_loss"]


@pytest.mark.slow
def test_a_resumed_run_has_the_same_average(config):
    whole = run(config)
    begun = dataclasses.replace(config, epochs=1, run_dir=config.run_dir.with_name("begun"))
    run(begun)
    again = run(dataclasses.replace(begun, epochs=2, resume=True))
    assert again.parameters_sha256 == whole.parameters_sha256
    assert again.scores == whole.scores


@pytest.mark.slow
def test_a_sweep_averages_each_member(config):
    done = run(config)
    plan = SweepPlan(
        dataclasses.replace(config, run_dir=config.run_dir.with_name("sweep")), seeds=2
    )
    swept = sweep(plan)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
        swept.members[0].params,
        done.params,
    )


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.5, float("nan")])
def test_a_decay_that_averages_nothing_is_refused(decay):
    with pytest.raises(UserError, match=f"--ema must be above 0 and below 1, got {decay}"):
        check_config(TrainConfig(ema=decay))


@pytest.mark.slow
def test_in_memory_too(tiny):
    settings = {"epochs": 1, "batch_size": 8, "data_dir": tiny}
    results = [runs.train("lenet_bn", "fashion_mnist", **settings, ema=e) for e in (None, 0.9)]
    assert results[0].parameters_sha256 != results[1].parameters_sha256
