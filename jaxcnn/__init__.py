"""A functional CNN framework for JAX.

``import jaxcnn as jc`` gives the ops (`jc.conv2d`, `jc.avg_pool2d`, `jc.corr2d`, …) and the rooms
`jc.engine`, `jc.ops`, `jc.layers`, `jc.models`, `jc.interop`, `jc.data`, `jc.training`, `jc.runs`
and `jc.report`. The import alone loads nothing, not even jax, and changes nothing in the process:
each name is loaded when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from jaxcnn.version import __version__ as __version__

_ROOMS = ("data", "engine", "interop", "layers", "models", "ops", "report", "runs", "training")
_OF_ENGINE = ("accelerate", "fuse", "restore")

if TYPE_CHECKING:
    from jaxcnn import data as data
    from jaxcnn import engine as engine
    from jaxcnn import interop as interop
    from jaxcnn import layers as layers
    from jaxcnn import models as models
    from jaxcnn import ops as ops
    from jaxcnn import report as report
    from jaxcnn import runs as runs
    from jaxcnn import training as training
    from jaxcnn.engine import accelerate as accelerate
    from jaxcnn.engine import fuse as fuse
    from jaxcnn.engine import restore as restore
    from jaxcnn.ops import *  # noqa: F403
else:  # a type checker that saw this would accept every name

    def __getattr__(name: str) -> Any:
        if name in _ROOMS:
            return _load(name)
        if name == "__all__":
            return ["__version__", "engine", "ops", *_OF_ENGINE, *_load("ops").__all__]
        # Python itself asks for names such as __path__, which are worth no import.
        if name in _OF_ENGINE or (not name.startswith("__") and name in _load("ops").__all__):
            value = getattr(_load("engine" if name in _OF_ENGINE else "ops"), name)
            globals()[name] = value  # found at once from here on
            return value
        raise AttributeError(f"module 'jaxcnn' has no attribute {name!r}")


def _load(room: str) -> Any:
    return importlib.import_module(f"jaxcnn.{room}")


def __dir__() -> list[str]:
    return sorted({*_ROOMS, *_OF_ENGINE, "__version__", *_load("ops").__all__})
