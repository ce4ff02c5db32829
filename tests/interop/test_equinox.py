"""Equinox modules as layers: equal numbers, images turned, the whole way, refusals."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.interop import from_equinox
from jaxcnn.layers import Dense, GlobalAvgPool, Sequential
from tests.interop.whole_way import close, goes_the_whole_way

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(1), (4, 8, 8, 3))


class Net(eqx.Module):
    """Batch normalization of a kind, dropout, and an array that is not learned."""

    conv: eqx.nn.Conv2d
    norm: eqx.nn.BatchNorm
    drop: eqx.nn.Dropout
    out: eqx.nn.Linear
    order: jax.Array

    def __init__(self, mode, key):
        first, second = jax.random.split(key)
        self.conv = eqx.nn.Conv2d(3, 4, 3, key=first)
        self.norm = eqx.nn.BatchNorm(4, "batch", momentum=0.8, mode=mode)
        self.drop = eqx.nn.Dropout(0.5)
        self.out = eqx.nn.Linear(4, 10, key=second)
        self.order = jnp.arange(4)[::-1]

    def __call__(self, x, state, key):
        first, _ = jax.random.split(key)  # in evaluation, too
        x, state = self.norm(self.conv(x), state)
        x = self.drop(x, key=first)[self.order]
        return self.out(x.mean((1, 2))), state


@pytest.mark.parametrize("mode", ["batch", "ema"])
@pytest.mark.slow
def test_it_computes_what_equinox_computes(mode):
    """Outputs, statistics and gradients, in training and in evaluation, with the same dropout."""
    layer = from_equinox(lambda key: Net(mode, key))
    params, state = layer.init(KEY, X.shape)
    assert sorted(params) == ["conv", "norm", "out"]
    assert sorted(state) == ["norm", "order"]

    def ours(params):
        y, new = layer.apply(params, state, X, train=True, key=KEY)
        return (y**2).sum(), (y, new)

    gradients, (y, new) = jax.jit(jax.grad(ours, has_aux=True))(params)
    module, its_state = eqx.nn.make_with_state(Net)(mode, KEY)

    def theirs(module, x):
        call = jax.vmap(module, (0, None, 0), (0, None), axis_name="batch")
        y, new = call(jnp.moveaxis(x, -1, 1), its_state, jax.random.split(KEY, len(x)))
        return (y**2).sum(), (y, new)

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        arrays, rest = eqx.partition(module, eqx.is_inexact_array)

        def of_arrays(arrays):
            return theirs(eqx.combine(arrays, rest), X)

        its_gradients, (its_y, its_new) = jax.jit(jax.grad(of_arrays, has_aux=True))(arrays)
        evaluated = jax.vmap(eqx.nn.inference_mode(module), (0, None, None), (0, None), "batch")
        its_output, _ = jax.jit(evaluated)(jnp.moveaxis(X, -1, 1), its_new, KEY)
    close(named_as_ours(eqx.filter(module, eqx.is_inexact_array)), params)
    close(gradients, named_as_ours(its_gradients))
    close(y, its_y)
    close(sorted_leaves(new["norm"]), sorted_leaves(its_new))
    output, same = jax.jit(layer.apply)(params, new, X)
    close(output, its_output)
    close(same, new)
    assert (new["order"] == state["order"]).all()


def named_as_ours(module):
    """The learned arrays of a `Net`, in nested dicts."""
    parts = {name: getattr(module, name) for name in ("conv", "norm", "out")}
    return {k: {"weight": part.weight, "bias": part.bias} for k, part in parts.items()}


def sorted_leaves(tree):
    """The arrays of a tree, however they are named."""
    return sorted(jax.tree.leaves(tree), key=lambda leaf: (leaf.ndim, float(leaf.sum())))


@pytest.mark.slow
def test_two_seeds_under_vmap():
    """Each member draws its own module, and computes what it computes alone."""
    layer = from_equinox(lambda key: Net("batch", key))

    def member(key):
        return layer.apply(*layer.init(key, X.shape), X)

    keys = jax.random.split(KEY, 2)
    first, second = jax.jit(jax.vmap(member))(keys)[0]
    np.testing.assert_allclose(first, jax.jit(member)(keys[0])[0], rtol=1e-4, atol=1e-5)
    assert not np.allclose(first, second)


def test_each_example_has_its_own_key():
    layer = from_equinox(lambda key: eqx.nn.Dropout(0.5))
    y, _ = layer.apply({}, {}, jnp.ones((2, 64)), train=True, key=KEY)
    assert not (y[0] == y[1]).all()


@pytest.mark.slow
def test_images_stay_channels_last_between_layers():
    """A module between layers; without spatial axes, and where the module wants them last."""
    layer = from_equinox(lambda key: eqx.nn.Conv2d(3, 5, 3, key=key))
    params, state = layer.init(KEY, X.shape)
    assert layer.apply(params, state, X)[0].shape == (4, 6, 6, 5)
    whole = Sequential(layer, GlobalAvgPool(), Dense(2))
    assert whole.apply(*whole.init(KEY, X.shape), X)[0].shape == (4, 2)
    last = from_equinox(lambda key: eqx.nn.Lambda(lambda x: x[:, :, :1]), layout="HWC")
    assert (last.apply({}, {}, X)[0] == X[..., :1]).all()
    rows = from_equinox(lambda key: eqx.nn.Lambda(lambda x: x[:1]))
    assert (rows.apply({}, {}, X[:, 0])[0] == X[:, 0, :, :1]).all()
    assert (rows.apply({}, {}, X[:, 0, 0])[0] == X[:, 0, 0, :1]).all()


@pytest.mark.slow
def test_a_sequential_of_equinox():
    """It takes a state, but returns none where it is not given one."""
    layers = [eqx.nn.Lambda(jnp.ravel), eqx.nn.Dropout(0.5)]
    layer = from_equinox(lambda key: eqx.nn.Sequential([*layers, eqx.nn.Linear(192, 3, key=key)]))
    params, state = layer.init(KEY, X.shape)
    y, new = layer.apply(params, state, X, train=True, key=KEY)
    assert (y.shape, new) == ((4, 3), {})
    norm = from_equinox(lambda key: eqx.nn.Sequential([eqx.nn.BatchNorm(3, "batch", mode="batch")]))
    y, _ = norm.apply(*norm.init(KEY, X.shape), X, train=True)
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-5)


@pytest.mark.deep  # test_linen.py always goes this way
def test_the_whole_way(tiny, tmp_path, capsys):
    nets = """
