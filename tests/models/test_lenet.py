"""Tests the LeNet models: outputs, parameters and agreement with torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.layers import summary
from jaxcnn.models import MODELS, lenet, lenet_modern

SHAPES = {
    "conv1": ((1, 28, 28, 6), 156),
    "pool1": ((1, 14, 14, 6), 0),
    "conv2": ((1, 10, 10, 16), 2416),
    "pool2": ((1, 5, 5, 16), 0),
    "flatten": ((1, 400), 0),
    "dense1": ((1, 120), 48120),
    "dense2": ((1, 84), 10164),
    "dense3": ((1, 10), 850),
}


@pytest.mark.parametrize("model", [lenet, lenet_modern])
def test_shapes_and_parameters_are_the_books(model):
    rows = {
        row.path: (row.output_shape, row.parameters) for row in summary(model(), (1, 28, 28, 1))
    }
    assert {name: rows[name] for name in SHAPES} == SHAPES
    assert sum(count for _, count in rows.values()) == 61_706


@pytest.mark.parametrize("name", ["lenet", "lenet_modern"])
@pytest.mark.slow
def test_gradients_reach_every_parameter(name):
    model = MODELS[name](10)
    params, state = model.init(jax.random.key(0), (1, 28, 28, 1))
    x = jax.random.uniform(jax.random.key(1), (4, 28, 28, 1))

    def loss(params):
        logits, _ = model.apply(params, state, x, train=True)
        return jax.nn.log_softmax(logits)[:, 3].sum()

    for leaf in jax.tree.leaves(jax.grad(loss)(params)):
        assert np.isfinite(leaf).all()
        assert jnp.abs(leaf).max() > 0


@pytest.mark.parametrize(
    ("name", "pool", "activation"), [("lenet", "avg", "Sigmoid"), ("lenet_modern", "max", "ReLU")]
)
def test_same_logits_as_torch(name, pool, activation):
    """The same weights in torch's own layers give the same logits."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    act, layer = getattr(nn, activation), nn.AvgPool2d if pool == "avg" else nn.MaxPool2d
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), act(), layer(2, 2), nn.Conv2d(6, 16, 5), act(), layer(2, 2),
        nn.Flatten(), nn.Linear(400, 120), act(), nn.Linear(120, 84), act(), nn.Linear(84, 10),
    )  # fmt: skip
    model = MODELS[name](10)
    params, state = model.init(jax.random.key(0), (1, 28, 28, 1))
    # torch flattens (channel, row, column), we flatten (row, column, channel).
    dense1 = np.asarray(params["dense1"]["kernel"]).reshape(5, 5, 16, 120)
    kernels = {
        0: np.asarray(params["conv1"]["kernel"]).transpose(3, 2, 0, 1),
        3: np.asarray(params["conv2"]["kernel"]).transpose(3, 2, 0, 1),
        7: dense1.transpose(2, 0, 1, 3).reshape(400, 120).T,
        9: np.asarray(params["dense2"]["kernel"]).T,
        11: np.asarray(params["dense3"]["kernel"]).T,
    }
    with torch.no_grad():
        for index, kernel in kernels.items():
            net[index].weight.copy_(torch.tensor(kernel.copy()))
            net[index].bias.zero_()
        x = np.random.default_rng(0).uniform(size=(3, 28, 28, 1)).astype(np.float32)
        expected = net(torch.tensor(x.transpose(0, 3, 1, 2).copy())).numpy()
    logits, _ = model.apply(params, state, jnp.asarray(x))
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)
