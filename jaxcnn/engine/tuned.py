"""Winners of measurements on this machine, kept in a file.

The file is one of jaxlib's version and the processor, in `jaxcnn.engine.caches.folder`. It may be
deleted at any time; one that cannot be read is ignored with a warning.
"""

import dataclasses
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


def winner(problem: Problem, gradient: bool) -> str | None:
    """The form that was fastest for a problem, or its kernel gradient, where it was measured."""
    return _winners().get(_key(problem, gradient))


def keep(winners: dict[tuple[Problem, bool], str]) -> pathlib.Path:
    """Add winners to the file; all or nothing."""
    known = _winners()
    known.update({_key(*task): name for task, name in winners.items()})
    path = cache_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.write_text(json.dumps({"format": FORMAT, "winners": known}, indent=1, sort_keys=True))
    draft.replace(path)
    return path


def forget() -> None:
    """Read the file anew at the next question."""
    _winners.cache_clear()


def digest() -> str:
    """A digest of all winners; nothing where there are none."""
    content = json.dumps(_winners(), sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()[:16] if _winners() else ""


def cache_file() -> pathlib.Path:
    """Where the winners of this jaxlib on this processor are kept."""
    machine = f"{jaxlib.version.__version__} {caches.processor()} {os.cpu_count()}"
    name = hashlib.sha256(machine.encode()).hexdigest()[:16]
    return caches.folder() / f"convolutions-{name}.json"


@functools.cache
def _winners() -> dict[str, str]:
    path = cache_file()
    try:
        held = json.loads(path.read_text())
        winners = held["winners"]
        if held["format"] != FORMAT or not all(isinstance(v, str) for v in winners.values()):
            raise ValueError("it has another format")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        warnings.warn(f"{path} is ignored, it may be deleted: {error}", stacklevel=2)
        return {}
    return dict(winners)


def _key(problem: Problem, gradient: bool) -> str:
    return f"{'kernel gradient' if gradient else 'result'} {dataclasses.astuple(problem)}"
