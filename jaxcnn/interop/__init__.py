"""Exports models to StableHLO, safetensors, ONNX and torch, and exchanges weights with torch."""

from jaxcnn.interop.errors import InteropError
from jaxcnn.interop.formats import FORMATS, Format
from jaxcnn.interop.model_to_export import ModelToExport
from jaxcnn.interop.output_files import check_free, write_files
from jaxcnn.interop.torch_weights import from_torch, to_state_dict

__all__ = [
    "FORMATS",
    "Format",
    "InteropError",
    "ModelToExport",
    "check_free",
    "from_torch",
    "to_state_dict",
    "write_files",
]
