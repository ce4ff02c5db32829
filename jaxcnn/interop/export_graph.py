"""A model as torch and ONNX see one: a graph of steps over channels-first images.

`trace` follows the wiring of the layers' descriptions and writes down a `GraphStep` for each layer,
and for each place where branches part or meet. Both writers and the exchange of weights with
torch go by these steps, so that shapes, padding and the order of axes are worked out once.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxcnn.interop.errors import InteropError
from jaxcnn.layers import Description, Layer, LayerNode, Params, State, walk
from jaxcnn.layers.wiring import SplitSizes, divided, joined
from jaxcnn.ops.moments import batch_layout


class Value(NamedTuple):
    """An array that flows through a model, and the form in which the export holds it.

    Attributes:
        ref: its number; 0 is the model's input.
        shape: the model's, the batch axis included.
        axes: for each axis of the export's array the axis of the model's.
        channels_first: whether the model has its channels on axis 1, not on the last.
        order: for a vector of flattened images, their shape (channels last) in the model, if the
            export has flattened them channels first.
    """

    ref: int
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    channels_first: bool
    order: tuple[int, ...] | None = None

    @property
    def exported(self) -> tuple[int, ...]:
        """The shape of the export's array."""
        return tuple(self.shape[axis] for axis in self.axes)


class GraphStep(NamedTuple):
    """One operation of the export.

    Attributes:
        kind: what it does; the writers have a rule for each kind.
        path: the names of the layer that it comes from.
        inputs: the numbers of the values that it takes.
        outputs: the numbers of the values that it gives.
        before: the shape of its first input, channels first.
        after: the shape of its first output, channels first.
        options: its numbers and names.
        weights: the layer's parameters and statistics by torch's names, in torch's order of
            axes; a parameter that torch keeps beside the layers has the name ``""``.
        constants: what torch keeps for such a layer, and this package does not.
        layer: the layer that it comes from.
    """

    kind: str
    path: tuple[str, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    options: Mapping[str, Any]
    weights: Mapping[str, np.ndarray]
    constants: Mapping[str, np.ndarray]
    layer: Layer

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The weights and the constants."""
        return {**self.constants, **self.weights}

    @property
    def named(self) -> dict[str, np.ndarray]:
        """The weights and the constants by their names in a ``state_dict``."""
        where = ".".join(self.path)
        return {
            ".".join(filter(None, (where, name))) or "scale": array
            for name, array in self.arrays.items()
        }

    @property
    def rank(self) -> int:
        """The number of spatial axes of its input."""
        return len(self.before) - 2

    @property
    def name(self) -> str:
        """What the layer is called, for messages."""
        its = self.layer.description
        return "a layer of one's own" if its is None or its.kind is None else its.name

    def refusal(self, why: str) -> InteropError:
        """The sentence for what a format lacks, with the layer's path."""
        where = "/".join(self.path) or "the model"
        return InteropError(f"{where}: {why}; --to stablehlo takes any layer")


@dataclass
class Graph:
    """The steps of a model, in an order in which they can be computed.

    Attributes:
        given: the input.
        steps: the steps.
        result: the output.
    """

    given: Value
    steps: list[GraphStep] = field(default_factory=list)
    result: Value = field(init=False)


def trace(
    layer: Layer, params: Params, state: State, input_shape: Sequence[int], rules: "Rules"
) -> Graph:
    """The graph of a model.

    Args:
        layer: the model.
        params: its parameters; arrays of any dtype, which are only reordered.
        state: its running statistics.
        input_shape: the shape of a batch.
        rules: what to make of each kind of layer.

    Returns:
        Its steps. Images are channels first throughout, whatever the layers' layout. A layer
        without a rule is a step of the kind ``"unknown"``.

    Raises:
        ValueError: if the parameters or the shape do not fit the model.
    """
    shape = tuple(input_shape)
    first = len(shape) > 2 and _is_channels_first(layer)
    given = Value(0, shape, channels_first(len(shape), first), first)
    graph = Graph(given)
    builder = Builder(graph, rules)
    params, state = jax.tree.map(np.asarray, (params, state))
    y = walk(layer, params, state, given, builder)
    graph.result = builder.in_order(y, layer, ()) if len(y.shape) == 2 else builder.images(y, layer)
    return graph


class LayerContext(NamedTuple):
    """A layer, and what goes into it, as the rules see it.

    Attributes:
        builder: takes the steps.
        node: where the layer stands.
        x: what goes in.
        after: the shape of what comes out, in the model.
    """

    builder: "Builder"
    node: LayerNode
    x: Value
    after: tuple[int, ...]

    @property
    def options(self) -> Mapping[str, Any]:
        """The layer's options."""
        return (self.node.layer.description or Description()).options

    def images(self) -> Value:
        """What goes in, channels first; vectors in the order in which they are."""
        ndim = len(self.x.shape)
        if ndim == 2:
            return self.x
        first = batch_layout("export", self.options.get("layout"), ndim).channel == 1
        return self.builder.images(self.x._replace(channels_first=first), self.node.layer)

    def arranged(self, axes: tuple[int, ...]) -> Value:
        """What goes in, its axes in this order."""
        return self.builder.arranged(self.x, axes, self.node.layer)

    def in_order(self) -> Value:
        """What goes in, a vector in the model's order."""
        return self.builder.in_order(self.x, self.node.layer, self.node.path)

    def unknown(self) -> Value:
        """Write down that a layer has no counterpart."""
        x = self.in_order() if len(self.x.shape) == 2 else self.x
        x = self.builder.arranged(x, tuple(range(len(x.shape))), self.node.layer)
        learns = bool(self.node.params or self.node.state)
        return self.add("unknown", x, axes=tuple(range(len(self.after))), learns=learns)

    def add(
        self,
        kind: str,
        x: Value,
        *,
        axes: tuple[int, ...] | None = None,
        after: tuple[int, ...] | None = None,
        order: tuple[int, ...] | None = None,
        part: str = "",
        weights: Mapping[str, np.ndarray] | None = None,
        constants: Mapping[str, np.ndarray] | None = None,
        **options: Any,
    ) -> Value:
        """Write a step down.

        Args:
            kind: what it does.
            x: what it takes.
            axes: the order of the result's axes; left out, channels first.
            after: the shape of the result in the model; left out, the layer's.
            order: as in `Value`.
            part: a name after the layer's, where it becomes more than one.
            weights: as in `GraphStep`.
            constants: as in `GraphStep`.
            **options: as in `GraphStep`.
        """
        shape = self.after if after is None else after
        path = (*self.node.path, part) if part else self.node.path
        axes = channels_first(len(shape), x.channels_first) if axes is None else axes
        y = Value(self.builder.number(), shape, axes, x.channels_first, order)
        self.builder.write(
            kind, path, [x], [y], self.node.layer, options, weights or {}, constants or {}
        )
        return y


Rules = Mapping[Callable[..., Layer], Callable[[LayerContext], Value]]
"""What a kind of layer becomes: adds steps, and gives the value that comes out."""


class Builder:
    """Makes of the layers that a walk meets the steps of a graph."""

    def __init__(self, graph: Graph, rules: Rules) -> None:
        """Begin with a graph that has an input."""
        self._graph, self._rules, self._count = graph, rules, 0
        self._moved: dict[tuple[int, tuple[int, ...]], Value] = {}

    def layer(self, node: LayerNode, x: Value) -> Value:
        """Write the steps of a layer."""
        arrays = (node.params, node.state)
        leaves = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, "float32"), arrays)
        y, _ = jax.eval_shape(node.layer.apply, *leaves, jax.ShapeDtypeStruct(x.shape, "float32"))
        context = LayerContext(self, node, x, tuple(y.shape))
        kind = (node.layer.description or Description()).kind
        if kind is not None and kind in self._rules:
            return self._rules[kind](context)
        return context.unknown()

    def join(self, node: LayerNode, how: str, values: Sequence[Value], layout: str | None) -> Value:
        """Write how branches come together."""
        arrays = [jax.ShapeDtypeStruct(value.shape, "float32") for value in values]
        y = jax.eval_shape(lambda *given: joined("export", how, given, layout), *arrays)
        ndim, first = len(y.shape), values[0].channels_first
        if how == "concat" and ndim > 2:
            first = batch_layout("export", layout, ndim).channel == 1
        axes = values[0].axes
        if how == "concat" or any(value.axes != axes for value in values):
            axes = channels_first(ndim, first)
        values = [self.arranged(value, axes, node.layer) for value in values]
        order = values[0].order
        if how == "concat" or any(value.order != order for value in values):
            values = [self.in_order(value, node.layer, node.path) for value in values]
            order = None
        result = Value(self.number(), tuple(y.shape), axes, first, order)
        self.write("join", node.path, values, [result], node.layer, {"how": how})
        return result

    def split(
        self, node: LayerNode, x: Value, sizes: SplitSizes, layout: str | None
    ) -> list[Value]:
        """Write how channels are taken apart."""
        array = jax.ShapeDtypeStruct(x.shape, "float32")
        pieces = jax.eval_shape(lambda given: divided("export", given, sizes, layout), array)
        ndim = len(x.shape)
        first = ndim > 2 and batch_layout("export", layout, ndim).channel == 1
        x = self.images(x._replace(channels_first=first), node.layer)
        x = self.in_order(x, node.layer, node.path)
        values = [Value(self.number(), tuple(p.shape), x.axes, first) for p in pieces]
        counts = [value.exported[1] for value in values]
        self.write("split", node.path, [x], values, node.layer, {"sizes": counts})
        return values

    def number(self) -> int:
        """A new value's number."""
        self._count += 1
        return self._count

    def images(self, x: Value, layer: Layer) -> Value:
        """The same value, channels first."""
        return self.arranged(x, channels_first(len(x.shape), x.channels_first), layer)

    def arranged(self, x: Value, axes: tuple[int, ...], layer: Layer) -> Value:
        """The same value, its axes in this order."""
        if x.axes == axes:
            return x
        if (x.ref, axes) not in self._moved:
            y = x._replace(ref=self.number(), axes=axes)
            moved = tuple(x.axes.index(axis) for axis in axes)
            self.write("transpose", (), [x], [y], layer, {"axes": moved})
            self._moved[x.ref, axes] = y
        return self._moved[x.ref, axes]._replace(channels_first=x.channels_first)

    def in_order(self, x: Value, layer: Layer, path: tuple[str, ...]) -> Value:
        """The same vector, in the order in which the model has it."""
        if x.order is None:
            return x
        if (x.ref, ()) not in self._moved:
            y = x._replace(ref=self.number(), order=None)
            *sizes, channels = x.order
            self.write("reorder", path, [x], [y], layer, {"image": (channels, *sizes)})
            self._moved[x.ref, ()] = y
        return self._moved[x.ref, ()]

    def write(
        self,
        kind: str,
        path: tuple[str, ...],
        inputs: Sequence[Value],
        outputs: Sequence[Value],
        layer: Layer,
        options: Mapping[str, Any],
        weights: Mapping[str, np.ndarray] | None = None,
        constants: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Add a step to the graph."""
        step = GraphStep(
            kind,
            path,
            tuple(value.ref for value in inputs),
            tuple(value.ref for value in outputs),
            inputs[0].exported,
            outputs[0].exported,
            options,
            weights or {},
            constants or {},
            layer,
        )
        self._graph.steps.append(step)


def channels_first(ndim: int, already: bool) -> tuple[int, ...]:
    """The axes of an array of the model in the order in which the export has them."""
    if ndim <= 2 or already:
        return tuple(range(ndim))
    return (0, ndim - 1, *range(1, ndim - 1))


def reordered(vector: np.ndarray, order: tuple[int, ...] | None) -> np.ndarray:
    """What there is of each flattened number, in the order of channels-first images.

    >>> reordered(np.arange(6), (1, 3, 2))
    array([0, 2, 4, 1, 3, 5])
    """
    if order is None:
        return vector
    rest = vector.shape[1:]
    return np.moveaxis(vector.reshape(*order, *rest), len(order) - 1, 0).reshape(-1, *rest)


def order_of(x: Value) -> tuple[int, ...] | None:
    """The order of a vector that images are flattened to; ``None`` if it is that of the model."""
    *sizes, channels = x.shape[1:]
    differs = not x.channels_first and channels > 1 and math.prod(sizes) > 1
    return x.shape[1:] if differs else None


def _is_channels_first(layer: Layer) -> bool:
    """Whether a model's images have their channels on axis 1: what its first layout says."""

    class Layouts:
        def layer(self, node: LayerNode, x: list[str]) -> list[str]:
            layout = (node.layer.description or Description()).options.get("layout")
            return x if layout is None else [*x, layout]

        def join(
            self, node: LayerNode, how: str, values: Sequence[list[str]], layout: str | None
        ) -> list[str]:
            return [
                *(it for value in values for it in value),
                *([] if layout is None else [layout]),
            ]

        def split(
            self, node: LayerNode, x: list[str], sizes: SplitSizes, layout: str | None
        ) -> list[list[str]]:
            count = sizes if isinstance(sizes, int) else len(sizes)
            return [x if layout is None else [*x, layout]] * count

    found = walk(layer, {}, {}, [], Layouts())
    return bool(found) and not found[0].endswith("C")
