"""Exports every example layer to every format, and its weights to torch and back."""

import contextlib
import functools
import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import onnxruntime
import pytest
from safetensors.numpy import load

from jaxcnn.interop import FORMATS, InteropError, ModelToExport, from_torch, to_state_dict
from jaxcnn.interop.torch_module import TAKEN
from jaxcnn.layers import Sequential
from jaxcnn.layers.naming import names_of
from tests.interop.exported_models import drawn
from tests.interop.more_cases import MORE_CASES
from tests.layers.cases import CASES, case_id
from tests.outcomes import proving

TORCH = importlib.util.find_spec("torch") is not None


SHORT = ("block", "planes", "flatten_joined", "layouts_mixed", "avg_pool_ceil", "resnet18")
"""The cases that `make test` runs besides the first case of each layer."""


def marked(case):
    name = case.kind if case in MORE_CASES else case_id(case)
    short = name in SHORT or name.endswith("-0")
    return pytest.param(case, id=name, marks=[] if short else [pytest.mark.deep])


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", [marked(case) for case in (*CASES, *MORE_CASES)])


@pytest.fixture
def prove(record_property, case):
    """Record that a property held, for the table in docs/layers.md."""
    if case in MORE_CASES:
        return lambda name: contextlib.nullcontext()
    return lambda name: proving(record_property, case.kind, name)


@functools.cache
def to_export(case):
    """A layer and a batch; its parameters are drawn by NumPy, which compiles nothing."""
    layer, rng = case.make(), np.random.default_rng(0)
    params, state = jax.eval_shape(lambda key: layer.init(key, case.shape), jax.random.key(0))
    params = jax.tree.map(lambda leaf: drawn(rng, leaf.shape), params)
    state = jax.tree.map(lambda leaf: rng.uniform(0.5, 1.5, leaf.shape).astype("float32"), state)
    x = rng.normal(size=case.shape).astype(np.float32)
    x = -abs(x) if "max" in case.kind.lower() else x  # a border of zeros would win
    return ModelToExport(layer, params, state, case.shape[1:], {"model": "x"}), x


@functools.cache
def wanted(case):
    it, x = to_export(case)
    y = jax.jit(lambda params, state, x: it.model.apply(params, state, x)[0])
    found = outside(np.asarray(y(it.params, it.state, x)), case.layout)
    assert np.abs(found[0] - found[1]).max() > 1e-3 * np.abs(found).max()  # it depends on the input
    return found


def outside(array, layout=None):
    """An array with its channels first, as in the exports."""
    last = array.ndim > 2 and (layout or "C").endswith("C")
    return np.array(np.moveaxis(array, -1, 1) if last else array, order="C")


def agree(found, wanted):
    """Equal to 1e-5 of the largest number."""
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()


def refused(case, to):
    """Whether the case holds a function of one's own, which is named in the refusal then."""
    if "Function" not in repr(case.make()):
        return False
    it, _ = to_export(case)
    with pytest.raises(
        InteropError, match=r"^(the model|layer|kept): Function has no counterpart in "
    ):
        FORMATS[to].files(it, "x")
    return True


@pytest.mark.slow
def test_onnx(case, prove):
    """Checked, and run by ONNX Runtime without its own mending, for one input and for more."""
    if refused(case, "onnx"):
        return
    it, x = to_export(case)
    with prove("onnx"):
        content = FORMATS["onnx"].files(it, "x")["x.onnx"]
        literally = onnxruntime.SessionOptions()
        literally.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(content, literally, ["CPUExecutionProvider"])
        for count in (1, 2):
            given = outside(x[:count], case.layout)
            (found,) = session.run(["logits"], {"images": given})
            agree(found, wanted(case)[:count])


@pytest.mark.slow
def test_stablehlo(case, prove):
    it, x = to_export(case)
    with prove("stablehlo"):
        artefact = jax.export.deserialize(bytearray(FORMATS["stablehlo"].files(it, "x")["x.stablehlo"]))  # fmt: skip
        for count in (1, 2):
            found = np.asarray(artefact.call(x[:count]))
            agree(outside(found, case.layout), wanted(case)[:count])


def test_safetensors(case, prove):
    it, _ = to_export(case)
    with prove("safetensors"):
        arrays = load(FORMATS["safetensors"].files(it, "x")["x.safetensors"])
        for prefix, tree in (("", it.params), ("state/", it.state)):
            for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
                name = prefix + "/".join(key.key for key in path)
                np.testing.assert_array_equal(arrays.pop(name), leaf)
        assert not arrays


def network(content, folder):
    """The module of the code of an export."""
    for name, part in content.items():
        (folder / name).write_bytes(part)
    spec = importlib.util.spec_from_file_location("net", folder / "net.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_torch(case, prove, tmp_path):
    """The code is Python; where there is torch, it loads its weights and gives the same."""
    if refused(case, "torch"):
        return
    it, x = to_export(case)
    content = FORMATS["torch"].files(it, "net")
    compile(content["net.py"], "net.py", "exec")
    if TORCH:
        import torch

        with prove("torch"), torch.no_grad():
            model = network(content, tmp_path).load()
            given = torch.from_numpy(outside(x, case.layout))
            agree(model(given).numpy(), wanted(case))


def test_weights(case, prove, tmp_path):
    """Out and in again, and what torch has drawn: in, the same result, and out again."""
    it, x = to_export(case)
    arrays = to_state_dict(it.model, it.params, it.state, case.shape)
    params, state = from_torch(it.model, arrays, case.shape)
    jax.tree.map(np.testing.assert_array_equal, (params, state), (it.params, it.state))
    if TORCH and "Function" not in repr(it.model):
        import torch

        bare = names_of(it.model) is None
        model = Sequential(layer=it.model) if bare else it.model
        # A scale without a bias is one with a bias of zeros in torch, and stays so.
        fixed = {
            name for name, array in arrays.items() if len(np.unique(array)) == 1 and array.size > 1
        }
        with prove("weights"), torch.no_grad():
            torch.manual_seed(0)
            module = network(FORMATS["torch"].files(it, "net"), tmp_path).Network().eval()
            for name, value in module.state_dict().items():
                if name.removeprefix("layer." if bare else "") not in fixed:
                    value += torch.rand(value.shape).to(value.dtype)
            drawn = module.state_dict()
            params, state = from_torch(model, drawn, case.shape)
            y = model.apply(params, state, jnp.asarray(x))[0]
            found = module(torch.from_numpy(outside(x, case.layout))).numpy()
            agree(found, outside(np.asarray(y), case.layout))
            again = to_state_dict(model, params, state, case.shape)
            assert again.keys() == drawn.keys()
            for name, array in again.items():
                np.testing.assert_array_equal(array, drawn[name])


def test_the_names_that_torch_has_itself():
    if TORCH:
        from torch import nn

        empty = nn.ModuleDict()
        assert {name for name in dir(empty) if not name.startswith("_")} == TAKEN
