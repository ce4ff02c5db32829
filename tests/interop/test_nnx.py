"""Modules of nnx as layers and layers as nnx modules: equal numbers, the whole way, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from jaxcnn.interop import from_nnx, to_nnx
from jaxcnn.layers import BatchNorm, Conv2d, Dense, Dropout, GlobalAvgPool, Sequential
from jaxcnn.layers.naming import named_key
from jaxcnn.training import Batch, init_state, make_train_step
from tests.interop.whole_way import close, goes_the_whole_way

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(1), (4, 8, 8, 3))


class Net(nnx.Module):
    """A list of modules, batch normalization and two dropouts."""

    def __init__(self, rngs):
        norm = nnx.BatchNorm(4, momentum=0.8, rngs=rngs)
        self.first = nnx.List([nnx.Conv(3, 4, (3, 3), rngs=rngs), norm])
        self.drop = nnx.Dropout(0.5, rngs=rngs)
        self.again = nnx.Dropout(0.5, rngs=rngs)
        self.out = nnx.Linear(4, 10, rngs=rngs)

    def __call__(self, x):
        for module in self.first:
            x = module(x)
        return self.out(self.again(self.drop(x)).mean((1, 2)))


def reseeded(module, key):
    """Every stream begins with the key that a layer gives it."""
    for path in ("drop", "again"):
        stream = getattr(module, path).rngs
        stream.key[...] = named_key(key, f"{path}/rngs")
        stream.count[...] = jnp.zeros((), jnp.uint32)


@pytest.mark.slow
def test_it_computes_what_nnx_computes():
    """Outputs, statistics and gradients, in training and in evaluation, with the same dropout."""
    layer, module = from_nnx(Net), Net(nnx.Rngs(KEY))
    params, state = layer.init(KEY, X.shape)
    assert sorted(params["first"]["0"]) == ["bias", "kernel"]

    def ours(params):
        y, new = layer.apply(params, state, X, train=True, key=KEY)
        return (y**2).sum(), (y, new)

    gradients, (y, new) = jax.jit(jax.grad(ours, has_aux=True))(params)
    reseeded(module, KEY)
    module.train()

    @nnx.jit
    def theirs(module):
        def loss(module):
            y = module(X)
            return (y**2).sum(), y

        return nnx.grad(loss, has_aux=True)(module)

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        its_gradients, its_y = theirs(module)
    close(jax.tree.leaves(params), jax.tree.leaves(nnx.state(module, nnx.Param)))
    close(jax.tree.leaves(gradients), jax.tree.leaves(its_gradients))
    close(jax.tree.leaves(new), jax.tree.leaves(nnx.state(module, nnx.BatchStat)))
    close(y, its_y)
    assert not np.allclose(new["first"]["1"]["mean"], state["first"]["1"]["mean"])
    module.eval()
    y, same = jax.jit(layer.apply)(params, new, X)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        close(y, nnx.jit(lambda module: module(X))(module))
    close(same, new)


@pytest.mark.slow
def test_two_seeds_under_vmap():
    """Each member draws its own module, and computes what it computes alone."""
    layer = from_nnx(Net)

    def member(key):
        return layer.apply(*layer.init(key, X.shape), X)

    keys = jax.random.split(KEY, 2)
    first, second = jax.jit(jax.vmap(member))(keys)[0]
    np.testing.assert_allclose(first, jax.jit(member)(keys[0])[0], rtol=1e-4, atol=1e-5)
    assert not np.allclose(first, second)


def test_the_streams_of_two_dropouts_are_independent():
    class Noise(nnx.Module):
        def __init__(self, rngs):
            self.drop = nnx.Dropout(0.5, rngs=rngs)
            self.again = nnx.Dropout(0.5, rngs=rngs)

        def __call__(self, x):
            return self.drop(jnp.ones_like(x)) - self.again(jnp.ones_like(x))

    y, _ = from_nnx(Noise).apply({}, {}, X, train=True, key=KEY)
    assert 0.4 < np.mean(y != 0) < 0.6


def test_a_switch_of_the_call():
    class Switched(nnx.Module):
        def __init__(self, rngs):
            self.norm = nnx.BatchNorm(3, rngs=rngs)

        def __call__(self, x, train):
            return self.norm(x, use_running_average=not train) if train else x

    layer = from_nnx(Switched)
    params, state = layer.init(KEY, X.shape)
    assert (layer.apply(params, state, X)[0] == X).all()
    assert not np.allclose(layer.apply(params, state, X, train=True)[0], X)


def test_streams_with_an_axis():
    """As nnx.vmap makes them, one for each of several layers."""

    class Stacked(nnx.Module):
        def __init__(self, rngs):
            make = nnx.vmap(lambda rngs: nnx.Dropout(0.5, rngs=rngs))
            self.drops = nnx.split_rngs(splits=2)(make)(rngs)

        def __call__(self, x):
            return nnx.vmap(lambda drop, x: drop(x), in_axes=(0, None))(self.drops, x)

    layer = from_nnx(Stacked)
    first, second = layer.apply({}, {}, jnp.ones((8, 8)), train=True, key=KEY)[0]
    assert not (first == second).all()


@pytest.mark.deep  # test_linen.py always goes this way
def test_the_whole_way(tiny, tmp_path, capsys):
    nets = """
