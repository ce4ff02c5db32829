"""Without the packages of an extra: what works, and the one sentence that the rest says."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from jaxcnn import extras

ROOT = Path(__file__).parents[1]

HIDING = """
import sys

class Hiding:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hiding())
"""

CORE = """
import pathlib, tempfile
import jax, jax.export, jax.numpy as jnp
import jaxcnn as jc
from jaxcnn.check import check_ops

x = jnp.ones((1, 8, 8, 3))
f = jax.jit(lambda x: jc.conv2d(x, jnp.ones((3, 3, 3, 4))))
jax.export.export(f)(x).serialize()
net = jc.layers.Sequential(jc.layers.Conv2d(4, 3), jc.layers.Flatten(), jc.layers.Dense(2))
params, state = net.init(jax.random.key(0), x.shape)
jc.layers.summary(net, x.shape)
lenet = jc.models.MODELS["lenet"](10)
weights = lenet.init(jax.random.key(0), (1, 28, 28, 1))
subject = jc.interop.ModelToExport(lenet, *weights, (28, 28, 1), {})
for name in ("stablehlo", "safetensors", "torch"):
    files = jc.interop.FORMATS[name].files(subject, "lenet")
    if name == "safetensors":
        saved = pathlib.Path(tempfile.mkdtemp(), "lenet.safetensors")
        saved.write_bytes(files["lenet.safetensors"])
        jc.interop.load_weights(saved)
assert all(row.ok for row in check_ops(["pad"], ["float32"]))
print(f(x).shape, net.apply(params, state, x)[0].shape)
"""


def without(modules, code, *words):
    """The process that runs ``code`` and finds none of the modules."""
    hiding = HIDING.format(hidden=set(modules))
    return subprocess.run(
        [sys.executable, "-c", hiding + code, *words],
        env=os.environ | {"JAX_PLATFORMS": "cpu"}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


ALL = [module for modules in extras.EXTRAS.values() for module in modules]


@pytest.mark.slow
def test_ops_layers_models_and_exports_work_with_the_core_alone():
    done = without(ALL, CORE)
    assert (done.stderr, done.stdout) == ("", "(1, 6, 6, 4) (1, 2)\n")


@pytest.mark.parametrize(
    "use", ["jc.training", "jc.data", "jc.report", "from jaxcnn.data import idx"]
)
def test_a_room_that_needs_train_says_so_in_one_sentence(use):
    done = without(["grain"], f"import jaxcnn as jc\n{use}")
    room = re.search(r"training|data|report", use)[0]
    sentence = f'jaxcnn.{room} needs the package grain: pip install "jaxcnn[train]"'
    assert done.stderr.splitlines()[-1] == f"ImportError: {sentence}"
    assert done.stderr.count("Traceback") == 1


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [("from_linen", "flax", "train"), ("to_nnx", "flax", "train"), ("from_equinox", "equinox", "equinox")],
)  # fmt: skip
@pytest.mark.slow
def test_a_module_of_a_library_that_is_missing(name, package, extra):
    """The rest of `jc.interop` works without it."""
    done = without([package], f"import jaxcnn as jc\njc.interop.from_torch\njc.interop.{name}")
    sentence = f'jaxcnn.interop.{name} needs the package {package}: pip install "jaxcnn[{extra}]"'
    assert done.stderr.splitlines()[-1] == f"ImportError: {sentence}"


@pytest.mark.parametrize("module", ["optax", "tyro", "orbax"])
@pytest.mark.parametrize("words", [["train"], ["--help"]])
def test_the_command_says_so_too(module, words):
    done = without([module], "from jaxcnn.__main__ import main; main()", *words)
    sentence = f'the jaxcnn command needs the package {module}: pip install "jaxcnn[train]"'
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"jaxcnn: {sentence}\n"


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_extras_are_those_of_pyproject():
    """Each package of an extra is known by its module, so that none can be missing unnoticed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    of_module = importlib.metadata.packages_distributions()
    of_module |= {"tensorflow": ["tensorflow-cpu"]}  # no test installs it
    of_module |= {name: [name] for name in ("matplotlib", "openvino")} | {"dm_pix": ["dm-pix"]}
    for extra, modules in extras.EXTRAS.items():
        wanted = {normal(re.split(r"[><=]", line)[0]) for line in project["optional-dependencies"][extra]}  # fmt: skip
        assert {normal(of_module[module][0]) for module in modules} == wanted, extra


def test_every_command_names_an_extra_that_there_is():
    with pytest.raises(KeyError):
        extras.missing("this", "no such extra")