import equinox as eqx
import jax
from jaxcnn import interop

class Tiny(eqx.Module):
    conv: eqx.nn.Conv2d
    norm: eqx.nn.BatchNorm
    drop: eqx.nn.Dropout
    out: eqx.nn.Linear

    def __init__(self, classes, key):
        first, second = jax.random.split(key)
        self.conv = eqx.nn.Conv2d(1, 2, 3, stride=3, use_bias=False, key=first)
        self.norm = eqx.nn.BatchNorm(2, "batch", mode="batch")
        self.drop = eqx.nn.Dropout(0.1)
        self.out = eqx.nn.Linear(162, classes, key=second)

    def __call__(self, x, state, *, key):
        x, state = self.norm(self.conv(x), state)
        return self.out(self.drop(jax.nn.relu(x), key=key).ravel()), state

def tiny(num_classes):
    return interop.from_equinox(lambda key: Tiny(num_classes, key))
"""
    goes_the_whole_way(nets, tiny, tmp_path, capsys)


class TwoInputs(eqx.Module):
    def __call__(self, x, mask):
        return x


class WithoutState(eqx.Module):
    norm: eqx.nn.BatchNorm

    def __call__(self, x):
        return x


class Forgetful(eqx.Module):
    def __call__(self, x, state):
        return x


@pytest.mark.parametrize(
    ("factory", "error", "message"),
    [
        (eqx.nn.Identity(), TypeError, "must be a function that makes the module.*got a module"),
        (3, TypeError, "must be a function that makes the module.*got 3"),
        (lambda key: 3, TypeError, "`factory` must return equinox's Module, got int"),
        (lambda key: TwoInputs(), TypeError, "one input, but its __call__ also needs mask"),
        (
            lambda key: WithoutState(eqx.nn.BatchNorm(3, "batch", mode="ema")),
            TypeError,
            "the module has a state, so its __call__ must take `state`",
        ),
    ],
)
def test_what_is_no_factory_is_refused(factory, error, message):
    with pytest.raises(error, match=message) as raised:
        from_equinox(factory)
    assert "\n" not in str(raised.value)


def test_what_a_layer_cannot_be_is_refused():
    with pytest.raises(TypeError, match=r"takes a state, so it must return \(y, state\)"):
        from_equinox(lambda key: Forgetful()).apply({}, {}, X)
    with pytest.raises(ValueError, match=r"`layout` must be one of \('CHW', 'HWC'\), got 'NHWC'"):
        from_equinox(lambda key: eqx.nn.Identity(), layout="NHWC")

    def net(key):
        return eqx.nn.Sequential([eqx.nn.BatchNorm(3, "examples", mode="batch")])

    layer = from_equinox(net)
    with pytest.raises(ValueError, match="another name of the batch axis.*give it as `axis_name`"):
        layer.apply(*layer.init(KEY, X.shape), X, train=True)
    from_equinox(net, axis_name="examples").apply(*layer.init(KEY, X.shape), X, train=True)
    with pytest.raises(TypeError, match="must return one array, got tuple"):
        from_equinox(lambda key: eqx.nn.Lambda(lambda x: (x, x))).apply({}, {}, X)
