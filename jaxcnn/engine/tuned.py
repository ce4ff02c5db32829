"""Winners of measurements on this machine, kept in a file.

The file is one of jaxlib's version and the processor, in ``$JAXCNN_CACHE_DIR``, else in
``jaxcnn`` under ``$XDG_CACHE_HOME`` or ``~/.cache``. It may be deleted at any time; one that
cannot be read is ignored with a warning.
"""

import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import platform
import tempfile
import warnings

import jaxlib.version

from jaxcnn.engine.problem import Problem

FORMAT = 1


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


def cache_file() -> pathlib.Path:
    """Where the winners of this jaxlib on this processor are kept."""
    machine = f"{jaxlib.version.__version__} {platform.machine()} {_processor()} {os.cpu_count()}"
    name = hashlib.sha256(machine.encode()).hexdigest()[:16]
    folder = os.environ.get("JAXCNN_CACHE_DIR") or _caches() / "jaxcnn"
    return pathlib.Path(folder) / f"convolutions-{name}.json"


def _caches() -> pathlib.Path:
    """The user's folder of caches; one of all users for a user who has no home."""
    if os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(os.environ["XDG_CACHE_HOME"])
    try:
        return pathlib.Path.home() / ".cache"
    except RuntimeError:
        return pathlib.Path(tempfile.gettempdir())


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


def _processor() -> str:
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("model name", "flags", "Features")):
                return hashlib.sha256(line.encode()).hexdigest()
    except OSError:
        pass
    return platform.processor()


def _key(problem: Problem, gradient: bool) -> str:
    return f"{'kernel gradient' if gradient else 'result'} {dataclasses.astuple(problem)}"
