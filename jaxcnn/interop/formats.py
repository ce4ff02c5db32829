"""The export formats by name, and the files that each format writes."""

import json
from collections.abc import Callable
from typing import NamedTuple

from jaxcnn.interop.model_to_export import ModelToExport
from jaxcnn.interop.onnx_file import onnx
from jaxcnn.interop.safetensors_file import safetensors
from jaxcnn.interop.stablehlo_file import PLATFORMS, stablehlo
from jaxcnn.interop.torch_module import torch


class Format(NamedTuple):
    """An export format.

    Attributes:
        endings: the endings of its files' names after a common stem; the last one is the main
            file.
        stem: the default stem, with the model's name for ``{}``.
        contents: ``(model, stem) -> contents``, the bytes of the file of each ending.
    """

    endings: tuple[str, ...]
    stem: str
    contents: Callable[[ModelToExport, str], tuple[bytes, ...]]

    def files(self, trained: ModelToExport, stem: str) -> dict[str, bytes]:
        """The bytes of the files by name."""
        return dict(zip(self.names(stem), self.contents(trained, stem), strict=True))

    def names(self, stem: str) -> list[str]:
        """The names of the files."""
        return [stem + ending for ending in self.endings]


def _stablehlo(trained: ModelToExport, stem: str) -> tuple[bytes, bytes]:
    card = dict(
        trained.card,
        input={"shape": ["batch", *trained.image_shape], "dtype": "float32", "range": [0, 1]},
        output={"shape": ["batch", "classes"], "dtype": "float32", "meaning": "logits"},
        platforms=PLATFORMS,
    )
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in card.items())
    return f"{{\n{lines}\n}}\n".encode(), stablehlo(trained)


def _torch(trained: ModelToExport, stem: str) -> tuple[bytes, bytes]:
    weights, code = torch(trained, f"{stem}.safetensors")
    return code.encode("ascii"), weights


FORMATS = {
    "stablehlo": Format((".stablehlo.json", ".stablehlo"), "{}", _stablehlo),
    "safetensors": Format((".safetensors",), "{}", lambda trained, stem: (safetensors(trained),)),
    "onnx": Format((".onnx",), "{}", lambda trained, stem: (onnx(trained),)),
    "torch": Format((".py", ".safetensors"), "{}_torch", _torch),
}
"""The formats that ``jaxcnn export --to`` takes."""
