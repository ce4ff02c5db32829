"""A model as an ONNX graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxcnn.interop.channels_first import (
    Activation,
    Conv,
    Dense,
    Flatten,
    Pad,
    Path,
    Pool,
    Step,
    channels_first,
)
from jaxcnn.interop.errors import InteropError
from jaxcnn.interop.subject import Subject
from jaxcnn.layers import output_shape

OPSET = 19
"""The first in which Pad can go around; onnxruntime 1.15 of 2023 and newer run it."""

IR_VERSION = 9
"""That of the same time; a newer one would be refused by older runtimes for no reason."""

_ACTIVATIONS = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "elu": "Elu",
    "leaky_relu": "LeakyRelu",
    "softplus": "Softplus",
}
_PAD_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def onnx(subject: Subject) -> bytes:
    """The logits of any number of images, as an ONNX model.

    Args:
        subject: the model; a `jaxcnn.layers.Sequential` of this package's layers.

    Returns:
        An ONNX file: ``images`` float32 ``(batch, c, h, w)`` in [0, 1] to ``logits`` ``(batch,
        classes)``, the card under ``jaxcnn`` in its metadata.

    Raises:
        InteropError: if a layer has no counterpart, or the package ``onnx`` is not installed.
    """
    steps = channels_first(subject)
    try:
        from onnx import checker, helper
    except ImportError:
        raise InteropError('--to onnx needs the package onnx: pip install "jaxcnn[onnx]"') from None
    graph = Graph()
    for path, step in steps.items():
        graph.add(path, step)
    model = helper.make_model(
        graph.finished(*_ends(subject)),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="jaxcnn",
    )
    helper.set_model_props(model, {"jaxcnn": subject.card_with(layout="NCHW")})
    checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


class Graph:
    """The nodes and constants of a chain that begins with ``images``."""

    def __init__(self) -> None:
        """Begin with nothing but the input."""
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._last = "images"

    def add(self, path: Path, step: Step) -> None:
        """Go on with a step; what it gives has its name."""
        from onnx import helper

        name = ".".join(path)
        kind, constants, attributes = _written(step)
        inputs = [
            self._last,
            *(self._constant(f"{name}.{key}", constants[key]) for key in constants),
        ]
        self._nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        self._last = name

    def finished(self, images: Sequence[int], logits: Sequence[int]) -> Any:
        """The graph, its last output named ``logits``, for these shapes of one input and output."""
        from onnx import TensorProto, helper

        if not self._nodes:
            self._nodes.append(helper.make_node("Identity", ["images"], ["logits"]))
        self._nodes[-1].output[0] = "logits"
        given, found = (
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])
            for name, shape in (("images", images), ("logits", logits))
        )
        return helper.make_graph(self._nodes, "jaxcnn", [given], [found], self._constants)

    def _constant(self, name: str, value: np.ndarray) -> str:
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(value, name))
        return name


def _ends(subject: Subject) -> list[tuple[int, ...]]:
    """The shapes of one input and of its output, channels first."""
    given = (1, *subject.image_shape)
    shapes = (given, output_shape(subject.model, subject.params, subject.state, given))
    return [(*shape[3:], *shape[1:3]) for shape in shapes]


def _written(step: Step) -> tuple[str, dict[str, np.ndarray], dict[str, Any]]:
    """A step's operator, its constant inputs in their order, and its attributes."""
    match step:
        case Conv():
            attributes = {
                "kernel_shape": step.weight.shape[2:],
                "strides": step.stride,
                "pads": step.padding * 2,
                "dilations": step.dilation,
                "group": step.groups,
            }
            return "Conv", _weights(step), attributes
        case Pool():
            attributes = {
                "kernel_shape": step.window,
                "strides": step.stride,
                "pads": step.padding * 2,
            }
            if step.kind == "max":
                return "MaxPool", {}, attributes
            return "AveragePool", {}, {**attributes, "count_include_pad": 1}
        case Pad():
            return "Pad", _border(step), {"mode": _PAD_MODES.get(step.mode, "constant")}
        case Activation():
            return _ACTIVATIONS[step.name], {}, {}
        case Flatten():
            return "Flatten", {}, {"axis": 1}
        case Dense():
            return "Gemm", _weights(step), {"transB": 1}


def _weights(step: Conv | Dense) -> dict[str, np.ndarray]:
    bias = {} if step.bias is None else {"bias": step.bias}
    return {"weight": step.weight, **bias}


def _border(step: Pad) -> dict[str, np.ndarray]:
    (top, bottom), (left, right) = step.pairs
    pads = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
    value = np.float32(-np.inf if step.mode == "lowest" else 0)
    return {"pads": pads, "value": np.array(value)}
