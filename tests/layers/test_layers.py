"""Tests single layers, `Sequential`, `summary` and `outputs`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc
from jaxcnn.layers import (
    Activation,
    AvgPool2d,
    Conv2d,
    Dense,
    Flatten,
    Function,
    GlobalAvgPool,
    Layer,
    MaxPool2d,
    Sequential,
    count_parameters,
    named_key,
    output_shape,
    outputs,
    summary,
)
from jaxcnn.ops.geometry import ReceptiveField

KEY = jax.random.key(0)


def test_conv_layer_is_the_op():
    layer = Conv2d(4, (3, 2), stride=2, padding=1, groups=2)
    params, state = layer.init(KEY, (1, 8, 8, 6))
    assert params["kernel"].shape == (3, 2, 3, 4)
    x = jax.random.normal(KEY, (2, 8, 8, 6))
    y, new_state = layer.apply(params, state, x)
    expected = jc.conv2d(x, params["kernel"], params["bias"], stride=2, padding=1, groups=2)
    np.testing.assert_array_equal(y, expected)
    assert new_state == {}


def test_conv_layer_without_bias():
    params, _ = Conv2d(4, 3, bias=False).init(KEY, (1, 8, 8, 6))
    assert list(params) == ["kernel"]


def test_glorot_uniform_by_default():
    """Bounds sqrt(6 / (fan_in + fan_out)), and zero biases (Glorot and Bengio, 2010)."""
    params, _ = Conv2d(60, 5).init(KEY, (1, 9, 9, 40))
    bound = (6 / (25 * 40 + 25 * 60)) ** 0.5
    assert bound * 0.99 < float(jnp.abs(params["kernel"]).max()) <= bound
    assert float(jnp.abs(params["kernel"].mean())) < bound / 100
    assert not params["bias"].any()
    dense, _ = Dense(300).init(KEY, (1, 200))
    bound = (6 / 500) ** 0.5
    assert bound * 0.99 < float(jnp.abs(dense["kernel"]).max()) <= bound


def test_dense():
    layer = Dense(3)
    params, _ = layer.init(KEY, (1, 5))
    params["bias"] = jnp.arange(3.0)
    x = jax.random.normal(KEY, (2, 5))
    y, _ = layer.apply(params, {}, x)
    np.testing.assert_allclose(
        y, np.asarray(x) @ np.asarray(params["kernel"]) + np.arange(3.0), rtol=1e-5
    )
    with pytest.raises(ValueError, match="Dense: `x` must have 5 features on its last axis, got 4"):
        layer.apply(params, {}, jnp.ones((2, 4)))


def test_pooling_layers_are_the_ops():
    x = jax.random.normal(KEY, (2, 7, 7, 3))
    y, _ = AvgPool2d(3, stride=2, padding=1).apply({}, {}, x)
    np.testing.assert_array_equal(y, jc.avg_pool2d(x, 3, stride=2, padding=1))
    y, _ = MaxPool2d(3, stride=2, padding=1).apply({}, {}, x)
    np.testing.assert_array_equal(y, jc.max_pool2d(x, 3, stride=2, padding=1))


def test_flatten_keeps_an_empty_batch():
    y, _ = Flatten().apply({}, {}, jnp.ones((0, 2, 3)))
    assert y.shape == (0, 6)


def test_sequential_names_and_nests():
    inner = Sequential(conv=Conv2d(2, 3), relu=Activation("relu"))
    model = Sequential(body=inner, flat=Flatten(), head=Dense(4))
    params, state = model.init(KEY, (1, 5, 5, 1))
    assert params["body"]["conv"]["kernel"].shape == (3, 3, 1, 2)
    assert params["head"]["kernel"].shape == (18, 4)
    assert set(params) == {"body", "head"}
    assert output_shape(model, params, state, (7, 5, 5, 1)) == (7, 4)
    names = [row.path for row in summary(model, (1, 5, 5, 1))]
    assert names == ["body/conv", "body/relu", "flat", "head"]
    assert sum(row.parameters for row in summary(model, (1, 5, 5, 1))) == count_parameters(params)


def test_sequential_draws_each_layer_apart():
    params, _ = Sequential(a=Dense(3), b=Dense(3)).init(KEY, (1, 3))
    assert not np.array_equal(params["a"]["kernel"], params["b"]["kernel"])


def test_sequential_threads_state_and_keys():
    """A layer that counts its calls and adds noise sees its own state and its own key."""

    def init(key, input_shape):
        return {}, {"calls": jnp.zeros((), jnp.int32)}

    def apply(params, state, x, *, train=False, key=None):
        noise = jax.random.normal(key, x.shape) if train else 0.0
        return x + noise, {"calls": state["calls"] + 1}

    counting = Layer(init, apply)
    model = Sequential(first=counting, second=counting)
    params, state = model.init(KEY, (1, 3))
    y, state = model.apply(params, state, jnp.zeros((1, 3)), train=True, key=KEY)
    assert {name: int(s["calls"]) for name, s in state.items()} == {"first": 1, "second": 1}
    once, _ = counting.apply(
        {}, state["first"], jnp.zeros((1, 3)), train=True, key=named_key(KEY, "first")
    )
    assert not np.allclose(y, 2 * once)


def test_layers_can_be_hashed():
    """They may be static arguments of a jitted function."""
    model = Sequential(conv=Conv2d(2, 3), flat=Flatten(), head=Dense(4))
    assert model == model
    assert {model: 1}[model] == 1
    assert model != Sequential(conv=Conv2d(2, 3), flat=Flatten(), head=Dense(4))


def test_a_layer_says_what_it_was_built_from():
    model = Sequential(conv=Conv2d(2, 3, padding="same"), relu=Activation("relu"))
    assert (model.description.kind, model.description.options) == (Sequential, {})
    conv, relu = (part.description for part in model.description.parts.values())
    assert (conv.kind, conv.options["padding"], conv.options["stride"]) == (Conv2d, "same", 1)
    assert (relu.kind, relu.options) == (Activation, {"name": "relu"})
    assert (
        repr(model)
        == "Sequential(conv=Conv2d(out_channels=2, window=3, padding='same'), relu=Activation(name='relu'))"
    )


def test_bad_arguments():
    with pytest.raises(TypeError, match="Sequential: `relu` must be a Layer, got "):
        Sequential(relu=jax.nn.relu)
    with pytest.raises(ValueError, match="Conv2d: `out_channels` must be at least 1, got 0"):
        Conv2d(0, 3)
    with pytest.raises(TypeError, match=r"Conv2d: `window` must be an int, got 2\.5"):
        Conv2d(4, 2.5)
    with pytest.raises(ValueError, match="Dense: `features` must be at least 1, got -1"):
        Dense(-1)


def fields(model, input_shape):
    return {row.path: row.receptive_field for row in summary(model, input_shape)}


def test_summary_counts_two_flops_per_multiply_add():
    model = Sequential(conv=Conv2d(4, (3, 2), groups=2, stride=2), flat=Flatten(), dense=Dense(5))
    flops = {row.path: row.flops for row in summary(model, (3, 9, 8, 6))}
    assert flops == {"conv": 2 * 3 * (4 * 4 * 4) * (3 * 2 * 3), "flat": 0, "dense": 2 * 3 * 64 * 5}


@pytest.mark.slow
def test_summary_receptive_fields_are_where_the_gradient_is_not_zero():
    """Each output's field, by its formula, is the box around the pixels that it depends on."""
    model = Sequential(
        conv1=Conv2d(3, (3, 5), stride=(1, 2), padding="same"),
        pool=AvgPool2d((2, 3), stride=(2, 1)),
        body=Sequential(conv=Conv2d(2, 3, dilation=2, padding=(1, 0)), relu=Activation("softplus")),
    )  # fmt: skip
    params, state = model.init(KEY, (1, 20, 40, 1))
    x = jax.random.normal(KEY, (1, 20, 40, 1))
    at = (4, 8)  # an output that every layer has, with its field inside of the image

    def centre(x):
        return {name: y[0, *at].sum() for name, y in outputs(model, params, state, x).items()}

    gradients = jax.jit(jax.jacrev(centre))(x)
    for name, field in fields(model, x.shape).items():
        for axis, pixels in enumerate(np.nonzero(np.asarray(gradients[name])[0, ..., 0])):
            low = field.offset[axis] + at[axis] * field.stride[axis]
            assert (pixels.min(), pixels.max()) == (low, low + field.size[axis] - 1), (name, axis)


