"""A model as torch and ONNX see one: a list of steps over channels-first images.

The steps are read off the layers' descriptions, with shapes and padding worked out. Both writers
go by them, so that what is known about layers is written once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from jaxcnn import layers
from jaxcnn.interop.errors import InteropError
from jaxcnn.interop.subject import Subject
from jaxcnn.layers import Layer, Params, Sequential, State, is_a, output_shape
from jaxcnn.ops.arguments import Pairs, dilated, parse_padding, per_axis

Path = tuple[str, ...]
"""A layer's name, after those of the layers it is part of."""


@dataclass(frozen=True)
class Conv:
    """A convolution; ``weight`` is ``(out, in // groups, kh, kw)``, ``padding`` of zeros."""

    weight: np.ndarray
    bias: np.ndarray | None
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int


@dataclass(frozen=True)
class Pool:
    """``kind`` is ``"max"`` or ``"average"``; the zeros of an average's padding count."""

    kind: str
    window: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]


@dataclass(frozen=True)
class Pad:
    """A border that no convolution or pool of others can make by itself.

    Attributes:
        mode: ``"zeros"``, ``"lowest"`` (−∞), ``"reflect"``, ``"replicate"`` or ``"circular"``.
        pairs: pixels before and after, for height and width.
    """

    mode: str
    pairs: Pairs


@dataclass(frozen=True)
class Activation:
    """A function of each number, by its name in `jax.nn`."""

    name: str


@dataclass(frozen=True)
class Flatten:
    """Channels, rows and columns become one axis, in this order."""


@dataclass(frozen=True)
class Dense:
    """``weight`` is ``(out, in)``."""

    weight: np.ndarray
    bias: np.ndarray | None


Step = Conv | Pool | Pad | Activation | Flatten | Dense

ACTIVATIONS = ("relu", "sigmoid", "tanh", "elu", "leaky_relu", "softplus")
"""The functions that have a counterpart elsewhere, with the same default parameters."""


class Place(NamedTuple):
    """Where in a model a layer stands.

    Attributes:
        name: the layer's, for messages.
        params: the layer's.
        shape: of its input, channels last.
        image: ``(h, w, c)`` of the image that was flattened before it, if one was.
    """

    name: str
    params: Params
    shape: tuple[int, ...]
    image: tuple[int, ...] | None

    def refusal(self, why: str) -> InteropError:
        """The sentence for a layer that has no counterpart."""
        return InteropError(f"{self.name}: {why}; --to stablehlo takes any layer")


def channels_first(subject: Subject) -> dict[Path, Step]:
    """The steps of a model, by the names of its layers.

    A convolution or pool whose border has no counterpart has its padding before it, as
    ``name_pad``. The rows of the first dense kernel after a flattening are put into the order
    in which channels-first images are flattened.

    Args:
        subject: the model.

    Raises:
        InteropError: if a layer of the model has no counterpart.
    """
    steps: dict[Path, Step] = {}
    shape: tuple[int, ...] = (1, *subject.image_shape)
    image = None
    for path, layer, params, state in _leaves((), subject.model, subject.params, subject.state):
        place = Place("/".join(path), params, shape, image)
        for suffix, step in _translated(layer, place):
            name = (*path[:-1], path[-1] + suffix)
            if name in steps:
                raise place.refusal(f"there are two steps of the name {'/'.join(name)}")
            steps[name] = step
            if isinstance(step, Flatten):
                image = shape[1:]
            elif isinstance(step, Dense):
                image = None
        shape = output_shape(layer, params, state, shape)
    if image is not None and _order_matters(image):
        raise place.refusal("what is flattened must go through a Dense layer")
    return steps


def _leaves(
    path: Path, layer: Layer, params: Params, state: State
) -> Iterator[tuple[Path, Layer, Params, State]]:
    """The layers that are not made of layers, in the order of computation."""
    if not is_a(layer, Sequential) or layer.description is None:
        yield path or ("layer",), layer, params, state
        return
    for name, part in layer.description.parts.items():
        yield from _leaves((*path, name), part, params.get(name, {}), state.get(name, {}))


