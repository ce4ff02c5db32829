"""A trained model in the formats of others: StableHLO, safetensors, ONNX, torch."""

from jaxcnn.interop.errors import InteropError
from jaxcnn.interop.formats import FORMATS, Format
from jaxcnn.interop.output import check_free, write_files
from jaxcnn.interop.subject import Subject

__all__ = ["FORMATS", "Format", "InteropError", "Subject", "check_free", "write_files"]
