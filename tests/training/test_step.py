"""One step against torch's own optimizers, and the sums that it reports."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxcnn.layers import BatchNorm, Conv2d, Dense, Flatten, Scale, Sequential
from jaxcnn.runs import TrainConfig
from jaxcnn.runs.digests import tree_sha256
from jaxcnn.runs.job import optimizer_of, schedule_of
from jaxcnn.training import Batch, Totals, make_train_step, totals_of
from jaxcnn.training.state import init_state, keys_of

KEYS = keys_of(0)


def run_steps(config, count=5):
    model = Dense(3)
    optimizer = optimizer_of(config, 10)(config.recipe.lr)
    state = init_state(model, optimizer, KEYS.init, (1, 4))
    step = jax.jit(make_train_step(model, optimizer, KEYS.noise))
    for batch in batches(count):
        state, totals = step(state, batch)
    return state, totals


def batches(count):
    rng = np.random.default_rng(0)
    for _ in range(count):
        images = rng.standard_normal((6, 4)).astype(np.float32)
        yield Batch(jnp.asarray(images), jnp.asarray(rng.integers(0, 3, 6), jnp.int32))


def torch_steps(make, clip=None, count=5):
    torch = pytest.importorskip("torch")
    params, _ = Dense(3).init(KEYS.init, (1, 4))
    net = torch.nn.Linear(4, 3)
    with torch.no_grad():
        net.weight.copy_(torch.tensor(np.asarray(params["kernel"]).T.copy()))
        net.bias.zero_()
    optimizer = make(torch.optim, net.parameters())
    for batch in batches(count):
        optimizer.zero_grad()
        logits = net(torch.tensor(np.asarray(batch.images)))
        labels = torch.tensor(np.asarray(batch.labels)).long()
        torch.nn.functional.cross_entropy(logits, labels).backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
    return net.weight.detach().numpy().T


@pytest.mark.parametrize(
    ("config", "make", "clip"),
    [
        (TrainConfig(optimizer="sgd", lr=0.9), lambda o, p: o.SGD(p, 0.9), None),
        (TrainConfig(optimizer="sgd", lr=0.9, weight_decay=0.01, decay_all=True), lambda o, p: o.SGD(p, 0.9, weight_decay=0.01), None),
        (TrainConfig(optimizer="momentum", lr=0.1, momentum=0.8), lambda o, p: o.SGD(p, 0.1, momentum=0.8), None),
        (TrainConfig(optimizer="adam", lr=0.01), lambda o, p: o.Adam(p, 0.01), None),
        (TrainConfig(optimizer="adamw", lr=0.01, weight_decay=0.1, decay_all=True), lambda o, p: o.AdamW(p, 0.01, weight_decay=0.1), None),
        (TrainConfig(optimizer="sgd", lr=0.9, clip_norm=0.1), lambda o, p: o.SGD(p, 0.9), 0.1),
    ],
    ids=["sgd", "sgd-decay", "momentum", "adam", "adamw", "clip"],
)  # fmt: skip
def test_steps_are_torchs(config, make, clip):
    state, _ = run_steps(config)
    expected = torch_steps(make, clip)
    np.testing.assert_allclose(state.params["kernel"], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.slow
def test_weight_decay_leaves_biases_and_normalizations_alone(everywhere):
    """Unless it is told not to; a step of a gradient of zero shows it alone."""
    model = Sequential(
        conv=Conv2d(3, 2), norm=BatchNorm(), scale=Scale(), flat=Flatten(), out=Dense(2)
    )
    params, _ = model.init(KEYS.init, (1, 3, 3, 1))
    params = jax.tree.map(lambda leaf: leaf + 1, params)
    config = TrainConfig(optimizer="sgd", lr=0.5, weight_decay=0.1, decay_all=everywhere)
    optimizer = optimizer_of(config, 10)(config.recipe.lr)
    updates, _ = optimizer.update(
        jax.tree.map(jnp.zeros_like, params), optimizer.init(params), params
    )
    shrunk = {
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, leaf in jax.tree_util.tree_leaves_with_path(updates)
        if leaf.any()
    }
    kernels = {"conv/kernel", "out/kernel"}
    others = {"conv/bias", "norm/scale", "norm/bias", "scale/scale", "out/bias"}
    assert shrunk == (kernels | others if everywhere else kernels)
    np.testing.assert_allclose(updates["out"]["kernel"], -0.05 * params["out"]["kernel"], rtol=1e-6)


@pytest.mark.slow
def test_totals_are_sums_of_the_parameters_before_the_step():
    state, _ = run_steps(TrainConfig(lr=0.1), count=1)
    batch = next(batches(1))
    step = make_train_step(Dense(3), optax.sgd(0.1), KEYS.noise)
    fresh = init_state(Dense(3), optax.sgd(0.1), KEYS.init, (1, 4))
    _, totals = step(fresh, batch)
    logits, _ = Dense(3).apply(fresh.params, {}, batch.images)
    losses = -jax.nn.log_softmax(logits)[np.arange(6), batch.labels]
    np.testing.assert_allclose(totals.loss, losses.sum(), rtol=1e-6)
    assert int(totals.correct) == int((logits.argmax(-1) == batch.labels).sum())
    assert int(totals.examples) == 6
    assert int(state.step) == 1


@pytest.mark.slow
def test_mask_keeps_padding_out():
    logits = jnp.array([[2.0, 0.0], [jnp.nan, 1.0], [0.0, 3.0]])
    mask = jnp.array([True, False, True])
    totals = totals_of(logits, jnp.array([0, 0, 1]), mask)
    expected = totals_of(logits[jnp.array([0, 2])], jnp.array([0, 1]))
    np.testing.assert_allclose(totals.loss, expected.loss, rtol=1e-6)
    assert (int(totals.correct), int(totals.examples)) == (2, 2)


def test_totals_add_up():
    zero = Totals.zero({"more": None})
    one = Totals(
        *(jnp.asarray(n, part.dtype) for n, part in enumerate(zero[:-1], 1)), {"more": 9.0}
    )
    assert [int(part) for part in jax.tree.leaves(zero + one)] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    other = one._replace(nonfinite=jnp.int32(9))
    assert [int(part) for part in jax.tree.leaves(one + other)] == [2, 4, 6, 8, 10, 12, 14, 8, 18]


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", {0: 1, 50: 1, 99: 1}),
        ("cosine", {0: 1, 50: 0.5, 100: 0}),
        ("linear", {0: 1, 25: 0.75, 100: 0}),
        ("step", {0: 1, 49: 1, 51: 0.1, 76: 0.01}),
    ],
)
def test_schedules(schedule, rates):
    rate_at = schedule_of(TrainConfig(lr=1.0, schedule=schedule), 100)(1.0)
    for step, rate in rates.items():
        assert float(rate_at(step)) == pytest.approx(rate, abs=1e-6)


def test_warm_up_rises_to_the_rate():
    rate_at = schedule_of(TrainConfig(lr=1.0, warmup_steps=10, schedule="linear"), 110)(1.0)
    assert [float(rate_at(step)) for step in (0, 5, 10, 60, 110)] == pytest.approx(
        [0, 0.5, 1, 0.5, 0]
    )


def test_digest_sees_every_bit():
    tree = {"a": jnp.zeros(3), "b": {"c": jnp.ones(2, jnp.int32)}}
    flipped = tree | {"a": jnp.zeros(3).at[1].set(-0.0)}
    renamed = {"a": tree["a"], "d": tree["b"]}
    digests = {tree_sha256(t) for t in (tree, flipped, renamed)}
    assert len(digests) == 3
    assert tree_sha256(tree) == tree_sha256(jax.tree.map(jnp.copy, tree))
