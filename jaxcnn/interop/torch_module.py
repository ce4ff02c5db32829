"""A model as torch's own layers: their weights, and a file that builds them.

The weights are safetensors and not ``torch.save``'s zip, which is a pickle: whoever loads one
runs what its author likes. Torch itself is not needed to write either file.
"""

from collections.abc import Iterator, Mapping
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
from jaxcnn.interop.subject import Subject
from jaxcnn.interop.weights import saved

_ACTIVATIONS = {
    "relu": "ReLU",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "elu": "ELU",
    "leaky_relu": "LeakyReLU",
    "softplus": "Softplus",
}
_PADS = {
    "zeros": "ZeroPad2d",
    "reflect": "ReflectionPad2d",
    "replicate": "ReplicationPad2d",
    "circular": "CircularPad2d",
}

_MODULE = '''\
"""A network trained with jaxcnn, in torch's own layers. Needs torch and safetensors.

Images are float32 (n, {channels}, {height}, {width}) in [0, 1]; what comes out are logits.

    model = load()
    probabilities = model(images).softmax(1)
"""

from collections import OrderedDict
from pathlib import Path

from safetensors.torch import load_file
from torch import nn

WEIGHTS = Path(__file__).with_name({weights})


def build():
    """The layers, with fresh weights."""
    return {layers}


def load(path=WEIGHTS):
    """The trained network."""
    model = build()
    model.load_state_dict(load_file(path))
    return model.eval()
'''


def torch(subject: Subject, weights_name: str) -> tuple[bytes, str]:
    """The weights by torch's names and in its layout, and the code of the layers.

    Args:
        subject: the model; a `jaxcnn.layers.Sequential` of this package's layers.
        weights_name: the name of the file that the weights will lie in, beside the code.

    Returns:
        A safetensors file that is a ``state_dict``, and a Python module with ``build()`` and
        ``load()``, which give an ``nn.Sequential`` over channels-first images.

    Raises:
        InteropError: if a layer has no counterpart.
    """
    steps = channels_first(subject)
    height, width, channels = subject.image_shape
    code = _MODULE.format(
        height=height,
        width=width,
        channels=channels,
        weights=ascii(weights_name),
        layers=_sequential(steps, "    "),
    )
    return saved(dict(_arrays(steps)), subject.card_with(layout="NCHW")), code


def _arrays(steps: Mapping[Path, Step]) -> Iterator[tuple[str, np.ndarray]]:
    for path, step in steps.items():
        if isinstance(step, Conv | Dense):
            yield ".".join((*path, "weight")), step.weight
            if step.bias is not None:
                yield ".".join((*path, "bias")), step.bias


def _sequential(steps: Mapping[Path, Step], indent: str) -> str:
    """The expression for some steps, those of one more name in a Sequential of their own."""
    groups: dict[str, dict[Path, Step]] = {}
    for (name, *rest), step in steps.items():
        groups.setdefault(name, {})[tuple(rest)] = step
    inner = indent + 8 * " "
    lines = [f"{inner}({name!a}, {_expression(group, inner)}),\n" for name, group in groups.items()]
    opening, closing = f"\n{indent}    OrderedDict([\n", f"{indent}    ])\n{indent}"
    return f"nn.Sequential({opening}{''.join(lines)}{closing})"


def _expression(group: Mapping[Path, Step], indent: str) -> str:
    return _layer(group[()]) if () in group else _sequential(group, indent)


def _layer(step: Step) -> str:
    match step:
        case Conv():
            out, per_group, *window = step.weight.shape
            return _call(
                "Conv2d",
                per_group * step.groups,
                out,
                tuple(window),
                stride=(step.stride, (1, 1)),
                padding=(step.padding, (0, 0)),
                dilation=(step.dilation, (1, 1)),
                groups=(step.groups, 1),
                bias=(step.bias is not None, True),
            )
        case Pool():
            kind = "MaxPool2d" if step.kind == "max" else "AvgPool2d"
            stride = (step.stride, step.window)
            return _call(kind, step.window, stride=stride, padding=(step.padding, (0, 0)))
        case Pad():
            (top, bottom), (left, right) = step.pairs
            sides = (left, right, top, bottom)
            if step.mode == "lowest":
                return f'nn.ConstantPad2d({sides}, float("-inf"))'
            return _call(_PADS[step.mode], sides)
        case Activation():
            return _call(_ACTIVATIONS[step.name])
        case Flatten():
            return _call("Flatten")
        case Dense():
            out, size = step.weight.shape
            return _call("Linear", size, out, bias=(step.bias is not None, True))


def _call(name: str, *values: Any, **options: tuple[Any, Any]) -> str:
    """The code of a call; an option is its value and torch's default, which is left out."""
    given = [f"{key}={value!r}" for key, (value, usual) in options.items() if value != usual]
    return f"nn.{name}({', '.join([*map(repr, values), *given])})"
