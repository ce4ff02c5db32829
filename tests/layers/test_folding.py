"""Folding batch normalizations into the layers before them does not change the output."""

import jax
import numpy as np
import pytest

from jaxcnn.layers import (
    Activation,
    BatchNorm,
    Conv2d,
    ConvTranspose2d,
    Dense,
    DepthwiseConv2d,
    Flatten,
    GroupNorm,
    Parallel,
    Remat,
    Residual,
    SeparableConv2d,
    Sequential,
    fold_batch_norm,
    summary,
)

SHAPE = (2, 8, 8, 4)


def kinds(model, shape):
    return [row.kind for row in summary(model, shape)]


def started(model, shape=SHAPE):
    """A model whose statistics, scales and biases are all far from those it begins with."""
    rng = np.random.default_rng(0)
    start = jax.eval_shape(lambda key: model.init(key, shape), jax.random.key(0))
    leaves, tree = jax.tree.flatten(start)
    drawn = [rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32) for leaf in leaves]
    signs = [np.where(rng.uniform(size=leaf.shape) < 0.5, -1, 1) for leaf in leaves]
    params, state = jax.tree.unflatten(tree, [a * b for a, b in zip(drawn, signs, strict=True)])
    state = jax.tree.map(abs, state)
    params, state = jax.tree.map(lambda leaf: leaf.astype(np.float32), (params, state))
    return params, state, rng.normal(size=shape).astype(np.float32)


LINEAR = {
    "conv": Conv2d(6, 3, padding=1, bias=False),
    "biased": Conv2d(6, 3, groups=2, padding_mode="reflect", padding=1),
    "depthwise": DepthwiseConv2d(3, multiplier=2),
    "separable": SeparableConv2d(6, 3),
    "transposed": ConvTranspose2d(6, 3, stride=2, groups=2, bias=False),
    "remat": Remat(Conv2d(6, 3)),
}


@pytest.mark.parametrize("first", LINEAR.values(), ids=LINEAR)
@pytest.mark.parametrize(
    "options", [{}, {"scale": False, "epsilon": 0.1}, {"bias": False}], ids=str
)
def test_each_layer_takes_the_norm_after_it(first, options):
    model = Sequential(first=first, norm=BatchNorm(**options), act=Activation("tanh"))
    params, state, x = started(model)
    folded, new_params, new_state = fold_batch_norm(model, params, state)
    assert kinds(folded, SHAPE)[1:] == ["Identity", "Activation"]
    assert (list(new_params), new_state) == (["first"], {})
    y, _ = folded.apply(new_params, new_state, x)
    np.testing.assert_allclose(y, model.apply(params, state, x)[0], atol=1e-5)
    start = jax.eval_shape(lambda key: folded.init(key, SHAPE), jax.random.key(0))
    assert jax.tree.map(np.shape, new_params) == jax.tree.map(np.shape, start[0])


def test_channels_first():
    model = Sequential(conv=Conv2d(6, 3, layout="NCHW"), norm=BatchNorm(layout="NCHW"))
    params, state, x = started(model, (2, 4, 8, 8))
    folded, *rest = fold_batch_norm(model, params, state)
    np.testing.assert_allclose(
        folded.apply(*rest, x)[0], model.apply(params, state, x)[0], atol=1e-5
    )


@pytest.mark.slow
def test_branches_and_chains_of_chains():
    """Across the borders of chains; not where the output is used twice, nor after an activation."""
    tail = Sequential(relu=Activation("relu"), norm=BatchNorm(), conv=Conv2d(4, 3, padding=1))
    model = Sequential(
        stem=Sequential(conv=Conv2d(4, 3, padding=1)),
        norm=BatchNorm(),
        block=Residual(Sequential(c=Conv2d(4, 3, padding=1), n=BatchNorm()), Sequential(Conv2d(4, 1), BatchNorm()), inline=True, activation="relu"),
        twice=Sequential(conv=Conv2d(4, 1), both=Residual(Sequential(norm=BatchNorm(), tail=tail))),
        many=Parallel(a=BatchNorm(), b=Sequential(GroupNorm(2), BatchNorm())),
        flat=Flatten(),
        out=Dense(5, bias=False),
        last=BatchNorm(),
    )  # fmt: skip
    params, state, x = started(model)
    folded, *rest = fold_batch_norm(model, params, state)
    np.testing.assert_allclose(
        folded.apply(*rest, x)[0], model.apply(params, state, x)[0], rtol=1e-4, atol=1e-4
    )
    left = [row.path for row in summary(folded, SHAPE) if row.kind == "BatchNorm"]
    assert left == ["twice/both/body/norm", "twice/both/body/tail/norm", "many/a", "many/b/1"]
    assert set(rest[1]) == {"twice", "many"}


def test_under_jit():
    model = Sequential(conv=Conv2d(6, 3), norm=BatchNorm())
    params, state, x = started(model)

    @jax.jit
    def run(params, state, x):
        folded, *rest = fold_batch_norm(model, params, state)
        return folded.apply(*rest, x)[0]

    np.testing.assert_allclose(run(params, state, x), model.apply(params, state, x)[0], atol=1e-5)
