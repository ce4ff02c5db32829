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
    "starting": set(),
    "engine": set(),
    "reference": set(),
    "ops": {"engine"},
    "check": {"ops", "reference"},
    "layers": {"ops"},
    "models": {"layers"},
    "interop": {"layers", "models", "ops"},
    "data": set(),
    "training": {"data", "layers", "models", "ops"},
    "report": {"data", "layers", "models", "ops", "training"},
    "cli": {
        *("check", "data", "engine", "interop", "layers", "models", "report", "starting"),
        *("training", "version"),
    },
    "__main__": {"cli"},
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


def test_import_is_light():
    """`import jaxcnn` costs under 1.5 × `import jax`, both read off one import of jaxcnn."""
    command = [sys.executable, "-X", "importtime", "-c", "import jaxcnn, sys; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    heavy = {
        "jinja2",
        "PIL",
        "tensorflow",
        "tensorflow_datasets",
        "sklearn",
        "matplotlib",
        "torch",
        "optax",
        "grain",
        "dm_pix",
        "orbax",
        "onnx",
        "safetensors",
    }
    assert not loaded & heavy
    cumulative = {}
    for line in done.stderr.splitlines():
        parts = line.split("|")
        if len(parts) == 3 and parts[1].strip().isdigit():
            cumulative[parts[2].strip()] = int(parts[1])
    assert cumulative["jaxcnn"] < 1.5 * cumulative["jax"]


def test_public_names():
    assert set(jaxcnn.ops.__all__) <= set(jaxcnn.__all__) <= set(dir(jaxcnn))
    assert jaxcnn.layers.Conv2d is not jaxcnn.conv2d
    with pytest.raises(AttributeError, match="no attribute 'conv4d'"):
        jaxcnn.conv4d  # noqa: B018
