"""Traces a model into a graph of operations over channels-first images, for torch and ONNX.

`trace` visits the layers of a model and adds a `GraphStep` for each layer, join and split. The two
writers and the exchange of weights with torch use these steps. So shapes, padding and the order of
axes are computed once.
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
    """An array between two steps, with its shape in the model and its order of axes in the export.

    Attributes:
        ref: the number of the value; 0 is the model's input.
        shape: its shape in the model, the batch axis included.
        axes: for each axis in the export, the number of that axis in the model.
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
    """One operation of the exported graph.

    Attributes:
        kind: the kind of operation; the writers have a rule for each kind.
        path: the names of the layer that it comes from.
        inputs: the numbers of the values that it takes.
        outputs: the numbers of the values that it gives.
        before: the shape of its first input, channels first.
        after: the shape of its first output, channels first.
        options: the options of the operation.
        weights: the layer's parameters and statistics by torch's names, in torch's order of
            axes; a parameter that torch keeps beside the layers has the name ``""``.
        constants: arrays that torch stores for such a layer, and this package does not.
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
        """The name of the layer's constructor, for messages."""
        its = self.layer.description
        return "a layer of one's own" if its is None or its.kind is None else its.name

    def refusal(self, why: str) -> InteropError:
        """The error for a layer that a format cannot hold, with the layer's path."""
        where = "/".join(self.path) or "the model"
        return InteropError(f"{where}: {why}; --to stablehlo takes any layer")


@dataclass
class Graph:
    """The steps of a model, in the order of computation.

    Attributes:
        given: the model's input.
        steps: the steps.
        result: the model's output.
    """

    given: Value
    steps: list[GraphStep] = field(default_factory=list)
    result: Value = field(init=False)


def trace(
    layer: Layer, params: Params, state: State, input_shape: Sequence[int], rules: "Rules"
) -> Graph:
    """Trace a model into a graph.

    Args:
        layer: the model.
        params: its parameters; arrays of any dtype, which are only reordered.
        state: its running statistics.
        input_shape: the shape of a batch.
        rules: the function that adds the steps of each kind of layer.

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
    """The input of a rule: a layer, its input, and the builder that takes the steps.

    Attributes:
        builder: the builder that takes the steps.
        node: the layer, its path and its parameters.
        x: the layer's input.
        after: the shape of the layer's output in the model.
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
        """The input, channels first; vectors are not reordered."""
        ndim = len(self.x.shape)
        if ndim == 2:
            return self.x
        first = batch_layout("export", self.options.get("layout"), ndim).channel == 1
        return self.builder.images(self.x._replace(channels_first=first), self.node.layer)

    def arranged(self, axes: tuple[int, ...]) -> Value:
        """The input, its axes in this order."""
        return self.builder.arranged(self.x, axes, self.node.layer)

    def in_order(self) -> Value:
        """The input, a vector in the model's order."""
        return self.builder.in_order(self.x, self.node.layer, self.node.path)

    def unknown(self) -> Value:
        """Add a step of the kind ``"unknown"`` for a layer without a rule."""
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
        """Add a step.

        Args:
            kind: the kind of operation.
            x: its input.
            axes: the order of the result's axes; left out, channels first.
            after: the shape of the result in the model; left out, the layer's.
            order: as in `Value`.
            part: a name to add to the path, where a layer becomes several steps.
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
"""For each kind of layer, a rule that adds its steps and returns its output."""


class Builder:
    """A visitor for `walk` that adds the steps of each layer to a graph."""

    def __init__(self, graph: Graph, rules: Rules) -> None:
        """Start with a graph that has an input and no steps."""
        self._graph, self._rules, self._count = graph, rules, 0
        self._moved: dict[tuple[int, tuple[int, ...]], Value] = {}

    def layer(self, node: LayerNode, x: Value) -> Value:
        """Add the steps of a layer."""
        arrays = (node.params, node.state)
        leaves = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, "float32"), arrays)
        y, _ = jax.eval_shape(node.layer.apply, *leaves, jax.ShapeDtypeStruct(x.shape, "float32"))
        context = LayerContext(self, node, x, tuple(y.shape))
        kind = (node.layer.description or Description()).kind
        if kind is not None and kind in self._rules:
            return self._rules[kind](context)
        return context.unknown()

    def join(self, node: LayerNode, how: str, values: Sequence[Value], layout: str | None) -> Value:
        """Add the step that joins branches."""
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
        """Add the step that splits channels."""
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
        """The number of a new value."""
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
        """The same vector, in the model's order."""
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
    """The order of axes that puts the channels first."""
    if ndim <= 2 or already:
        return tuple(range(ndim))
    return (0, ndim - 1, *range(1, ndim - 1))


def reordered(vector: np.ndarray, order: tuple[int, ...] | None) -> np.ndarray:
    """Reorder a flattened channels-last image, or the rows of a kernel for one, to channels first.

    >>> reordered(np.arange(6), (1, 3, 2))
    array([0, 2, 4, 1, 3, 5])
    """
    if order is None:
        return vector
    rest = vector.shape[1:]
    return np.moveaxis(vector.reshape(*order, *rest), len(order) - 1, 0).reshape(-1, *rest)


def order_of(x: Value) -> tuple[int, ...] | None:
    """The order of a vector of flattened images; ``None`` if it is the model's own order."""
    *sizes, channels = x.shape[1:]
    differs = not x.channels_first and channels > 1 and math.prod(sizes) > 1
    return x.shape[1:] if differs else None


def _is_channels_first(layer: Layer) -> bool:
    """Whether a model's images have their channels on axis 1, by the layout of its first layer."""

    class Layouts:
        """The first layout on the way to each value; all of them would be too many to keep."""

        def layer(self, node: LayerNode, x: str | None) -> str | None:
            return x or (node.layer.description or Description()).options.get("layout")

        def join(
            self, node: LayerNode, how: str, values: Sequence[str | None], layout: str | None
        ) -> str | None:
            return next(filter(None, values), layout)

        def split(
            self, node: LayerNode, x: str | None, sizes: SplitSizes, layout: str | None
        ) -> list[str | None]:
            count = sizes if isinstance(sizes, int) else len(sizes)
            return [x or layout] * count

    found = walk(layer, {}, {}, None, Layouts())
    return found is not None and not found.endswith("C")
