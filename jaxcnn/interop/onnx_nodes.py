"""Collects the nodes and constants of an ONNX graph, and writes padding."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxcnn.interop.export_graph import Graph, GraphStep
from jaxcnn.ops.argument_types import Pairs

_PAD_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


class Nodes:
    """The nodes and constants of an ONNX graph, named by their layers."""

    def __init__(self, graph: Graph) -> None:
        """Start with the input alone."""
        self._graph = graph
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._names = {0: "images"}
        self._taken = {"images", "logits"}
        self._here = ""

    def follow(self, step: GraphStep, rule: "Rule") -> None:
        """Add the nodes of a step."""
        self._here = ".".join(step.path) or step.kind
        found = rule(self, step, [self._names[ref] for ref in step.inputs])
        names = [found] if isinstance(found, str) else found
        self._names |= zip(step.outputs, names, strict=True)

    def node(
        self, operator: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any
    ) -> Any:
        """Add a node; gives the name of its output, or a list of names if there are several."""
        from onnx import helper

        names = [self._new(self._here) for _ in range(outputs)]
        self._nodes.append(
            helper.make_node(operator, list(inputs), names, name=names[0], **attributes)
        )
        return names[0] if outputs == 1 else names

    def constant(self, name: str, value: Any, dtype: Any = np.float32) -> str:
        """Add a constant; gives its name."""
        from onnx import numpy_helper

        name = self._new(f"{self._here}.{name}")
        self._constants.append(numpy_helper.from_array(np.array(value, dtype, order="C"), name))
        return name

    def constants(self, arrays: Mapping[str, np.ndarray]) -> list[str]:
        """Add constants; gives their names."""
        return [self.constant(name, array) for name, array in arrays.items()]

    def finished(self) -> Any:
        """The graph, its output named ``logits``."""
        from onnx import TensorProto, helper

        last = self._names[self._graph.result.ref]
        if last == "images":
            self._nodes.append(helper.make_node("Identity", ["images"], ["logits"]))
        else:
            for node in self._nodes:
                for names in (node.input, node.output):
                    names[:] = ["logits" if name == last else name for name in names]
        ends = (("images", self._graph.given), ("logits", self._graph.result))
        given, found = (
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *value.exported[1:]])
            for name, value in ends
        )
        return helper.make_graph(self._nodes, "jaxcnn", [given], [found], self._constants)

    def _new(self, name: str) -> str:
        """The name, with a number after it if it is taken."""
        count, free = 1, name
        while free in self._taken:
            count += 1
            free = f"{name}_{count}"
        self._taken.add(free)
        return free


Rule = Callable[[Nodes, GraphStep, list[str]], str | list[str]]
"""Writes a step: ``(nodes, step, inputs) -> output``, with values given by their names."""


def padded(to: Nodes, x: str, pairs: Pairs, mode: str = "zeros", value: float = 0) -> str:
    """Pad the spatial axes of ``x``; negative numbers crop."""
    if all(pair == (0, 0) for pair in pairs):
        return x
    cut = tuple((min(low, 0), min(high, 0)) for low, high in pairs)
    if mode != "zeros" and any(map(any, cut)):
        grown = tuple((max(low, 0), max(high, 0)) for low, high in pairs)
        if mode == "circular":  # of the cropped input
            return padded(to, padded(to, x, cut), grown, mode)
        return padded(to, padded(to, x, grown, mode), cut)
    lows, highs = zip(*pairs, strict=True)
    given = [to.constant("pads", [0, 0, *lows, 0, 0, *highs], np.int64)]
    if mode == "zeros":
        given.append(to.constant("value", np.float32(value)))
    return to.node("Pad", [x, *given], mode=_PAD_MODES.get(mode, "constant"))


def pads(pairs: Sequence[tuple[int, int]]) -> list[int]:
    """The padding as ONNX lists it: all lower sides, then all upper ones."""
    return [low for low, _ in pairs] + [high for _, high in pairs]


def sums(pairs: Pairs, more: Pairs) -> Pairs:
    """The sum of two paddings."""
    return tuple((a + c, b + d) for (a, b), (c, d) in zip(pairs, more, strict=True))
