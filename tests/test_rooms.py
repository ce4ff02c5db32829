"""The house rules that a machine can hold: one-way imports, short files, a light import."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import jaxcnn

PACKAGE = Path(jaxcnn.__file__).parent
MAY_IMPORT = {
    "version": set(),
    "errors": set(),
    "names": {"errors"},
    "writing": {"errors"},
    "reading": set(),
    "extras": set(),
    "starting": set(),
    "engine": set(),
    "reference": set(),
    "ops": {"engine", "names"},
    "check": {"ops", "reference"},
    "layers": {"ops"},
    "models": {"layers"},
    "data": {"errors", "extras", "names", "reading"},
    "interop": {"errors", "extras", "layers", "models", "names", "ops", "reading", "writing"},
    "training": {"data", "errors", "extras", "layers", "names"},
    "runs": {
        *("data", "engine", "errors", "extras", "interop", "layers", "models", "names"),
        *("reading", "training", "writing"),
    },
    "report": {
        *("data", "errors", "extras", "layers", "models", "ops", "reading", "runs", "training"),
        "writing",
    },
    "cli": {
        *("check", "data", "engine", "errors", "interop", "layers", "models", "report", "runs"),
        *("names", "starting", "version", "writing"),
    },
    "__main__": {"cli", "extras", "starting"},
}
"""What each room may import besides itself; the table in architecture terms is a total order."""

FILES = sorted(PACKAGE.rglob("*.py"))
REPOSITORY = Path(__file__).parents[1]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports name their room"
            names = (
                [node.module]
                if node.module != "jaxcnn"
                else [f"jaxcnn.{a.name}" for a in node.names]
            )
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        rooms |= {name.split(".")[1] for name in names if name.startswith("jaxcnn.")}
    return rooms


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_import_only_rooms_above_them(path):
    room = room_of(path)
    if room == "__init__":
        return
    wrong = imported_rooms(path) - MAY_IMPORT[room] - {room, "version"}
    assert not wrong, f"{room} must not import {wrong}"


def test_room_order_has_no_circle():
    order = list(MAY_IMPORT)
    for room, above in MAY_IMPORT.items():
        assert all(order.index(other) < order.index(room) for other in above), room


def test_files_are_short():
    folders = ("jaxcnn", "tests", "experiments", "benchmarks")
    paths = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.py")]
    lengths = {path: len(path.read_text().splitlines()) for path in paths}
    assert [path for path, length in lengths.items() if length > 400] == []


def test_no_dumping_grounds():
    assert not [path for path in FILES if re.fullmatch(r"(utils?|helpers?|common|misc)", path.stem)]


HEAVY = {
    "PIL",
    "dm_pix",
    "equinox",
    "flax",
    "grain",
    "jinja2",
    "matplotlib",
    "onnx",
    "optax",
    "orbax",
    "safetensors",
    "sklearn",
    "tensorflow",
    "tensorflow_datasets",
    "torch",
}


LIGHT = """
import jaxcnn, sys
print(*sys.modules)
import jax, jax.numpy
before = set(sys.modules)
import jaxcnn.engine, jaxcnn.ops
print(*set(sys.modules) - before)
"""


@pytest.mark.slow
def test_import_is_light():
    """`import jaxcnn` loads not even jax; its ops load little that jax has not loaded."""
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, timeout=120
    )
    alone, with_ops = ({n.split(".")[0] for n in line.split()} for line in done.stdout.splitlines())
    assert not alone & (HEAVY | {"jax", "numpy"})
    assert with_ops - sys.stdlib_module_names <= {
        "jax",
        "jaxcnn",
        "jaxtyping",
        "numpy",
        "wadler_lindig",
    }


PROCESS = """
import json, logging, os, signal, sys, warnings
import jax, jax.numpy, numpy

def state():
    loggers = [logging.root, *(logging.getLogger(n) for n in sorted(logging.root.manager.loggerDict))]
    return {
        "signals": {int(n): repr(signal.getsignal(n)) for n in signal.valid_signals()},
        "jax": {name: repr(value) for name, value in sorted(jax.config.values.items())},
        "environment": dict(os.environ),
        "filters": [repr(entry) for entry in warnings.filters],
        "showwarning": repr(warnings.showwarning),
        "handlers": {log.name: repr((log.level, log.handlers)) for log in loggers},
        "path": list(sys.path),
        "hooks": repr((sys.excepthook, sys.meta_path, sys.path_hooks, sys.displayhook)),
        "directory": os.getcwd(),
    }

before = state()
import jaxcnn
print(before == state())
jaxcnn.conv2d, jaxcnn.engine, jaxcnn.layers.Conv2d, jaxcnn.models.MODELS
after = state()
after["handlers"] = {name: after["handlers"][name] for name in before["handlers"]}
print(json.dumps([name for name in before if before[name] != after[name]]))
"""


@pytest.mark.slow
def test_the_import_changes_nothing_in_the_process():
    """Neither does the first use of the ops, layers and models, as beside any other library."""
    command = [sys.executable, "-c", PROCESS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert done.stdout.split("\n") == ["True", "[]", ""]


@pytest.mark.slow
def test_the_whole_of_it_by_a_star():
    """`__all__` is known without an import of the ops, and is complete."""
    text = "from jaxcnn import *; conv2d, corr2d, accelerate, engine; print(sorted(globals()))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert set(jaxcnn.__all__) <= set(ast.literal_eval(done.stdout))


def test_public_names():
    assert set(jaxcnn.ops.__all__) <= set(jaxcnn.__all__) <= set(dir(jaxcnn))
    assert jaxcnn.layers.Conv2d is not jaxcnn.conv2d
    with pytest.raises(AttributeError, match="no attribute 'conv4d'"):
        jaxcnn.conv4d  # noqa: B018
