"""A functional CNN framework for JAX.

``import jaxcnn as jc`` gives the ops (`jc.conv2d`, `jc.avg_pool2d`, `jc.corr2d`, …); the rooms
`jc.layers`, `jc.models`, `jc.interop`, `jc.data`, `jc.training` and `jc.report` are loaded when
first used, so that the import stays light.
"""

# ruff: noqa: E402  the imports below take a second, in which Ctrl-C may come
import importlib
from types import ModuleType

from jaxcnn.starting import end_quietly_when_interrupted

end_quietly_when_interrupted()

from jaxcnn import engine, ops
from jaxcnn.engine import accelerate, restore
from jaxcnn.ops import *  # noqa: F403
from jaxcnn.ops import __all__ as _op_names
from jaxcnn.version import __version__

_ROOMS = ("data", "interop", "layers", "models", "report", "training")

__all__ = ["__version__", "accelerate", "engine", "ops", "restore", *_op_names]


def __getattr__(name: str) -> ModuleType:
    if name in _ROOMS:
        return importlib.import_module(f"jaxcnn.{name}")
    raise AttributeError(f"module 'jaxcnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])
