"""The networks that are timed compute the same in every library."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import inference, train_steps
from benchmarks.command import WITH_TORCH
from benchmarks.networks import NETWORKS, Network, in_flax
from benchmarks.train_steps import by_flax, by_jaxcnn
from benchmarks.work import products
from jaxcnn import layers, models
from jaxcnn.layers import Parallel, Residual, Sequential, count_parameters
from jaxcnn.models.blocks import conv, conv_bn, squeeze_excitation

# LeNet on 28 × 28; torchvision's others, whose last layer has 1,000 classes instead of 10.
PARAMETERS = {
    "lenet": 61_706,
    "resnet20": 272_474,
    "resnet50": 25_557_032 - 2_049_000 + 20_490,
    "mobilenet_v2": 3_504_872 - 1_281_000 + 12_810,
    "efficientnet_b0": 5_288_548 - 1_281_000 + 12_810,
    "convnext_tiny": 28_589_128 - 769_000 + 7_690,
}

# Every kind of layer that a twin in Flax has a rule for.
EVERY_KIND = Sequential(
    stem=conv_bn(8, 3, stride=2, activation="silu"),
    pool=layers.MaxPool2d(3, stride=2, padding=1),
    block=Residual(
        Sequential(
            conv_bn(8, 5, groups=8, activation="relu6"),
            squeeze_excitation(8, 4, activation="silu"),
            conv(8, 1),
            layers.BatchNorm(epsilon=1e-3, momentum=0.2),
            layers.StochasticDepth(0),
        ),
        activation="relu",
        inline=True,
    ),
    next=Residual(
        Sequential(
            layers.Conv2d(8, (7, 3), padding=(3, 1), groups=8),
            layers.Identity(),
            layers.LayerNorm(epsilon=1e-6),
            layers.Dense(16),
            layers.Activation("gelu"),
            layers.Dense(8),
            layers.Scale(0.1),
        )
    ),
    both=Parallel(a=layers.AvgPool2d(2), b=layers.MaxPool2d(2)),
    tanh=layers.Activation("tanh"),
    gates=Sequential(layers.Activation("hard_sigmoid"), layers.Activation("hard_swish")),
    mean=Parallel(
        a=layers.GlobalAvgPool(), b=Sequential(layers.Flatten(), layers.Activation("sigmoid"))
    ),
    dropout=layers.Dropout(0),
    out=layers.Dense(10),
)


def small(name):
    """A network with four small images."""
    if name == "every kind":
        return Network(EVERY_KIND, 4, (16, 16, 3))
    image = (28, 28, 1) if name == "lenet" else (64, 64, 3)
    return NETWORKS[name]._replace(batch=4, image=image)


FIRST = ("lenet", "resnet20")
OTHERS = [pytest.param(n, marks=[] if n in FIRST else [pytest.mark.deep]) for n in NETWORKS]


def in_float64(network):
    """The start and images: the statistics of so few pixels blow rounding up, layer after layer."""
    params, state = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), network.start())
    return params, state, network.data()[0].astype(np.float64)


def means(state):
    """The running means by torch's names; Flax's running variances are divided by another count."""
    pairs = jax.tree_util.tree_leaves_with_path(state)
    names = {".".join(key.key for key in path): leaf for path, leaf in pairs}
    return {f"{name[:-4]}running_mean": x for name, x in names.items() if name.endswith(".mean")}


@pytest.mark.parametrize("name", ["every kind"])
def test_in_training(name):
    """The logits and running means of jaxcnn, Flax and torch."""
    network = small(name)
    with jax.enable_x64(True):
        params, state, x = in_float64(network)
        results = (jax.jit(by(network))(params, state, x) for by in (by_jaxcnn, by_flax))
        (logits, after), (expected, after_flax) = jax.tree.map(np.asarray, tuple(results))
    assert count_parameters(params) == PARAMETERS.get(name, count_parameters(params))
    assert logits.std() > 1e-3
    np.testing.assert_allclose(logits, expected, rtol=1e-8, atol=1e-9)
    assert jax.tree.structure(after_flax) == jax.tree.structure(state)
    for path, mean in means(after_flax).items():
        np.testing.assert_allclose(means(after)[path], mean, rtol=1e-8, atol=1e-9, err_msg=path)
    torch = pytest.importorskip("torch")
    from benchmarks.networks.in_torch import twin

    model = twin(network).double()
    found = model(torch.tensor(x).movedim(-1, 1)).detach().numpy()
    np.testing.assert_allclose(logits, found, rtol=1e-8, atol=1e-9)
    moved = {key: value for key, value in model.state_dict().items() if "running_mean" in key}
    assert moved.keys() == means(after).keys()
    for key, mean in means(after).items():
        np.testing.assert_allclose(mean, moved[key], rtol=1e-8, atol=1e-9, err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_zoo_in_training(name):
    test_in_training(name)


@pytest.mark.slow
def test_steps():
    """The losses of two steps."""
    network = small("every kind")
    names = ["jaxcnn", "torch" if WITH_TORCH else "Flax"]
    losses = []
    for library in names:
        call = train_steps.LIBRARIES[library](network).call
        losses.append([float(call()) for _ in range(2)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert losses[0][0] != losses[0][1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the runtimes' own
@pytest.mark.parametrize("name", ["every kind", *OTHERS])
def test_in_evaluation(name):
    """The logits of every library that does not compile for long."""
    network = small(name)
    logits = np.asarray(inference.jaxcnn_call(network).call())
    assert logits.std() > 1e-3
    for library in inference.installed(inference.LIBRARIES):
        if library not in ("jaxcnn", "torch.compile", "Flax accelerated"):
            found = np.asarray(inference.LIBRARIES[library](network).call())
            error = np.abs(found - logits).max() / np.abs(logits).max()
            assert error < 1e-4, library


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_torch_compile_in_evaluation():
    pytest.importorskip("torch")
    network = small("lenet")
    ours, compiled = inference.jaxcnn_call(network), inference.compiled_torch_call(network)
    np.testing.assert_allclose(ours.call(), compiled.call(), rtol=1e-4, atol=1e-5)
    assert compiled.seconds > 0


def test_no_twin():
    """A layer or an option that a twin in Flax has no rule for is refused, with its path."""
    cases = {
        "a: a twin in Flax needs rate=0, got 0.5": layers.Dropout(0.5),
        "a: no rule builds Function": layers.Function(jnp.sin),
        "a: only channels last": layers.Conv2d(3, 1, layout="NCHW"),
    }
    for message, layer in cases.items():
        network = Network(Sequential(a=layer), 1, (4, 4, 3))
        with pytest.raises(NotImplementedError, match=message):
            jax.eval_shape(
                in_flax.forward(network.layer, train=True), {}, {}, jnp.ones((1, 4, 4, 3))
            )


@pytest.mark.slow
def test_work_of_a_network():
    """Multiplications of one image are those of torchvision's ResNet-50."""
    network = Network(models.resnet50(1000), 1, (224, 224, 3))
    params, state = jax.eval_shape(network.start)
    assert count_parameters(params) == 25_557_032
    x = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
    assert sum(products(by_flax(network), params, state, x)) == pytest.approx(2 * 4.089, rel=1e-3)