def test_summary_says_where_a_layer_sees_everything_or_nobody_knows():
    whole = ReceptiveField((8, 8), (0, 0), (0, 0))
    model = Sequential(conv=Conv2d(2, 3), flat=Flatten(), dense=Dense(3))
    assert list(fields(model, (1, 8, 8, 1)).values())[1:] == [((3, 3), (1, 1), (0, 0)), whole]
    pooled = Sequential(pool=GlobalAvgPool(), relu=Activation("relu"))
    assert set(fields(pooled, (1, 8, 8, 1)).values()) == {whole}
    for function in (lambda x: x[:, ::2], lambda x: x[:, ::-1]):
        silent = Sequential(half=Function(function), relu=Activation("relu"))
        assert set(fields(silent, (1, 8, 8, 1)).values()) == {None}
        assert [row.flops for row in summary(silent, (1, 8, 8, 1))] == [None, 0]
    own = Sequential(
        own=Layer(lambda key, shape: ({}, {}), lambda params, state, x, **_: (x, state))
    )
    (row,) = summary(own, (1, 8, 8, 1))
    assert (row.kind, row.flops, row.receptive_field) == ("Layer", None, None)


def test_outputs_are_what_apply_computes():
    model = Sequential(body=Sequential(conv=Conv2d(2, 3)), flat=Flatten(), head=Dense(4))
    params, state = model.init(KEY, (1, 5, 5, 1))
    x = jax.random.normal(KEY, (3, 5, 5, 1))
    found = jax.jit(lambda x: outputs(model, params, state, x))(x)
    assert list(found) == ["body/conv", "flat", "head"]
    np.testing.assert_allclose(found["head"], model.apply(params, state, x)[0], rtol=1e-6)
