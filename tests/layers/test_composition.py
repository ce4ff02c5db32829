"""Tests layers made of layers: names, paths, random keys and joins."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import layers
from jaxcnn.layers import (
    Activation,
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    Identity,
    Inline,
    Parallel,
    Remat,
    Residual,
    Scale,
    Sequential,
    Split,
    described,
    is_a,
    map_layers,
    rebuild,
    summary,
    synchronized,
)

KEY = jax.random.key(0)
SHAPE = (1, 6, 6, 4)


def paths(model, shape=SHAPE):
    params, _ = jax.eval_shape(lambda key: model.init(key, shape), KEY)
    return [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in jax.tree_util.tree_leaves_with_path(params)]  # fmt: skip


def conv(channels=4):
    return Conv2d(channels, 3, padding=1, bias=False)


# Names


def test_by_position_and_by_name():
    model = Sequential(conv(), Activation("relu"), head=conv(2))
    assert paths(model) == ["0/kernel", "head/kernel"]
    assert [row.path for row in summary(model, SHAPE)] == ["0", "1", "head"]


def test_inlined_names():
    body = Sequential(conv1=conv(), relu=Activation("relu"), conv2=conv())
    assert paths(Residual(body, conv())) == [
        "body/conv1/kernel",
        "body/conv2/kernel",
        "shortcut/kernel",
    ]
    block = Residual(body, Sequential(conv()), inline=True, shortcut_name="downsample")
    assert paths(block) == ["conv1/kernel", "conv2/kernel", "downsample/0/kernel"]
    both = Parallel(
        inline=True, a=Sequential(a1=conv(), a2=conv()), b=Sequential(b1=conv()), c=conv()
    )
    assert paths(both) == ["a1/kernel", "a2/kernel", "b1/kernel", "c/kernel"]
    mixed = Sequential(stem=conv(), split=Inline(Parallel(left=conv(), right=conv())))
    assert paths(mixed) == ["left/kernel", "right/kernel", "stem/kernel"]
    assert [row.path for row in summary(mixed, SHAPE)] == ["stem", "left", "right", "split"]
    assert paths(Residual(Remat(body), inline=True)) == ["conv1/kernel", "conv2/kernel"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Sequential(conv(), **{"0": conv()}), "Sequential: two layers are named '0', one by its position"),
        (lambda: Residual(Sequential(shortcut=conv()), conv(), inline=True), "Residual: two parts are named 'shortcut', one in `body` and one in `shortcut`"),
        (lambda: Parallel(a=Sequential(c=conv()), b=Sequential(c=conv()), inline=True), "Parallel: two parts are named 'c', one in `a` and one in `b`"),
        (lambda: Sequential(left=conv(), more=Inline(Sequential(left=conv()))), "Sequential: two parts are named 'left', one in `left` and one in `more`"),
        (lambda: Sequential(**{"a/b": conv()}), "Sequential: a part's name must not be empty or hold a '/', got 'a/b'"),
        (lambda: Inline(conv()), "Inline: `layer` must be made of named layers"),
        (lambda: Parallel(), "Parallel: there must be at least one branch"),
        (lambda: Parallel(a=conv(), join="sum"), r"Parallel: `join` must be one of \('add', 'multiply', 'concat'\), got 'sum'"),
        (lambda: Split(a=conv(), b=conv(), sizes=(1, 2, 3)), r"Split: `sizes` must be one for each of 2 branches, got \(1, 2, 3\)"),
    ],
)  # fmt: skip
def test_names_that_cannot_be(make, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        make()


@pytest.mark.parametrize("kind", [Sequential, Parallel, Split])
def test_parts_must_be_layers(kind):
    with pytest.raises(TypeError, match=f"^{kind.__name__}: `relu` must be a Layer, got "):
        kind(relu=jax.nn.relu)


# Draws


def drawn(model, shape=SHAPE):
    params, _ = model.init(KEY, shape)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params)}  # fmt: skip


def test_inserting_or_renaming_a_layer_redraws_no_other():
    before = drawn(Sequential(a=conv(), b=Sequential(c=conv(), d=Dense(3))))
    inserted = drawn(
        Sequential(new=conv(), a=conv(), b=Sequential(c=conv(), new=conv(), d=Dense(3)))
    )
    renamed = drawn(Sequential(other=conv(), b=Sequential(c=conv(), d=Dense(3))))
    assert not np.array_equal(before["a/kernel"], before["b/c/kernel"])
    for name, leaf in before.items():
        np.testing.assert_array_equal(inserted[name], leaf)
        if name != "a/kernel":
            np.testing.assert_array_equal(renamed[name], leaf)
    assert not np.array_equal(renamed["other/kernel"], before["a/kernel"])


def test_a_draw_depends_on_the_path_alone():
    """However the layers are nested: shortcuts, branches and recomputation move no number."""
    plain = drawn(Sequential(conv1=conv(), conv2=conv()))
    body = Sequential(conv1=conv(), conv2=conv())
    for other in (
        Residual(body, inline=True),
        Remat(body),
        Parallel(
            inline=True, join="add", one=Sequential(conv1=conv()), two=Sequential(conv2=conv())
        ),
    ):
        found = drawn(other)
        assert found.keys() == plain.keys()
        for name, leaf in plain.items():
            np.testing.assert_array_equal(found[name], leaf)


def test_noise_depends_on_the_path_alone():
    x = jnp.ones((1, 50))
    plain = Sequential(drop=Dropout(0.5))
    longer = Sequential(first=Identity(), drop=Dropout(0.5))
    inlined = Residual(Sequential(drop=Dropout(0.5)), inline=True)
    run = [model.apply({}, {}, x, train=True, key=KEY)[0] for model in (plain, longer, inlined)]
    np.testing.assert_array_equal(run[0], run[1])
    np.testing.assert_array_equal(run[0] + x, run[2])
    with pytest.raises(ValueError, match="Dropout: training needs a random key"):
        plain.apply({}, {}, x, train=True)


# Results


@pytest.mark.slow
def test_what_branches_compute():
    x = jax.random.normal(KEY, (2, 3, 3, 4))
    double, square = Scale(2.0), layers.Function(jnp.square, elementwise=True)
    params = {"a": {"scale": jnp.full(4, 2.0)}}

    def run(model, params=params):
        return model.apply(params, {}, x)[0]

    np.testing.assert_allclose(run(Parallel(a=double, b=square)), np.concatenate([2 * x, x**2], -1))
    np.testing.assert_allclose(
        run(Parallel(a=double, b=square, join="add")), 2 * x + x**2, rtol=1e-6
    )
    np.testing.assert_allclose(
        run(Parallel(a=double, b=square, join="multiply")), 2 * x**3, rtol=1e-5
    )
    found = run(Split(sizes=(1, 3), b=square, c=Identity()), {})
    np.testing.assert_allclose(found, np.concatenate([x[..., :1] ** 2, x[..., 1:]], -1))
    first = jnp.moveaxis(x, -1, 1)
    split = Split(sizes=(1, 3), layout="NCHW", b=square, c=Identity())
    found, _ = split.apply({}, {}, first)
    np.testing.assert_allclose(found, np.concatenate([first[:, :1] ** 2, first[:, 1:]], 1))
    whole = Residual(square, double, activation=jnp.tanh)
    y, _ = whole.apply({"shortcut": {"scale": jnp.full(4, 2.0)}}, {}, x)
    np.testing.assert_allclose(y, np.tanh(2 * x + x**2), rtol=1e-5)


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"Residual: the branches' outputs do not fit for 'add': \[\(1, 6, 6, 3\), \(1, 6, 6, 4\)\]"):  # fmt: skip
        Residual(conv(3)).init(KEY, SHAPE)
    with pytest.raises(ValueError, match="Parallel: the branches' outputs do not fit for 'concat'"):
        Parallel(a=conv(3), b=Conv2d(3, 3)).init(KEY, SHAPE)
    with pytest.raises(ValueError, match="Split: 4 channels cannot be divided into 3 branches"):
        Split(a=conv(), b=conv(), c=conv()).init(KEY, SHAPE)
    with pytest.raises(ValueError, match=r"Split: `sizes` \(1, 2\) must add up to the 4 channels"):
        Split(a=conv(), b=conv(), sizes=(1, 2)).init(KEY, SHAPE)


def test_state_of_inlined_parts_is_kept_apart():
    """Each batch normalization has its own next state, however the names are laid."""
    model = Parallel(
        inline=True, a=Sequential(n1=BatchNorm()), b=Sequential(s=Scale(3.0), n2=BatchNorm()), c=Identity()
    )  # fmt: skip
    params, state = model.init(KEY, SHAPE)
    x = jax.random.normal(KEY, (2, *SHAPE[1:])) + 1
    _, after = model.apply(params, state, x, train=True)
    assert after.keys() == state.keys() == {"n1", "n2"}
    np.testing.assert_allclose(after["n2"]["mean"], 3 * after["n1"]["mean"], rtol=1e-5)


# Descriptions


def test_one_of_ones_own():
    """A constructor of one's own is described by one line, and stays unknown to the summary."""

    @described
    def Power(exponent=2.0, *, inner):  # noqa: N802
        return layers.combined("Power", {"inner": inner}, lambda flow, x: flow.part("inner", x))

    model = Sequential(power=Power(3.0, inner=Dense(2)))
    assert repr(model) == "Sequential(power=Power(exponent=3.0, inner=Dense(features=2)))"
    wider = map_layers(model, lambda part: Dense(5) if is_a(part, Dense) else part)
    assert repr(wider) == "Sequential(power=Power(exponent=3.0, inner=Dense(features=5)))"
    assert paths(wider, (1, 3)) == ["power/inner/bias", "power/inner/kernel"]


