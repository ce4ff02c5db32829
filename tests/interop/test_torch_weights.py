"""Tests the exchange of weights with torch: names, order of axes and refusals."""

import re

import jax
import numpy as np
import pytest

from jaxcnn.interop import InteropError, from_torch, to_state_dict
from jaxcnn.layers import (
    BatchNorm,
    Conv2d,
    Dense,
    Flatten,
    Function,
    Identity,
    Layer,
    Parallel,
    Sequential,
    named_key,
)
from jaxcnn.models import resnet18

SHAPE = (1, 4, 5, 3)
MODEL = Sequential(conv=Conv2d(2, 3, padding=1, bias=False), norm=BatchNorm(bias=False), flat=Flatten(), out=Dense(4))  # fmt: skip


def arrays():
    params, state = MODEL.init(jax.random.key(0), SHAPE)
    return params, to_state_dict(MODEL, params, state, SHAPE)


def test_names_and_axes():
    params, found = arrays()
    kernel, dense = params["conv"]["kernel"], params["out"]["kernel"]
    np.testing.assert_array_equal(found["conv.weight"], np.transpose(kernel, (3, 2, 0, 1)))
    rows = np.asarray(dense).reshape(4, 5, 2, 4).transpose(3, 2, 0, 1).reshape(4, 40)
    np.testing.assert_array_equal(found["out.weight"], rows)
    assert {name: array.shape for name, array in found.items() if name.startswith("norm")} == {
        "norm.weight": (2,),
        "norm.bias": (2,),
        "norm.running_mean": (2,),
        "norm.running_var": (2,),
        "norm.num_batches_tracked": (),
    }
    assert found["norm.num_batches_tracked"].dtype == np.int64


@pytest.mark.slow
def test_the_names_of_a_resnet_are_torchvisions():
    params, state = jax.eval_shape(lambda key: resnet18(10, width=4).init(key, (1, 32, 32, 3)), jax.random.key(0))  # fmt: skip
    params, state = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), (params, state))
    names = to_state_dict(resnet18(10, width=4), params, state, (1, 32, 32, 3)).keys()
    assert len(names) == 122  # as torchvision's resnet18().state_dict() has
    assert {"layer1.0.conv1.weight", "layer2.0.downsample.1.running_var", "fc.bias"} <= names


def test_everything_wrong_is_listed_at_once():
    _, found = arrays()
    del found["conv.weight"]
    found["out.bias"] = np.zeros(5)
    found["norm.bias"] = np.ones(2)
    found |= {"aux.weight": np.ones(1), "aux2.weight": np.ones(1), "other": np.ones(1)}
    sentences = [
        "conv.weight is missing",
        "norm.bias must be 0, because the model has none",
        "out.bias must have shape (4,), got (5,)",
        "other is not of the model",
    ]
    with pytest.raises(ValueError, match="^" + re.escape("from_torch: " + "; ".join(sentences)) + "$"):  # fmt: skip
        from_torch(MODEL, found, SHAPE, skip=("aux*",))


def test_what_torch_keeps_beside_may_be_missing():
    """Files of before 2018 have no ``num_batches_tracked``."""
    params, found = arrays()
    del found["norm.num_batches_tracked"], found["norm.bias"]
    again, state = from_torch(MODEL, found, SHAPE)
    jax.tree.map(np.testing.assert_array_equal, again, params)
    assert sorted(state["norm"]) == ["mean", "var"]


def test_a_function_without_weights_is_no_hindrance():
    """It sees flattened images in this package's order, and so does what follows it."""
    model = Sequential(flat=Flatten(), double=Function(lambda x: 2 * x), out=Dense(4))
    params, state = model.init(jax.random.key(0), SHAPE)
    found = to_state_dict(model, params, state, SHAPE)
    np.testing.assert_array_equal(found["out.weight"], params["out"]["kernel"].T)


def test_layers_of_ones_own_have_no_names_in_torch():
    def init(key, input_shape):
        return {"gain": jax.random.normal(named_key(key, "gain"), (3,))}, {}

    own = Layer(init, lambda params, state, x, **_: (x * params["gain"][None, None, None], state))
    model = Sequential(stem=Conv2d(3, 1), own=own)
    params, state = model.init(jax.random.key(0), SHAPE)
    with pytest.raises(InteropError, match=r"^own: a layer of one's own has no names of weights in torch$"):  # fmt: skip
        to_state_dict(model, params, state, SHAPE)
    with pytest.raises(InteropError, match=r"^own: a layer of one's own has no names"):
        from_torch(model, {}, SHAPE)


@pytest.mark.slow
def test_a_long_chain_of_concatenations():
    """The time grows with the layers, not with the ways through them."""
    model = Sequential(*(Parallel(x=Identity(), new=Conv2d(1, 1)) for _ in range(40)))
    params, state = jax.eval_shape(lambda key: model.init(key, (1, 4, 4, 1)), jax.random.key(0))
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), (params, state))
    assert len(to_state_dict(model, *zeros, (1, 4, 4, 1))) == 80
