"""Linen modules as layers and layers as linen modules: equal numbers, the whole way, refusals."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from jaxcnn.interop import from_linen, to_linen
from jaxcnn.layers import BatchNorm, Conv2d, Dense, Dropout, GlobalAvgPool, Layer, Sequential
from jaxcnn.training import Batch, init_state, make_train_step
from tests.interop.linen_nets import Cached, Deterministic, Net, Noise, Tuple, TwoInputs
from tests.interop.whole_way import close, goes_the_whole_way

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(1), (4, 8, 8, 3))


@pytest.fixture
def _as_flax_wants_it():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.mark.usefixtures("_as_flax_wants_it")
@pytest.mark.slow
def test_it_computes_what_flax_computes():
    """Outputs, statistics and gradients, in training and in evaluation, with the same dropout."""
    layer, module = from_linen(Net), Net()
    params, state = layer.init(KEY, X.shape)
    variables = module.init(KEY, X)
    close({"params": params, "batch_stats": state}, variables)

    def ours(params):
        y, new = layer.apply(params, state, X, train=True, key=KEY)
        return (y**2).sum(), (y, new)

    def theirs(params):
        given = {"params": params, "batch_stats": state}
        y, new = module.apply(given, X, True, mutable=["batch_stats"], rngs={"dropout": KEY})
        return (y**2).sum(), (y, new["batch_stats"])

    gradients, (y, new) = jax.jit(jax.grad(ours, has_aux=True))(params)
    close((gradients, (y, new)), jax.jit(jax.grad(theirs, has_aux=True))(params))
    assert not np.allclose(new["BatchNorm_0"]["mean"], state["BatchNorm_0"]["mean"])
    y, same = layer.apply(params, new, X)
    close(y, module.apply({"params": params, "batch_stats": new}, X))
    assert same is new


@pytest.mark.slow
def test_each_switch_is_found_by_its_name():
    layer = from_linen(Deterministic)
    params, state = layer.init(KEY, X.shape)
    y, new = layer.apply(params, state, X, train=True, key=KEY)
    assert 0.4 < np.mean(y == 0) < 0.6
    assert not np.allclose(new["BatchNorm_0"]["mean"], 0)
    assert not (layer.apply(params, state, X)[0] == 0).any()


def test_streams_of_other_names_are_independent():
    y, _ = from_linen(Noise).apply({}, {}, X, train=True, key=KEY)
    assert y.all()


def test_the_strictest_settings_of_jax():
    """The tests run with strict promotion; Flax's own arithmetic counts on promotion."""
    layer = from_linen(Net)
    params, state = layer.init(KEY, X.shape)
    layer.apply(params, state, X, train=True, key=KEY)


@pytest.mark.slow
def test_the_whole_way(tiny, tmp_path, capsys):
    nets = """
import flax.linen as nn
from jaxcnn import interop

class Tiny(nn.Module):
    classes: int

    @nn.compact
    def __call__(self, x, train):
        x = nn.Conv(2, (3, 3), strides=3, use_bias=False)(x)
        x = nn.BatchNorm(use_running_average=not train)(x)
        x = nn.Dropout(0.1, deterministic=not train)(nn.relu(x))
        return nn.Dense(self.classes)(x.reshape(x.shape[0], -1))

def tiny(num_classes):
    return interop.from_linen(lambda: Tiny(num_classes))
"""
    goes_the_whole_way(nets, tiny, tmp_path, capsys)


@pytest.mark.parametrize(
    ("factory", "error", "message"),
    [
        (Net(), TypeError, r"must be a function that makes the module.*from_linen\(lambda: Net\(10\)\)`, got a module"),
        (Net().bind({"params": {}}), ValueError, "the module is bound to variables"),
        (lambda: Net().bind({"params": {}}), ValueError, "the module is bound to variables"),
        (3, TypeError, "must be a function that makes the module.*got 3"),
        (lambda: 3, TypeError, "`factory` must return flax's Module, got int"),
        (TwoInputs, TypeError, "must take one input, but its __call__ also needs mask"),
    ],
)  # fmt: skip
def test_what_is_no_factory_is_refused(factory, error, message):
    with pytest.raises(error, match=message) as raised:
        from_linen(factory)
    assert "\n" not in str(raised.value)


