"""The formats by name, and the files that each of them comes to."""

import json
from collections.abc import Callable
from typing import NamedTuple

from jaxcnn.interop.exported_model import ModelToExport
from jaxcnn.interop.onnx_file import onnx
from jaxcnn.interop.safetensors_file import safetensors
from jaxcnn.interop.stablehlo_file import PLATFORMS, stablehlo
from jaxcnn.interop.torch_module import torch


class Format(NamedTuple):
    """A way to hand a model on.

    Attributes:
        endings: what its files' names end in after a common stem; the last is the file that is
            asked for, the others lie beside it.
        stem: the stem where none is given, with the model's name for ``{}``.
        contents: ``(subject, stem) -> contents``, one for each ending.
    """

    endings: tuple[str, ...]
    stem: str
    contents: Callable[[ModelToExport, str], tuple[bytes, ...]]

    def files(self, subject: ModelToExport, stem: str) -> dict[str, bytes]:
        """The contents of the files by name."""
        return dict(zip(self.names(stem), self.contents(subject, stem), strict=True))

    def names(self, stem: str) -> list[str]:
        """The names of the files."""
        return [stem + ending for ending in self.endings]


def _stablehlo(subject: ModelToExport, stem: str) -> tuple[bytes, bytes]:
    card = dict(
        subject.card,
        input={"shape": ["batch", *subject.image_shape], "dtype": "float32", "range": [0, 1]},
        output={"shape": ["batch", "classes"], "dtype": "float32", "meaning": "logits"},
        platforms=PLATFORMS,
    )
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in card.items())
    return f"{{\n{lines}\n}}\n".encode(), stablehlo(subject)


def _torch(subject: ModelToExport, stem: str) -> tuple[bytes, bytes]:
    weights, code = torch(subject, f"{stem}.safetensors")
    return code.encode("ascii"), weights


FORMATS = {
    "stablehlo": Format((".stablehlo.json", ".stablehlo"), "{}", _stablehlo),
    "safetensors": Format((".safetensors",), "{}", lambda subject, stem: (safetensors(subject),)),
    "onnx": Format((".onnx",), "{}", lambda subject, stem: (onnx(subject),)),
    "torch": Format((".py", ".safetensors"), "{}_torch", _torch),
}
"""What ``jaxcnn export --to`` knows."""