from flax import nnx
from jaxcnn import interop

class Tiny(nnx.Module):
    def __init__(self, classes, rngs):
        self.conv = nnx.Conv(1, 2, (3, 3), strides=3, use_bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(2, rngs=rngs)
        self.drop = nnx.Dropout(0.1, rngs=rngs)
        self.out = nnx.Linear(200, classes, rngs=rngs)

    def __call__(self, x):
        x = self.drop(nnx.relu(self.norm(self.conv(x))))
        return self.out(x.reshape(x.shape[0], -1))

def tiny(num_classes):
    return interop.from_nnx(lambda rngs: Tiny(num_classes, rngs))
"""
    goes_the_whole_way(nets, tiny, tmp_path, capsys)


class Cached(nnx.Module):
    def __init__(self, rngs):
        self.last = nnx.Cache(jnp.zeros(3))

    def __call__(self, x):
        return x


class TwoInputs(nnx.Module):
    def __init__(self, rngs):
        pass

    def __call__(self, x, mask):
        return x


@pytest.mark.parametrize(
    ("factory", "error", "message"),
    [
        (Net(nnx.Rngs(0)), TypeError, r"must be a function that makes the module.*, got a module"),
        (3, TypeError, "must be a function that makes the module.*got 3"),
        (lambda rngs: 3, TypeError, "`factory` must return flax's Module, got int"),
        (TwoInputs, TypeError, "must take one input, but its __call__ also needs mask"),
        (Cached, ValueError, r"must be nnx.Param and nnx.BatchStat, got last \(Cache\) too"),
    ],
)
def test_what_is_no_factory_is_refused(factory, error, message):
    with pytest.raises(error, match=message) as raised:
        from_nnx(factory)
    assert "\n" not in str(raised.value)


def test_what_a_layer_cannot_be_is_refused():
    layer = from_nnx(Net)
    with pytest.raises(ValueError, match="draws random numbers, so it needs a `key`"):
        layer.apply(*layer.init(KEY, X.shape), X, train=True)
    with pytest.raises(TypeError, match="to_nnx: `layer` must be a Layer, got ModuleMeta"):
        to_nnx(Net, KEY, X.shape)
    module = to_nnx(model(), KEY, X.shape)
    module.deterministic = True
    with pytest.raises(ValueError, match="a layer has one switch"):
        module(X)


def model(rate=0.0):
    return Sequential(
        conv=Conv2d(4, 3), norm=BatchNorm(), drop=Dropout(rate), pool=GlobalAvgPool(), out=Dense(10)
    )


@pytest.mark.slow
def test_a_layer_trains_in_a_loop_of_flax_as_in_ours():
    layer, transform, labels = model(), optax.adam(0.01), jnp.arange(4)
    module = to_nnx(layer, KEY, X.shape)
    state = init_state(layer, transform, KEY, X.shape)
    ours = jax.jit(make_train_step(layer, transform, KEY))
    optimizer = nnx.Optimizer(module, transform, wrt=nnx.Param)

    @nnx.jit
    def theirs(module, optimizer):
        def loss(module):
            return optax.softmax_cross_entropy_with_integer_labels(module(X), labels).mean()

        grads = nnx.grad(loss)(module)
        with jax.numpy_dtype_promotion("standard"):
            optimizer.update(module, grads)

    module.train()
    for _ in range(3):
        state, _ = ours(state, Batch(X, labels))
        theirs(module, optimizer)
        params, stats = nnx.state(module, nnx.Param, nnx.BatchStat)
        close(state.params, nnx.to_pure_dict(params)["params"])
        close(state.model_state, nnx.to_pure_dict(stats)["batch_stats"])
    y, _ = layer.apply(state.params, state.model_state, X)
    close(nnx.view(module, deterministic=True, use_running_average=True)(X), y)
    module.eval()
    close(module(X), y)


def test_dropout_of_a_layer_within_a_module():
    class Around(nnx.Module):
        def __init__(self, rngs):
            self.inner = to_nnx(Sequential(Dropout(0.5)), rngs(), (1, 3))

        def __call__(self, x):
            return self.inner(x)

    module, x = Around(nnx.Rngs(0)), jnp.ones((8, 8))
    first, second = module(x), module(x)
    assert not (first == second).all()
    module.eval()
    assert (module(x) == x).all()
    module.train()
    rngs = [nnx.Rngs(dropout=3) for _ in range(2)]
    assert (module.inner(x, rngs=rngs[0]) == module.inner(x, rngs=rngs[1])).all()
