"""Tests ResNet-18: names, parameter and FLOP counts, and receptive fields."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.layers import Remat, Residual, count_parameters, is_a, map_layers, outputs, summary
from jaxcnn.models import resnet18

SHAPE = (1, 224, 224, 3)


def started(model, shape):
    """Parameters drawn by NumPy, which compiles nothing; all statistics and scales positive."""
    rng = np.random.default_rng(0)
    start = jax.eval_shape(lambda key: model.init(key, shape), jax.random.key(0))
    return jax.tree.map(lambda leaf: rng.uniform(0.05, 0.2, leaf.shape).astype(np.float32), start)


@pytest.mark.slow
def test_names_and_counts_are_torchvisions():
    """11,689,512 parameters and 1.814e9 multiply-adds, as torchvision's documentation says."""
    params, state = jax.eval_shape(lambda key: resnet18(1000).init(key, SHAPE), jax.random.key(0))
    assert count_parameters(params) == 11_689_512
    paths = {jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in jax.tree_util.tree_leaves_with_path(params)}  # fmt: skip
    assert {"conv1.kernel", "bn1.scale", "layer1.0.conv1.kernel", "layer4.1.bn2.bias"} <= paths
    assert {"layer2.0.downsample.0.kernel", "layer2.0.downsample.1.scale", "fc.bias"} <= paths
    assert len(paths) == 62
    assert set(state["layer1"]["0"]) == {"bn1", "bn2"}
    rows = summary(resnet18(1000), SHAPE)
    assert sum(row.parameters for row in rows) == 11_689_512
    assert round(sum(row.flops for row in rows) / 2e9, 3) == 1.814


@pytest.mark.slow
def test_receptive_fields_are_the_gradients():
    """The last map sees 435 × 435 pixels, 32 apart (Araujo, Norris and Sim, 2019)."""
    rows = {row.path: row for row in summary(resnet18(1000), SHAPE)}
    last = rows["layer4/1/relu"].receptive_field
    assert rows["layer4/1/activation"].receptive_field.size == (435, 435)
    assert rows["layer4/1/activation"].receptive_field.stride == (32, 32)
    assert last.size == (371, 371)
    assert rows["layer2/0"].kind == "add"
    assert rows["fc"].receptive_field.size == (224, 224)

    shape = (1, 160, 160, 1)  # each field but the last stage's has its whole within the image
    model = resnet18(10, width=2)
    params, state = started(model, shape)
    fields = {row.path: row.receptive_field for row in summary(model, shape)}
    shown = [f"layer{stage}/{block}{end}" for stage in (1, 2) for block in (0, 1) for end in ("", "/conv1")]  # fmt: skip

    def centres(x):
        # Positive weights, inputs and scales: no relu is off, and nothing cancels.
        found = outputs(model, params, state, x)
        return {name: found[name][0, found[name].shape[1] // 2, found[name].shape[2] // 2].sum() for name in shown}  # fmt: skip

    found = jax.eval_shape(lambda x: outputs(model, params, state, x), jnp.ones(shape))
    rng = np.random.default_rng(1)
    seen = {name: np.zeros(shape[1:3], bool) for name in shown}
    gradients = jax.jit(jax.jacrev(centres))
    for _ in range(6):  # the maximum of a pool has a gradient in one place of each window
        x = jnp.asarray(rng.uniform(1, 2, shape), jnp.float32)
        for name, gradient in gradients(x).items():
            seen[name] |= np.asarray(gradient[0, ..., 0]) != 0
    for name in shown:
        field, at = fields[name], [size // 2 for size in found[name].shape[1:3]]
        for axis in (0, 1):
            pixels = np.flatnonzero(seen[name].any(1 - axis))
            low = field.offset[axis] + at[axis] * field.stride[axis]
            assert (pixels[0], pixels[-1]) == (low, low + field.size[axis] - 1), (name, axis)


@pytest.mark.slow
def test_branches_are_drawn():
    lines = str(summary(resnet18(1000), SHAPE)).splitlines()
    (start,) = [i for i, line in enumerate(lines) if " layer2/0/conv1 " in line]
    drawn = [line.split()[:2] for line in lines[start : start + 9]]
    assert drawn == [
        ["╭", "layer2/0/conv1"],
        ["│", "layer2/0/bn1"],
        ["│", "layer2/0/relu"],
        ["│", "layer2/0/conv2"],
        ["│", "layer2/0/bn2"],
        ["├", "layer2/0/downsample/0"],
        ["│", "layer2/0/downsample/1"],
        ["╰", "layer2/0"],
        ["layer2/0/activation", "Activation"],
    ]


@pytest.mark.deep
def test_recomputing_every_block_changes_nothing():
    shape = (2, 32, 32, 3)
    model = resnet18(10, width=4)
    again = map_layers(model, lambda part: Remat(part) if is_a(part, Residual) else part)
    params, state = started(model, shape)
    shapes = jax.eval_shape(lambda key: again.init(key, shape), jax.random.key(0))
    assert jax.tree.map(np.shape, shapes) == jax.tree.map(np.shape, (params, state))
    x = np.random.default_rng(2).normal(size=shape).astype(np.float32)

    def loss(layer):
        return jax.jit(jax.grad(lambda params: layer.apply(params, state, x, train=True)[0].var()))

    assert str(jax.make_jaxpr(loss(again))(params)).count("remat") > 0
    for found, wanted in zip(*map(jax.tree.leaves, (loss(again)(params), loss(model)(params))), strict=True):  # fmt: skip
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-5)
