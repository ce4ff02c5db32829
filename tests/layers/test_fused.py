"""A batch norm and the activation after it are computed in one pass, and mean the same."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.layers import Activation, BatchNorm, Conv2d, Dropout, Layer, Sequential

X = jax.random.normal(jax.random.key(1), (4, 6, 5, 3)) * 3


def _apart(model: Layer, params: Any, state: Any, x: Any, train: bool, key: Any) -> Any:
    """The model's parts one by one."""
    assert model.description is not None
    after = {}
    for name, part in model.description.parts.items():
        own = params.get(name, {}), state.get(name, {})
        x, new = part.apply(*own, x, train=train, key=key)
        after |= {name: new} if new else {}
    return x, after


def _programs(model: Layer, train: bool) -> Any:
    params, state = model.init(jax.random.key(0), X.shape)

    def together(params: Any, x: Any) -> Any:
        return model.apply(params, state, x, train=train)

    def apart(params: Any, x: Any) -> Any:
        return _apart(model, params, state, x, train, None)

    return params, together, apart


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("name", ["relu", "relu6", "silu"])
def test_outputs_states_and_gradients(name: str, train: bool) -> None:
    model = Sequential(
        conv=Conv2d(8, 3, padding=1),
        norm=BatchNorm(),
        act=Activation(name),
        norm2=BatchNorm(momentum=0.5, scale=False),
        norm3=BatchNorm(bias=False),
        act3=Activation("relu"),
    )
    params, together, apart = _programs(model, train)

    def loss(compute: Any, params: Any, x: Any) -> Any:
        y, state = compute(params, x)
        return jnp.sum(jnp.sin(y)), (y, state)

    for compute in (together, apart):
        assert set(compute(params, X)[1]) == {"norm", "norm2", "norm3"}
    got, want = (
        jax.value_and_grad(lambda p, x, c=c: loss(c, p, x), (0, 1), has_aux=True)(params, X)
        for c in (together, apart)
    )
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-4 * float(jnp.abs(b).max()))


def test_the_clipping_is_one_with_the_sums() -> None:
    model = Sequential(norm=BatchNorm(), act=Activation("relu6"))
    params, together, apart = _programs(model, True)
    programs = [
        str(jax.make_jaxpr(jax.grad(lambda p, f=f: f(p, X)[0].sum()))(params))
        for f in (together, apart)
    ]
    assert ["high=6.0" in program for program in programs] == [True, False]


def test_the_activation_is_computed_once() -> None:
    model = Sequential(norm=BatchNorm(), act=Activation("relu"))
    params, *both = _programs(model, True)
    programs = [str(jax.make_jaxpr(compute)(params, X)) for compute in both]
    assert ["name=relu" in program for program in programs] == [False, True]


def test_layers_without_such_a_neighbour_stay_alone() -> None:
    own = BatchNorm().apply
    for layer in (Activation("tanh"), Dropout(0.5), BatchNorm(), Layer(own, own)):
        assert own.followed_by(layer) is None
    assert own.followed_by(Activation("relu")) is not None


def test_a_key_reaches_the_parts_after_it() -> None:
    model = Sequential(norm=BatchNorm(), act=Activation("relu"), drop=Dropout(0.5))
    params, state = model.init(jax.random.key(0), X.shape)
    y, _ = model.apply(params, state, X, train=True, key=jax.random.key(2))
    undropped, _ = model.apply(params, state, X, train=False)
    assert float((y == 0).mean()) > float((undropped == 0).mean()) + 0.1