def _translated(layer: Layer, place: Place) -> Iterator[tuple[str, Step]]:
    its = layer.description
    if its is None or its.kind is None:
        raise place.refusal("a layer of one's own has no counterpart")
    if its.kind not in _TRANSLATORS:
        raise place.refusal(f"{its.name} has no counterpart")
    unusual = [
        f"{name}={value!r}"
        for name, value in its.options.items()
        if name in _ONLY and value != _ONLY[name]
    ]
    if unusual:
        raise place.refusal(f"{its.name} with {unusual[0]} has no counterpart")
    return _TRANSLATORS[its.kind](place, its.options)


def _conv(place: Place, options: Mapping[str, Any]) -> Iterator[tuple[str, Step]]:
    weight = _float(place.params["kernel"]).transpose(3, 2, 0, 1)
    stride, dilation = _pair(options["stride"]), _pair(options["dilation"])
    span = dilated(weight.shape[2:], dilation)
    padding = options["padding"]
    pairs = parse_padding("Conv2d", padding, place.shape[1:3], span, stride, crops=True)
    mode = options["padding_mode"]
    outside = mode != "zeros" or _uneven(pairs) or min(map(min, pairs)) < 0
    if outside and pairs != ((0, 0), (0, 0)):
        yield "_pad", Pad(mode, pairs)
    padding = (0, 0) if outside else tuple(low for low, _ in pairs)
    yield "", Conv(weight, _bias(place.params), stride, padding, dilation, options["groups"])


def _pool(kind: str, border: str) -> Callable[..., Iterator[tuple[str, Step]]]:
    def translate(place: Place, options: Mapping[str, Any]) -> Iterator[tuple[str, Step]]:
        window = _pair(options["window"])
        stride = window if options["stride"] is None else _pair(options["stride"])
        if options.get("dilation", 1) not in (1, (1, 1)):
            raise place.refusal("a dilated pool has no counterpart")
        pairs = parse_padding(kind, options["padding"], place.shape[1:3], window, stride)
        mode = options["padding_mode"]
        if _uneven(pairs) or (mode != "zeros" and pairs != ((0, 0), (0, 0))):
            yield "_pad", Pad(border if mode == "zeros" else mode, pairs)
            pairs = ((0, 0), (0, 0))
        yield "", Pool(kind, window, stride, tuple(low for low, _ in pairs))

    return translate


def _activation(place: Place, options: Mapping[str, Any]) -> Iterator[tuple[str, Step]]:
    if options["name"] not in ACTIVATIONS:
        raise place.refusal(f"{options['name']} is none of {', '.join(ACTIVATIONS)}")
    yield "", Activation(options["name"])


def _flatten(place: Place, options: Mapping[str, Any]) -> Iterator[tuple[str, Step]]:
    if len(place.shape) == 4:
        yield "", Flatten()


def _dense(place: Place, options: Mapping[str, Any]) -> Iterator[tuple[str, Step]]:
    if len(place.shape) != 2:
        raise place.refusal("a Dense layer over images has no counterpart, only one after Flatten")
    weight = _float(place.params["kernel"]).T
    if place.image is not None:
        height, width, channels = place.image
        rows = weight.reshape(-1, height, width, channels)
        weight = rows.transpose(0, 3, 1, 2).reshape(weight.shape)
    yield "", Dense(weight, _bias(place.params))


_TRANSLATORS: dict[Any, Callable[..., Iterator[tuple[str, Step]]]] = {
    layers.Conv2d: _conv,
    layers.AvgPool2d: _pool("average", "zeros"),
    layers.MaxPool2d: _pool("max", "lowest"),
    layers.Activation: _activation,
    layers.Flatten: _flatten,
    layers.Dense: _dense,
}

_ONLY = {
    "layout": "NHWC",
    "ceil_mode": False,
    "count_include_pad": True,
    "divisor_override": None,
}
"""Options of which one value has a counterpart."""


def _float(array: Any) -> np.ndarray:
    return np.asarray(array, np.float32)


def _bias(params: Params) -> np.ndarray | None:
    return _float(params["bias"]) if "bias" in params else None


def _pair(value: Any) -> tuple[int, ...]:
    return per_axis("export", "size", value, 2, minimum=1)


def _uneven(pairs: Pairs) -> bool:
    return any(low != high for low, high in pairs)


def _order_matters(image: tuple[int, ...]) -> bool:
    height, width, channels = image
    return channels > 1 and height * width > 1
