"""What a run's numbers depend on besides its settings: versions, the engine."""

import importlib.metadata
import subprocess
import sys
import time
from typing import Any

from jaxcnn.engine import identity
from jaxcnn.version import __version__

DRAWN = "drawn by name"
"""How parameters follow from the seed; runs begun before say nothing and drew them by position."""

_PACKAGES = ("jax", "jaxlib", "optax", "flax", "orbax-checkpoint", "numpy")


def surroundings() -> dict[str, Any]:
    """The versions and the engine that a run's numbers depend on."""
    return {
        "versions": {
            "python": sys.version.split()[0],
            "jaxcnn": __version__,
            **{name: importlib.metadata.version(name) for name in _PACKAGES},
        },
        "git": git_commit(),
        "parameters": DRAWN,
        "engine": identity()._asdict(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def git_commit() -> str | None:
    """The commit of the repository that the run is started in, ``+`` where files are changed."""
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
