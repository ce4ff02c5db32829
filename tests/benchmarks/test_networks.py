"""The networks whose steps are timed are the same in every framework."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.networks import NETWORKS, Network
from benchmarks.networks.in_flax import ResNet50
from benchmarks.train_steps import by_flax, by_jaxcnn
from benchmarks.work import products
from jaxcnn.layers import count_parameters

# LeNet on 28 × 28; He et al. say 0.27 million; torchvision's MobileNetV2 has 3,504,872
# parameters, of which 1,281,000 are the last layer's for 1,000 classes instead of 10.
PARAMETERS = {
    "LeNet": 61_706,
    "ResNet-20": 269_722,
    "MobileNetV2": 3_504_872 - 1_281_000 + 12_810,
}


@pytest.fixture(scope="module", params=NETWORKS)
def small(request):
    """A network with four small images, and the logits and state of jaxcnn in training."""
    network = NETWORKS[request.param]
    image = (28, 28, 1) if request.param == "LeNet" else (64, 64, 3)
    network = network._replace(batch=4, image=image)
    # In float64: the statistics of so few pixels blow rounding up, layer after layer.
    with jax.enable_x64(True):
        params, state = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), network.start())
        x = np.random.default_rng(1).standard_normal((4, *image))
        logits, after = jax.jit(by_jaxcnn(network))(params, state, jnp.asarray(x))
        yield request.param, network, params, state, x, logits, after


@pytest.mark.slow
def test_resnet50():
    """Parameters and multiplications of one image are those of torchvision's ResNet-50."""
    network = Network(1, (224, 224, 3), ResNet50)
    params, state = jax.eval_shape(network.start)
    assert count_parameters(params) == 25_557_032
    x = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
    assert sum(products(by_flax(network), params, state, x)) == pytest.approx(2 * 4.089, rel=1e-3)


def means(state):
    """The running means alone: Flax's running variances are divided by another count."""
    pairs = jax.tree_util.tree_leaves_with_path(state)
    return {str(path): leaf for path, leaf in pairs if path[-1].key == "mean"}


@pytest.mark.slow
def test_flax(small):
    name, network, params, state, x, logits, after = small
    layer = network.jaxcnn()
    shapes = jax.eval_shape(lambda key: layer.init(key, x.shape), jax.random.key(0))
    assert shapes == jax.eval_shape(network.start)
    assert count_parameters(params) == PARAMETERS[name]
    expected, expected_state = jax.jit(by_flax(network))(params, state, jnp.asarray(x))
    np.testing.assert_allclose(logits, expected, rtol=1e-9, atol=1e-10)
    for path, mean in means(expected_state).items():
        np.testing.assert_allclose(means(after)[path], mean, rtol=1e-9, atol=1e-10, err_msg=path)


def test_torch(small):
    torch = pytest.importorskip("torch")
    name, network, params, state, x, logits, _ = small
    model = network.torch().double()
    names = {"kernel": "weight", "scale": "weight", "bias": "bias"}
    names |= {"mean": "running_mean", "var": "running_var"}
    own = {key: value for key, value in model.state_dict().items() if "num_batches" not in key}
    leaves = jax.tree_util.tree_leaves_with_path((params, state))
    assert len(leaves) == len(own)
    for (_, *path, last), leaf in leaves:
        value = np.asarray(leaf)
        if (name, path[-1].key, last.key) == ("LeNet", "dense1", "kernel"):
            # torch flattens (channel, row, column), we flatten (row, column, channel).
            value = value.reshape(5, 5, 16, 120).transpose(2, 0, 1, 3).reshape(400, 120)
        value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T
        own[".".join([*(part.key for part in path), names[last.key]])].copy_(
            torch.tensor(value.copy())
        )
    with torch.no_grad():
        expected = model(torch.tensor(x.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(logits, expected, rtol=1e-9, atol=1e-10)
