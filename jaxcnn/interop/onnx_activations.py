"""Writes each activation function as ONNX operators."""

import math
from collections.abc import Callable, Mapping

import numpy as np

from jaxcnn.interop.export_graph import GraphStep
from jaxcnn.interop.onnx_nodes import Nodes


def activation(to: Nodes, step: GraphStep, inputs: list[str]) -> str:
    """Write an activation: one operator if ONNX has it, else a composition of several."""
    name = step.options["name"]
    if name in _ACTIVATIONS:
        operator, numbers = _ACTIVATIONS[name]
        y: str = to.node(operator, inputs, outputs=1, **numbers)
        return y
    return _COMPOSED[name](to, inputs)


def _clip(low: float, high: float) -> Callable[[Nodes, list[str]], str]:
    def rule(to: Nodes, inputs: list[str]) -> str:
        limits = to.constant("low", np.float32(low)), to.constant("high", np.float32(high))
        return to.node("Clip", [*inputs, *limits])

    return rule


def _silu(to: Nodes, inputs: list[str]) -> str:
    return to.node("Mul", [*inputs, to.node("Sigmoid", inputs)])


def _log_sigmoid(to: Nodes, inputs: list[str]) -> str:
    return to.node("Neg", [to.node("Softplus", [to.node("Neg", inputs)])])


def _gelu(to: Nodes, inputs: list[str]) -> str:
    """The formula x Φ(x); opset 19 has no operator for it."""
    part = to.node("Erf", [_times(to, inputs[0], math.sqrt(0.5))])
    return _halved(to, inputs[0], part)


def _gelu_tanh(to: Nodes, inputs: list[str]) -> str:
    """The formula x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2."""
    cube = to.node("Mul", [to.node("Mul", inputs * 2), *inputs])
    inner = to.node("Add", [*inputs, _times(to, cube, 0.044715)])
    return _halved(to, inputs[0], to.node("Tanh", [_times(to, inner, math.sqrt(2 / math.pi))]))


def _halved(to: Nodes, x: str, part: str) -> str:
    """The formula x (1 + part) / 2."""
    both = to.node("Add", [part, to.constant("one", np.float32(1))])
    return _times(to, to.node("Mul", [x, both]), 0.5)


def _times(to: Nodes, x: str, number: float) -> str:
    return to.node("Mul", [x, to.constant("factor", np.float32(number))])


_ACTIVATIONS: Mapping[str, tuple[str, dict[str, float]]] = {
    "celu": ("Celu", {}),
    "elu": ("Elu", {}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6}),
    "hard_swish": ("HardSwish", {}),
    "leaky_relu": ("LeakyRelu", {}),
    "mish": ("Mish", {}),
    "relu": ("Relu", {}),
    "selu": ("Selu", {}),
    "sigmoid": ("Sigmoid", {}),
    "softplus": ("Softplus", {}),
    "softsign": ("Softsign", {}),
    "tanh": ("Tanh", {}),
}

_COMPOSED: Mapping[str, Callable[[Nodes, list[str]], str]] = {
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "hard_tanh": _clip(-1, 1),
    "log_sigmoid": _log_sigmoid,
    "relu6": _clip(0, 6),
    "silu": _silu,
}
