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


@pytest.fixture
def exported(case: ZooCase):
    """A model with weights, and the logits of a batch of two images, computed in float64."""
    model = case.model()
    params, state = loaded(case, model)
    images = case.images()[:2]
    with jax.enable_x64(True):
        doubles = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), (params, state, images))
        wanted = jax.jit(lambda *given: model.apply(*given)[0])(*doubles)
    yield ModelToExport(model, params, state, case.image, {}), images, np.asarray(wanted)
    jax.clear_caches()


def agree(found, wanted):
    """To 1e-5 of the largest logit."""
    assert np.abs(np.asarray(found) - wanted).max() < 1e-5 * np.abs(wanted).max()


@zoo(quick=("lenet_bn",), heavy=HEAVY)
@pytest.mark.slow
def test_formats(case: ZooCase, exported, tmp_path):
    it, images, wanted = exported
    first = np.ascontiguousarray(np.moveaxis(images, -1, 1))

    stablehlo = FORMATS["stablehlo"].files(it, "x")["x.stablehlo"]
    agree(jax.export.deserialize(bytearray(stablehlo)).call(images), wanted)

    session = onnxruntime.InferenceSession(FORMATS["onnx"].files(it, "x")["x.onnx"])
    (found,) = session.run(None, {session.get_inputs()[0].name: first})
    agree(found, wanted)

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
            agree(module.load()(torch.from_numpy(first)).numpy(), wanted)


@zoo(quick=("lenet_bn",), heavy=HEAVY)
def test_weights_there_and_back(case: ZooCase):
    """What is exported by torch's names and imported again is the same to the bit."""
    model = case.model()
    params, state = loaded(case, model)
    again = from_torch(model, to_state_dict(model, params, state, case.shape), case.shape)
    jax.tree.map(np.testing.assert_array_equal, again, (params, state))
