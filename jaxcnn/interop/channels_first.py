"""A model as torch and ONNX see one: a list of steps over channels-first images.

The steps are read off the layers' blueprints, with shapes and padding worked out. Both writers
go by them, so that what is known about layers is written once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.interop.errors import InteropError
from jaxcnn.interop.subject import Subject
from jaxcnn.layers import Layer, Params, State, output_shape
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

ACTIVATIONS = {
    jax.nn.relu: "relu",
    jax.nn.sigmoid: "sigmoid",
    jnp.tanh: "tanh",
    jax.nn.elu: "elu",
    jax.nn.leaky_relu: "leaky_relu",
    jax.nn.softplus: "softplus",
}
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
    if layer.blueprint is None or layer.blueprint.kind != "Sequential":
        yield path or ("layer",), layer, params, state
        return
    for name, part in layer.blueprint.parts.items():
        yield from _leaves((*path, name), part, params.get(name, {}), state.get(name, {}))


def _translated(layer: Layer, place: Place) -> Iterator[tuple[str, Step]]:
    if layer.blueprint is None:
        raise place.refusal("a layer of one's own has no counterpart")
    kind = layer.blueprint.kind
    if kind not in _TRANSLATORS:
        raise place.refusal(f"{kind} has no counterpart")
    return _TRANSLATORS[kind](place, layer.blueprint.options)


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
        pairs = parse_padding(kind, options["padding"], place.shape[1:3], window, stride)
        if _uneven(pairs):
            yield "_pad", Pad(border, pairs)
            pairs = ((0, 0), (0, 0))
        yield "", Pool(kind, window, stride, tuple(low for low, _ in pairs))

    return translate


def _function(place: Place, options: Mapping[str, Any]) -> Iterator[tuple[str, Step]]:
    function = options["function"]
    for known, name in ACTIVATIONS.items():
        if function is known:
            yield "", Activation(name)
            return
    name = getattr(function, "__name__", repr(function))
    known_names = ", ".join(ACTIVATIONS.values())
    raise place.refusal(f"the function {name} is none of {known_names}")


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


_TRANSLATORS: dict[str, Callable[..., Iterator[tuple[str, Step]]]] = {
    "Conv2d": _conv,
    "AvgPool2d": _pool("average", "zeros"),
    "MaxPool2d": _pool("max", "lowest"),
    "Function": _function,
    "Flatten": _flatten,
    "Dense": _dense,
}


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
