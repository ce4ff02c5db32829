"""Exports models, exchanges weights with torch, and takes and gives modules of Flax and Equinox."""

import importlib
from typing import TYPE_CHECKING, Any

from jaxcnn.extras import require
from jaxcnn.interop.errors import InteropError
from jaxcnn.interop.formats import FORMATS, Format
from jaxcnn.interop.model_to_export import ModelToExport
from jaxcnn.interop.output_files import check_free, write_files
from jaxcnn.interop.torch_weights import from_torch, to_state_dict
from jaxcnn.interop.weight_files import load_weights, save_safetensors

if TYPE_CHECKING:
    from jaxcnn.interop.equinox_modules import from_equinox as from_equinox
    from jaxcnn.interop.linen_modules import from_linen as from_linen
    from jaxcnn.interop.linen_modules import to_linen as to_linen
    from jaxcnn.interop.nnx_modules import from_nnx as from_nnx
    from jaxcnn.interop.nnx_modules import to_nnx as to_nnx

_MODULES = {
    "from_equinox": ("equinox_modules", "equinox", "equinox"),
    "from_linen": ("linen_modules", "train", "flax"),
    "from_nnx": ("nnx_modules", "train", "flax"),
    "to_linen": ("linen_modules", "train", "flax"),
    "to_nnx": ("nnx_modules", "train", "flax"),
}
"""The functions that need another library: file, extra and package."""

__all__ = [
    "FORMATS",
    "Format",
    "InteropError",
    "ModelToExport",
    "check_free",
    "from_equinox",
    "from_linen",
    "from_nnx",
    "from_torch",
    "load_weights",
    "save_safetensors",
    "to_linen",
    "to_nnx",
    "to_state_dict",
    "write_files",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'jaxcnn.interop' has no attribute {name!r}")
    file, extra, package = _MODULES[name]
    require(f"jaxcnn.interop.{name}", extra, [package])
    return getattr(importlib.import_module(f"jaxcnn.interop.{file}"), name)