@pytest.mark.slow
def test_synchronized():
    model = synchronized(Residual(Sequential(norm=BatchNorm(momentum=0.2)), inline=True), "devices")
    (norm,) = model.description.parts["body"].description.parts.values()
    assert norm.description.options["axis_name"] == "devices"
    assert norm.description.options["momentum"] == 0.2
    params, state = model.init(KEY, SHAPE)
    x = jax.random.normal(KEY, (2, 2, *SHAPE[1:]))

    def run(x):
        return model.apply(params, state, x, train=True)[1]

    found = jax.vmap(run, axis_name="devices")(x)
    whole = map_layers(model, lambda part: rebuild(part, axis_name=None) if is_a(part, BatchNorm) else part)  # fmt: skip
    wanted = whole.apply(params, state, x.reshape(4, *SHAPE[1:]), train=True)[1]
    for leaf, other in zip(*map(jax.tree.leaves, (found, wanted)), strict=True):
        np.testing.assert_allclose(leaf[0], other, rtol=1e-5)


@pytest.mark.slow
def test_initial_values():
    """PyTorch's bounds, the identity, and arrays as they are given."""
    params, _ = Conv2d(64, 3, groups=2, kernel_init="torch", bias_init="torch").init(
        KEY, (1, 5, 5, 32)
    )
    bound = (16 * 9) ** -0.5
    for leaf in params.values():
        assert 0.9 * bound < float(jnp.abs(leaf).max()) <= bound
    transposed, _ = layers.ConvTranspose2d(64, 3, groups=2, kernel_init="torch").init(
        KEY, (1, 5, 5, 32)
    )
    assert 0.98 * (32 * 9) ** -0.5 < float(jnp.abs(transposed["kernel"]).max()) <= (32 * 9) ** -0.5
    x = jax.random.normal(KEY, (1, 5, 5, 4))
    for layer in (
        Conv2d(4, 3, padding=1, kernel_init="dirac"),
        Conv2d(4, 3, padding=1, groups=2, kernel_init="dirac"),
        layers.DepthwiseConv2d(3, padding=1, kernel_init="dirac"),
        layers.ConvTranspose2d(4, 3, padding=1, groups=2, kernel_init="dirac"),
        Dense(4, kernel_init="dirac"),
    ):
        params, state = layer.init(KEY, x.shape)
        np.testing.assert_array_equal(layer.apply(params, state, x)[0], x)
    given = np.arange(12.0).reshape(4, 3)
    params, _ = Dense(3, kernel_init=given, bias_init=np.ones(3)).init(KEY, (1, 4))
    np.testing.assert_array_equal(params["kernel"], given)
    with pytest.raises(
        ValueError, match=r"Dense: `kernel_init` must have shape \(5, 3\), got \(4, 3\)"
    ):
        Dense(3, kernel_init=given).init(KEY, (1, 5))
    with pytest.raises(
        ValueError, match="Dense: `kernel_init` must be one of .*'dirac'.*, got 'he'"
    ):
        Dense(3, kernel_init="he")
    with pytest.raises(TypeError, match="Dense: `bias_init` must be an initializer, its name or an array, got None"):  # fmt: skip
        Dense(3, bias_init=None)