def test_what_a_layer_cannot_be_is_refused():
    with pytest.raises(ValueError, match="must be 'params' and 'batch_stats', got 'cache' too"):
        from_linen(Cached).init(KEY, X.shape)
    with pytest.raises(TypeError, match="must return one array, got tuple"):
        from_linen(Tuple).apply({}, {}, X)
    layer = from_linen(Net)
    params, state = layer.init(KEY, X.shape)
    with pytest.raises(ValueError, match="draws random numbers, so it needs a `key`"):
        layer.apply(params, state, X, train=True)
    with pytest.raises(ValueError, match="from_linen: .*shape") as raised:
        layer.apply(params, state, X[..., :1])
    assert "\n" not in str(raised.value)
    with pytest.raises(TypeError, match="to_linen: `layer` must be a Layer, got Net"):
        to_linen(Net())


def model(rate=0.0):
    return Sequential(
        conv=Conv2d(4, 3), norm=BatchNorm(), drop=Dropout(rate), pool=GlobalAvgPool(), out=Dense(10)
    )


@pytest.mark.slow
def test_a_layer_trains_in_a_loop_of_flax_as_in_ours():
    layer, optimizer, labels = model(), optax.adam(0.01), jnp.arange(4)
    module = to_linen(layer)
    state = init_state(layer, optimizer, KEY, X.shape)
    variables = {"params": state.params, "batch_stats": state.model_state}
    assert jax.tree.structure(module.init(KEY, X)) == jax.tree.structure(variables)
    ours = jax.jit(make_train_step(layer, optimizer, KEY))
    moments = optimizer.init(variables["params"])

    @jax.jit
    def theirs(variables, moments):
        def loss(params):
            given = variables | {"params": params}
            logits, new = module.apply(given, X, train=True, mutable=["batch_stats"])
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
            return losses.mean(), new

        grads, new = jax.grad(loss, has_aux=True)(variables["params"])
        with jax.numpy_dtype_promotion("standard"):
            updates, moments = optimizer.update(grads, moments, variables["params"])
        return {"params": optax.apply_updates(variables["params"], updates), **new}, moments

    for _ in range(3):
        state, _ = ours(state, Batch(X, labels))
        variables, moments = theirs(variables, moments)
        close({"params": state.params, "batch_stats": state.model_state}, variables)
    close(module.apply(variables, X), layer.apply(state.params, state.model_state, X)[0])
    with pytest.raises(Exception, match="(?s)batch_stats.*immutable|mutable"):
        module.apply(variables, X, train=True)


class Around(nn.Module):
    """A linen module with a layer of jaxcnn in it."""

    layer: Layer

    @nn.compact
    def __call__(self, x, train=False):
        return nn.Dense(3)(to_linen(self.layer)(x, train=train))


@pytest.mark.slow
def test_a_layer_within_a_linen_module():
    """Its dropout draws from the stream, and its variables have the layer's own names."""
    module = Around(model(rate=0.5))
    variables = module.init({"params": KEY}, X)
    inner = variables["params"]["LinenLayer_0"]
    assert sorted(inner) == ["conv", "norm", "out"]
    assert sorted(variables["batch_stats"]["LinenLayer_0"]["norm"]) == ["mean", "var"]

    def applied(seed):
        rngs = {"dropout": jax.random.key(seed)}
        return module.apply(variables, X, train=True, mutable=["batch_stats"], rngs=rngs)

    (first, new), (again, _), (other, _) = applied(0), applied(0), applied(1)
    assert (first == again).all()
    assert not np.allclose(first, other)
    assert not np.allclose(ravel_pytree(new)[0], ravel_pytree(variables["batch_stats"])[0])
    with pytest.raises(ValueError, match="key"):
        module.apply(variables, X, train=True, mutable=["batch_stats"])


def test_the_names_of_parts_may_be_any():
    """Even those of the module's own attributes."""
    layer = Sequential(name=Dense(3), layer=Dense(2), scope=Dense(2), parent=Dense(2))
    variables = to_linen(layer).init(KEY, jnp.ones((1, 2)))
    assert sorted(variables["params"]) == ["layer", "name", "parent", "scope"]
    assert to_linen(layer).apply(variables, jnp.ones((1, 2))).shape == (1, 2)
