"""Every model of the zoo in every format, computed by others: ONNX Runtime, torch, JAX alone."""

import importlib.util

import jax
import numpy as np
import onnxruntime
import pytest
from safetensors.numpy import load

from jaxcnn.interop import FORMATS, ModelToExport, from_torch, to_state_dict
from tests.models.parity import loaded
from tests.models.test_parity import zoo
from tests.models.zoo import FIRSTS, ZooCase

try:
    import torch
except ImportError:
    torch = None


LIGHT = ("lenet_bn", "squeezenet1_1", "resnet18", "mobilenet_v2", "shufflenet_v2_x1_0")
HEAVY = tuple(name for name in FIRSTS.values() if name not in LIGHT)
"""Of the first model of each paper, those that take minutes or much memory: left to `make zoo`."""


GROWING = ("mobilenet_v3_large", "efficientnet_v2_s")
"""Models whose activations grow from layer to layer with the statistics that are drawn for them.

In float32 their logits have few digits: of efficientnet_v2_s, moving the weights by 1e-7 moves them
by 45 %. So they are exported with the statistics of some images.
"""


def settled(model, params, state):
    """The running statistics that many passes over the same images end with.

    Each pass moves them by the same share of what is left, so two of them say where they end.
    """
    images = np.random.default_rng(9).uniform(-1, 1, (16, 64, 64, 3))
    step = jax.jit(
        lambda state: model.apply(params, state, images, train=True, key=jax.random.key(0))[1]
    )
    first = step(state)

    def end(start, one, two):
        moved, more = np.asarray(one - start), np.asarray(two - one)
        rest = np.where(moved == more, 0, more**2 / np.where(moved == more, 1, moved - more))
        return np.float32(two + rest)

    return jax.tree.map(end, state, first, step(first))


@pytest.fixture
def exported(case: ZooCase):
    """A model with weights, two images, and whether logits are theirs.

    They are computed in float64. What another format computes must be as close as 1e-5 of the
    largest logit, or 4 times as far as the model's own float32, whose rounding is different.
    """
    model = case.model()
    params, state = loaded(case, model)
    images = case.images()[:2]
    with jax.enable_x64(True):
        if case.name in GROWING:
            wide = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), (params, state))
            state = settled(model, *wide)
        doubles = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), (params, state, images))
        wanted = np.asarray(jax.jit(lambda *given: model.apply(*given)[0])(*doubles))
    own = jax.jit(lambda *given: model.apply(*given)[0])(params, state, images)
    close = max(1e-5, 4 * apart(own, wanted))  # of the largest logit
    assert close < 1e-3  # so that a mistake shows
    it = ModelToExport(model, params, state, case.image, {})
    yield it, images, lambda found: apart(found, wanted) < close
    jax.clear_caches()


def apart(found, wanted):
    return np.abs(np.asarray(found) - wanted).max() / np.abs(wanted).max()


@zoo(quick=("lenet_bn",), heavy=HEAVY)
@pytest.mark.slow
def test_formats(case: ZooCase, exported, tmp_path):
    it, images, agrees = exported
    first = np.ascontiguousarray(np.moveaxis(images, -1, 1))

    stablehlo = FORMATS["stablehlo"].files(it, "x")["x.stablehlo"]
    assert agrees(jax.export.deserialize(bytearray(stablehlo)).call(images))

    session = onnxruntime.InferenceSession(FORMATS["onnx"].files(it, "x")["x.onnx"])
    (found,) = session.run(None, {session.get_inputs()[0].name: first})
    assert agrees(found)

    arrays = load(FORMATS["safetensors"].files(it, "x")["x.safetensors"])
    leaves = jax.tree.leaves((it.params, it.state))
    assert len(arrays) == len(leaves)
    assert sum(array.size for array in arrays.values()) == sum(leaf.size for leaf in leaves)

    for name, content in FORMATS["torch"].files(it, "x").items():
        (tmp_path / name).write_bytes(content)
    if torch is not None:
        spec = importlib.util.spec_from_file_location("x", tmp_path / "x.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        with torch.no_grad():
            assert agrees(module.load()(torch.from_numpy(first)).numpy())


@zoo(quick=("lenet_bn",), heavy=HEAVY)
def test_weights_there_and_back(case: ZooCase):
    """What is exported by torch's names and imported again is the same to the bit."""
    model = case.model()
    params, state = loaded(case, model)
    again = from_torch(model, to_state_dict(model, params, state, case.shape), case.shape)
    jax.tree.map(np.testing.assert_array_equal, again, (params, state))
