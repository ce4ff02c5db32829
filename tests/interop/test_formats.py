"""Each exported format, run by its own library, gives the logits of the model."""

import importlib.util
import json
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import pytest
from safetensors import safe_open
from safetensors.numpy import load

from jaxcnn.interop import FORMATS, InteropError
from jaxcnn.layers import (
    Activation,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dense,
    Layer,
    LayerNorm,
    Residual,
    Resize,
    Scale,
    Sequential,
    described,
)
from tests.interop.exported_models import MODELS_TO_EXPORT, batch, logits, to_export

TORCH = importlib.util.find_spec("torch") is not None
COUNTS = (1, 5)

each_model = pytest.mark.parametrize("it", MODELS_TO_EXPORT.values(), ids=MODELS_TO_EXPORT)


def channels_first(images):
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def agree(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@each_model
def test_stablehlo(it):
    content = FORMATS["stablehlo"].files(it, "x")["x.stablehlo"]
    artefact = jax.export.deserialize(bytearray(content))
    assert artefact.platforms == ("cpu", "cuda", "tpu")
    for count in COUNTS:
        images = batch(it, count)
        agree(artefact.call(images), logits(it, images))


def test_no_file_says_where_it_was_made():
    """JAX would note the path of each source file, the user's name among them."""
    for name in FORMATS:
        for content in FORMATS[name].files(MODELS_TO_EXPORT["lenet"], "x").values():
            assert re.findall(rb"[/\\\\][\w./-]*\.py", content) == []


CALL = """
import sys, numpy as np, jax
artefact = jax.export.deserialize(bytearray(open("lenet.stablehlo", "rb").read()))
np.save("found.npy", artefact.call(np.load("images.npy")))
print(sorted(name for name in sys.modules if name.startswith("jaxcnn")))
"""


@pytest.mark.slow
def test_stablehlo_needs_nothing_but_jax(tmp_path):
    it = MODELS_TO_EXPORT["lenet"]
    for name, content in FORMATS["stablehlo"].files(it, "lenet").items():
        (tmp_path / name).write_bytes(content)
    images = batch(it, 5)
    np.save(tmp_path / "images.npy", images)
    done = subprocess.run([sys.executable, "-c", CALL], cwd=tmp_path, capture_output=True, text=True, timeout=120)  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    agree(np.load(tmp_path / "found.npy"), logits(it, images))
    card = json.loads((tmp_path / "lenet.stablehlo.json").read_text())
    assert card["input"]["shape"] == ["batch", 28, 28, 1]
    assert card["model"] == "x"


@each_model
def test_safetensors(it, tmp_path):
    """The parameters themselves, by their names."""
    (tmp_path / "x").write_bytes(FORMATS["safetensors"].files(it, "x")["x.safetensors"])
    params = {}
    with safe_open(tmp_path / "x", "numpy") as file:
        assert json.loads(file.metadata()["jaxcnn"])["model"] == "x"
        for name in file.keys():  # noqa: SIM118
            *path, last = name.split("/")
            inner = params
            for part in path:
                inner = inner.setdefault(part, {})
            inner[last] = file.get_tensor(name)
    jax.tree.map(np.testing.assert_array_equal, params, it.params)


def test_safetensors_of_a_model_with_state():
    """Running statistics lie apart from the parameters, whatever their names."""

    def init(key, input_shape):
        return {"mean": jnp.ones(2)}, {"mean": jnp.zeros((2, 3))}

    it = to_export(Sequential(norm=Layer(init, lambda params, state, x, **_: (x, state))))
    arrays = load(FORMATS["safetensors"].files(it, "x")["x.safetensors"])
    assert {name: array.shape for name, array in arrays.items()} == {"norm/mean": (2,), "state/norm/mean": (2, 3)}  # fmt: skip


@each_model
def test_onnx(it):
    content = FORMATS["onnx"].files(it, "x")["x.onnx"]
    # What is written must be right by itself: the runtime mends a border of zeros before a maximum.
    literally = onnxruntime.SessionOptions()
    literally.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(content, literally, ["CPUExecutionProvider"])
    for count in COUNTS:
        images = batch(it, count)
        (found,) = session.run(["logits"], {"images": channels_first(images)})
        agree(found, logits(it, images))
    (given,), (result,) = session.get_inputs(), session.get_outputs()
    height, width, channels = it.image_shape
    assert given.shape == ["batch", channels, height, width]
    assert result.shape == ["batch", logits(it, batch(it, 1)).shape[1]]
    (entry,) = onnx.load_from_string(content).metadata_props
    assert json.loads(entry.value)["model"] == "x"


@each_model
def test_torch(it, tmp_path):
    """The code's `Network` loads the weights; without torch, the weights alone are looked at."""
    files = FORMATS["torch"].files(it, "net")
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    arrays = load(files["net.safetensors"])
    params = {"/".join(key.key for key in path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(it.params)}  # fmt: skip
    renamed = {name.replace("kernel", "weight").replace("/", "."): leaf for name, leaf in params.items()}  # fmt: skip
    assert arrays.keys() == renamed.keys()
    for name, leaf in renamed.items():
        assert np.sort(arrays[name], axis=None).tobytes() == np.sort(leaf, axis=None).tobytes()
    if TORCH:
        import torch

        spec = importlib.util.spec_from_file_location("net", tmp_path / "net.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        images = batch(it, 5)
        with torch.no_grad():
            found = module.load()(torch.from_numpy(channels_first(images)))
        agree(found.numpy(), logits(it, images))


LENET = """
    def __init__(self):
        super().__init__({
            'conv1': nn.Conv2d(1, 6, (5, 5), padding=(2, 2)),
            'sigmoid1': nn.Sigmoid(),
            'pool1': nn.AvgPool2d((2, 2)),
            'conv2': nn.Conv2d(6, 16, (5, 5)),
            'sigmoid2': nn.Sigmoid(),
            'pool2': nn.AvgPool2d((2, 2)),
            'flatten': nn.Flatten(),
            'dense1': nn.Linear(400, 120),
            'sigmoid3': nn.Sigmoid(),
            'dense2': nn.Linear(120, 84),
            'sigmoid4': nn.Sigmoid(),
            'dense3': nn.Linear(84, 10),
        })

    def forward(self, x):
"""


def code_of(model, shape=(8, 8, 4)):
    return FORMATS["torch"].files(to_export(model, shape), "net")["net.py"].decode()


def test_the_code_of_lenet():
    code = FORMATS["torch"].files(MODELS_TO_EXPORT["lenet"], "net")["net.py"].decode()
    compile(code, "net.py", "exec")
    assert LENET in code
    assert "import torch\n" not in code  # nothing is imported that is not used
    assert "        x = self['flatten'](x)\n        x = self['dense1'](x)\n" in code


def test_the_code_of_branches():
    """It follows the graph, and a variable is used again once its value is not needed."""
    body = Sequential(
        conv1=Conv2d(4, 3, padding=((1, 1), (0, 2))), gelu=Activation("gelu"), scale=Scale()
    )
    code = code_of(Sequential(layer1=Residual(body, Conv2d(4, 1), activation="relu", inline=True)))
    assert code.partition('of images."""\n')[2].partition("\n\n")[0].splitlines() == [
        "        y = self['layer1']['conv1'](F.pad(x, (0, 2, 1, 1)))",
        "        y = self['layer1']['gelu'](y)",
        "        y = y * self['layer1'].get_parameter('scale')",
        "        x = self['layer1']['shortcut'](x)",
        "        y = y + x",
        "        y = self['layer1']['activation'](y)",
        "        return y",
    ]


def test_the_same_run_gives_the_same_files():
    for name in FORMATS:
        once, again = (FORMATS[name].files(MODELS_TO_EXPORT["lenet"], "x") for _ in range(2))
        assert once == again


# What has no counterpart.

OWN = Layer(lambda key, shape: ({}, {}), lambda params, state, x, **_: (2 * x, state))


@described
def twice():
    return OWN


def nested(layer):
    return Sequential(layer1=Sequential(Residual(Conv2d(2, 3, padding=1), activation=layer)))


@pytest.mark.parametrize(
    ("to", "model", "sentence"),
    [
        ("onnx torch", nested(jnp.sin), "layer1/0/activation: Function has no counterpart in (ONNX|torch)"),
        ("onnx torch", nested(OWN), "layer1/0/activation: a layer of one's own has no counterpart in "),
        ("onnx torch", nested(twice()), "layer1/0/activation: twice has no counterpart in "),
        ("onnx torch", nested(LayerNorm(axes=(0, 3))), "layer1/0/activation: LayerNorm has no counterpart in "),
        ("torch", Sequential(pool=AvgPool2d(3, padding=((1, 0), (0, 0)), count_include_pad=False)), "pool: an uneven border that does not count has no counterpart in torch"),
        ("torch", Sequential(a=Sequential(train=Dense(3))), "a/train: a layer in torch cannot have the name 'train'"),
        ("torch", Sequential(**{"a.b": Dense(3)}), "a.b: a layer in torch cannot have the name 'a.b'"),
    ],
    ids=["function", "own", "described", "batch", "border", "name", "dot"],
)  # fmt: skip
def test_layers_without_a_counterpart(to, model, sentence):
    it = to_export(model, (6, 6, 2))
    for name in to.split():
        with pytest.raises(InteropError, match=f"^{sentence}.*; --to stablehlo takes any layer$"):
            FORMATS[name].files(it, "x")


def test_bicubic_signals_have_no_counterpart_in_torch():
    it = to_export(Sequential(larger=Resize(9, method="bicubic")), (6, 2))
    with pytest.raises(InteropError, match="^larger: bicubic and antialias are for images only in torch"):  # fmt: skip
        FORMATS["torch"].files(it, "x")


def test_batch_normalizations_are_folded_for_inference_only():
    model = Sequential(conv=Conv2d(3, 3, bias=False), norm=BatchNorm(), alone=BatchNorm())
    it = to_export(model, (6, 6, 2))
    content = FORMATS["onnx"].files(it, "x")["x.onnx"]
    nodes = onnx.load_from_string(content).graph.node
    assert [node.op_type for node in nodes] == ["Conv", "BatchNormalization"]
    assert code_of(model).count("nn.BatchNorm2d(3)") == 2


def test_stablehlo_takes_any_layer():
    it = to_export(Sequential(own=OWN, dense=Dense(3), gelu=Activation("gelu")), (6, 6, 2))
    artefact = jax.export.deserialize(bytearray(FORMATS["stablehlo"].files(it, "x")["x.stablehlo"]))
    agree(artefact.call(batch(it, 5)), logits(it, batch(it, 5)))


def test_onnx_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InteropError, match=re.escape('--to onnx needs the package onnx: pip install "jaxcnn[onnx]"')):  # fmt: skip
        FORMATS["onnx"].files(MODELS_TO_EXPORT["lenet"], "x")
