"""Exports a model to torch: a Python file that builds torch's own layers, and their weights.

The weights are a safetensors file. A file of ``torch.save`` is a pickle, which can run any code
when it is loaded. Torch itself is not needed to write either file.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxcnn.interop.export_graph import Graph, GraphStep
from jaxcnn.interop.layer_rules import graph_of
from jaxcnn.interop.model_to_export import ModelToExport
from jaxcnn.interop.safetensors_file import saved
from jaxcnn.interop.torch_rules import RULES, Code
from jaxcnn.layers import Sequential
from jaxcnn.layers.naming import names_of

_MODULE = '''\
"""A network trained with jaxcnn, in torch's own layers. Needs torch and safetensors.

Images are float32 {shape} in [0, 1]. The outputs are logits.

    model = load()
    probabilities = model(images).softmax(1)
"""

from pathlib import Path

{imports}from safetensors.torch import load_file
from torch import nn

WEIGHTS = Path(__file__).with_name({weights})


class Network(nn.ModuleDict):
    """The layers by their names, with fresh weights."""

    def __init__(self):
        super().__init__({layers})
{parameters}
    def forward(self, x):
        """The logits of a batch of images."""
{forward}
        return {result}


def load(path=WEIGHTS):
    """The trained network."""
    model = Network()
    model.load_state_dict(load_file(path))
    return model.eval()
'''

_ATTRIBUTES = """
T_destination add_module apply bfloat16 buffers call_super_init children clear compile cpu cuda
double dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter
get_submodule half ipu items keys load_state_dict modules mtia named_buffers named_children
named_modules named_parameters parameters pop register_backward_hook register_buffer
register_forward_hook register_forward_pre_hook register_full_backward_hook
register_full_backward_pre_hook register_load_state_dict_post_hook
register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict
to to_empty train training type update values xpu zero_grad
"""

TAKEN = frozenset(_ATTRIBUTES.split())
"""The names of attributes of torch's modules, which no layer in a module can have."""

Tree = dict[str, Any]


def torch(trained: ModelToExport, weights_name: str) -> tuple[bytes, str]:
    """Export a model as weights by torch's names, and the code of the layers.

    Batch normalizations stay layers of their own and are not folded, so that the weights are
    those of `to_state_dict`, load into a module of the same names, and can be trained further.

    Args:
        trained: the model, of this package's layers.
        weights_name: the name of the file with the weights, in the folder of the code.

    Returns:
        A safetensors file that is a ``state_dict``, and a Python module with the class
        ``Network`` over channels-first images and ``load()``, which fills it.

    Raises:
        InteropError: if a layer has no counterpart.
    """
    model, params, state = trained.model, trained.params, trained.state
    if names_of(model) is None:
        # A layer of a module has a name, and so needs a module around it.
        model, params, state = Sequential(layer=model), {"layer": params}, {"layer": state}
    graph = graph_of(model, params, state, (1, *trained.image_shape))
    codes = [_code(step) for step in graph.steps]
    lines, result = _forward(graph, codes)
    parameters = "".join(
        _parameter(step, code) for step, code in zip(graph.steps, codes, strict=True)
    )
    written = parameters + "".join(lines)
    imports = {"torch.": "import torch\n", "F.": "import torch.nn.functional as F\n"}
    code = _MODULE.format(
        imports="".join(line for name, line in imports.items() if name in written),
        shape=("n, " + ", ".join(map(str, graph.given.exported[1:]))).join("()"),
        weights=ascii(weights_name),
        layers=_dict(_layers(graph, codes), 8),
        parameters=parameters,
        forward="\n".join(f"        {line}" for line in lines),
        result=result,
    )
    arrays = {name: _plain(array) for step in graph.steps for name, array in step.named.items()}
    return saved(arrays, trained.card_with(layout="NCHW")), code


def _code(step: GraphStep) -> Code:
    if step.kind not in RULES:
        raise step.refusal(f"{step.name} has no counterpart in torch")
    code = RULES[step.kind](step)
    if code.layer or code.parameter:
        for name in step.path:
            if name in TAKEN or name.startswith("_") or "." in name:
                raise step.refusal(f"a layer in torch cannot have the name {name!r}")
    return code


def _layers(graph: Graph, codes: list[Code]) -> Tree:
    """The code of the layers, in nested dicts by their names."""
    tree: Tree = {}
    for step, code in zip(graph.steps, codes, strict=True):
        if code.layer or code.parameter:
            inner = tree
            for name in step.path[:-1]:
                inner = inner.setdefault(name, {})
            if code.layer:
                inner[step.path[-1]] = code.layer
    return tree


def _dict(tree: Tree, indent: int) -> str:
    if not tree:
        return ""
    space = " " * (indent + 4)
    lines = [
        f"{space}{name!a}: "
        + (f"nn.ModuleDict({_dict(part, indent + 4)})" if isinstance(part, dict) else part)
        + ",\n"
        for name, part in tree.items()
    ]
    return f"{{\n{''.join(lines)}{' ' * indent}}}"


def _parameter(step: GraphStep, code: Code) -> str:
    if code.parameter is None:
        return ""
    made = f"nn.Parameter(torch.ones{code.parameter})"
    return f"        {_at(step.path[:-1])}.register_parameter({step.path[-1]!a}, {made})\n"


def _at(path: tuple[str, ...]) -> str:
    return "self" + "".join(f"[{name!a}]" for name in path)


def _forward(graph: Graph, codes: list[Code]) -> tuple[list[str], str]:
    """The lines of ``forward``, one for each step. Variables are reused when they are free."""
    last = {ref: index for index, step in enumerate(graph.steps) for ref in step.inputs}
    last[graph.result.ref] = len(graph.steps)
    names, lines = {0: "x"}, []
    free: list[str] = []
    fresh = _variables()
    for index, (step, code) in enumerate(zip(graph.steps, codes, strict=True)):
        given = [names[ref] for ref in step.inputs]
        ended = dict.fromkeys(ref for ref in step.inputs if last[ref] == index)
        free = [*(names[ref] for ref in ended), *free]
        for ref in step.outputs:
            names[ref] = free.pop(0) if free else next(fresh)
        targets = ", ".join(names[ref] for ref in step.outputs)
        if len(step.outputs) == 1 and step.kind == "split":
            targets += ","
        layer = _at(step.path)
        if code.parameter is not None:
            layer = f"{_at(step.path[:-1])}.get_parameter({step.path[-1]!a})"
        lines.append(f"{targets} = {code.call.format(*given, layer=layer)}")
        free += [names[ref] for ref in step.outputs if ref not in last]
    return lines, names[graph.result.ref]


def _variables() -> Iterator[str]:
    """The names of variables: ``y``, ``z`` and then as many as are needed."""
    yield from "yz"
    count = 0
    while True:
        count += 1
        yield f"x{count}"


def _plain(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.kind == "i" else np.asarray(array, np.float32)
