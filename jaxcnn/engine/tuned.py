"""The algorithms that `jaxcnn.engine.tune` measured as the fastest, kept in a file.

Each version of jaxlib and each kind of processor has its own file, in
`jaxcnn.engine.caches.folder`. It may be deleted at any time; a file that cannot be read is ignored
with a warning.
"""

import functools
import hashlib
import json
import os
import pathlib
import warnings

import jaxlib.version

from jaxcnn.engine import caches
from jaxcnn.engine.problem import Problem

FORMAT = 2


@functools.cache
def winners() -> dict[str, str]:
    """The fastest algorithms by `Problem.key`, as they are in the file at the first call."""
    path = cache_file()
    try:
        held = json.loads(path.read_text())
        fastest = held["winners"]
        if held["format"] != FORMAT or not all(isinstance(v, str) for v in fastest.values()):
            raise ValueError("it has another format")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        warnings.warn(f"{path} is ignored, it may be deleted: {error}", stacklevel=2)
        return {}
    return dict(fastest)


def keep(fastest: dict[tuple[Problem, bool], str]) -> pathlib.Path:
    """Add algorithms to the file, for problems or for the gradients in their kernels."""
    known = winners()
    known.update({problem.key(gradient): name for (problem, gradient), name in fastest.items()})
    path = cache_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.write_text(json.dumps({"format": FORMAT, "winners": known}, indent=1, sort_keys=True))
    draft.replace(path)
    return path


def forget() -> None:
    """Read the file again at the next call of `winners`."""
    winners.cache_clear()


def digest() -> str:
    """A digest of all winners; nothing where there are none."""
    content = json.dumps(winners(), sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()[:16] if winners() else ""


def cache_file() -> pathlib.Path:
    """The path of the file, for this jaxlib on this processor."""
    machine = f"{jaxlib.version.__version__} {caches.processor()} {os.cpu_count()}"
    name = hashlib.sha256(machine.encode()).hexdigest()[:16]
    return caches.folder() / f"convolutions-{name}.json"
