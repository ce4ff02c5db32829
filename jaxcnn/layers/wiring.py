"""Connects layers: builds a layer from parts, and visits the parts of a model in their order.

A layer made of layers describes once how its parts are connected, as a function
``wire(flow, x)`` that calls ``flow.part(name, x)``, ``flow.chain(names, x)``,
``flow.join(how, values)`` and ``flow.split(x, sizes)``. This function runs with different values:
`init` gives it shapes, `apply` arrays, and `walk` the values that a visitor computes.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.layers.layer import Apply, Description, FusedApply, Layer, Params, State
from jaxcnn.layers.naming import check_parts, named_key, scoped, scopes_of
from jaxcnn.ops.arguments import choice
from jaxcnn.ops.moments import batch_layout

V = TypeVar("V")

SplitSizes = Sequence[int] | int
"""The number of channels of each part, or an int for so many equal parts."""

IN_LAYER = "in layer "
"""The start of the note that names the layer in which an error arose; innermost layer first."""

JOINS = ("add", "multiply", "concat")
"""The ways to join the outputs of branches."""


class Flow(Protocol[V]):
    """The first argument of a wiring function, which runs the parts and joins and splits values."""

    def part(self, name: str, x: V) -> V:
        """Gives the output of a part."""

    def chain(self, names: Sequence[str], x: V) -> V:
        """Gives the output of the last of several parts, each of which gets that of the one before.

        It means the same as calling `part` for each; neighbours may be computed in one pass.
        """

    def join(self, how: str, values: Sequence[V], layout: str | None = None) -> V:
        """Joins the outputs of branches by one of `JOINS`."""

    def split(self, x: V, sizes: SplitSizes, layout: str | None = None) -> list[V]:
        """Splits the channels."""


Wire = Callable[[Any, Any], Any]
"""A wiring function ``wire(flow, x) -> y``, for a `Flow` of any kind of value."""


def combined(
    op: str,
    parts: Mapping[str, Layer],
    wire: Wire,
    *,
    inline: Iterable[str] = (),
    renamed: Mapping[str, str] | None = None,
) -> Layer:
    """Make one layer of several, from a function that says how they are connected.

    Args:
        op: the name of its constructor, for messages.
        parts: the layers by name. For a constructor that is `described`, the names are those
            of its arguments.
        wire: ``wire(flow, x) -> y``; calls each part once.
        inline: the parts whose own name is left out of the paths of their parameters.
        renamed: the names of parameters that differ from those of the arguments.

    Returns:
        A layer whose parameters are ``{name: parameters}``; parts without any are left out.

    Raises:
        TypeError: if a part is not a `Layer`.
        ValueError: if a name is empty, holds a slash or stands for two parts.

    >>> from jaxcnn.layers import Dense
    >>> def wire(flow, x):
    ...     return flow.join("add", [flow.part("a", x), flow.part("b", x)])
    >>> layer = combined("Sum", {"a": Dense(3), "b": Dense(3)}, wire)
    >>> params, state = layer.init(jax.random.key(0), (1, 2))
    >>> sorted(params), layer.apply(params, state, jnp.ones((1, 2)))[0].shape
    (['a', 'b'], (1, 3))
    """
    check_parts(op, parts)
    scopes = scopes_of(op, parts, inline, renamed or {})
    its = Description(parts=dict(parts), scopes=scopes, wire=wire)

    def apply(
        params: Params,
        state: State,
        x: jax.Array,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        running = _Running(op, its, params, state, train, key)
        return wire(running, x), running.new_state

    return Layer(_Init(op, its, wire), apply, its)


class _Init(NamedTuple):
    """The `init` of a layer made of layers, which knows the shape of its output as well."""

    op: str
    its: Description
    wire: Wire

    def __call__(self, key: jax.Array, input_shape: Sequence[int]) -> tuple[Params, State]:
        """Draw the parameters and the state."""
        x = jax.ShapeDtypeStruct(tuple(input_shape), jnp.float32)
        params, state, _ = self.draw(key, x)
        return params, state

    def draw(self, key: jax.Array, x: Any) -> tuple[Params, State, Any]:
        """Draw the parameters and the state, and find the shape of the output on the way."""
        drawing = _Drawing(self.op, self.its, key)
        y = self.wire(drawing, x)
        return drawing.params, drawing.state, y


class _Drawing:
    """Runs a wiring function with shapes and draws the parameters of each part."""

    def __init__(self, op: str, its: Description, key: jax.Array) -> None:
        self.params: Params = {}
        self.state: State = {}
        self._op, self._its, self._key = op, its, key

    def part(self, name: str, x: Any) -> Any:
        layer, scope = self._its.parts[name], self._its.scopes[name]
        key = named_key(self._key, scope) if scope else self._key
        with _naming(name):
            if isinstance(layer.init, _Init):
                params, state, y = layer.init.draw(key, x)
            else:
                params, state = layer.init(key, x.shape)
                y, _ = jax.eval_shape(layer.apply, params, state, x)
        _put(self.params, scope, params)
        _put(self.state, scope, state)
        return y

    def chain(self, names: Sequence[str], x: Any) -> Any:
        for name in names:
            x = self.part(name, x)
        return x

    def join(self, how: str, values: Sequence[Any], layout: str | None = None) -> Any:
        return jax.eval_shape(lambda *arrays: joined(self._op, how, arrays, layout), *values)

    def split(self, x: Any, sizes: SplitSizes, layout: str | None = None) -> list[Any]:
        return jax.eval_shape(lambda array: divided(self._op, array, sizes, layout), x)


class _Running:
    """Runs a wiring function with arrays and collects the next state of each part."""

    def __init__(
        self,
        op: str,
        its: Description,
        params: Params,
        state: State,
        train: bool,
        key: jax.Array | None,
    ) -> None:
        self.new_state: State = {}
        self._op, self._its, self._params, self._state = op, its, params, state
        self._train, self._key = train, key

    def part(self, name: str, x: jax.Array) -> jax.Array:
        return self._run(name, self._its.parts[name].apply, x)

    def chain(self, names: Sequence[str], x: jax.Array) -> jax.Array:
        parts = self._its.parts
        after = {name: parts[other] for name, other in itertools.pairwise(names)}
        done = False
        for name in names:
            if done:
                done = False
                continue
            own = apply = parts[name].apply
            if isinstance(own, FusedApply) and name in after:
                apply = own.followed_by(after[name]) or own
            x = self._run(name, apply, x)
            done = apply is not own
        return x

    def _run(self, name: str, apply: Apply, x: jax.Array) -> jax.Array:
        layer, scope = self._its.parts[name], self._its.scopes[name]
        key = self._key
        if scope and key is not None:
            key = named_key(key, scope)
        params, state = scoped(self._params, layer, scope), scoped(self._state, layer, scope)
        with _naming(name), jax.named_scope(scope or name):
            y, new = apply(params, state, x, train=self._train, key=key)
        _put(self.new_state, scope, new)
        return y

    def join(self, how: str, values: Sequence[jax.Array], layout: str | None = None) -> jax.Array:
        return joined(self._op, how, values, layout)

    def split(self, x: jax.Array, sizes: SplitSizes, layout: str | None = None) -> list[jax.Array]:
        return divided(self._op, x, sizes, layout)


@contextlib.contextmanager
def _naming(name: str) -> Iterator[None]:
    """Add the name of a part to an error that arises in it."""
    try:
        yield
    except Exception as error:
        error.add_note(f"{IN_LAYER}{name}")
        raise


def _put(tree: dict[str, Any], scope: str, its: dict[str, Any]) -> None:
    """Add the entries of a part to a tree; empty ones are left out."""
    if not scope:
        tree.update(its)
    elif its:
        tree[scope] = its


class LayerNode(NamedTuple):
    """A layer of a model, with its path, its parameters and its state.

    Attributes:
        path: the names that lead to its parameters.
        place: the names that lead to it, also those of inlined parts; no two layers that are
            made of layers have the same.
        layer: the layer.
        params: its parameters.
        state: its state.
    """

    path: tuple[str, ...]
    place: tuple[str, ...]
    layer: Layer
    params: Params
    state: State

    @property
    def name(self) -> str:
        """The path as text, ``"layer1/0/conv1"``; empty for the whole model."""
        return "/".join(self.path)


class Visitor(Protocol[V]):
    """The functions that `walk` calls at the layers, joins and splits of a model."""

    def layer(self, node: LayerNode, x: V) -> V:
        """Gives the output of a layer that is not made of layers."""

    def join(self, node: LayerNode, how: str, values: Sequence[V], layout: str | None) -> V:
        """Joins the outputs of the branches of the layer ``node``."""

    def split(self, node: LayerNode, x: V, sizes: SplitSizes, layout: str | None) -> list[V]:
        """Splits the channels for the branches of the layer ``node``."""


def walk(layer: Layer, params: Params, state: State, x: V, visitor: Visitor[V]) -> V:
    """Visit the layers of a model in the order in which they are computed.

    Args:
        layer: the model.
        params: its parameters, or their shapes.
        state: its state.
        x: the input; a value of any kind that the visitor takes.
        visitor: computes the output of each layer, join and split from its input.

    Returns:
        The output of the model.

    >>> from jaxcnn.layers import Dense, Flatten, Sequential
    >>> class Names:
    ...     def layer(self, node, x):
    ...         return [*x, node.name]
    ...
    ...     def join(self, node, how, values, layout):
    ...         return [*values, how]
    ...
    ...     def split(self, node, x, sizes, layout):
    ...         raise NotImplementedError
    >>> walk(Sequential(flat=Flatten(), out=Dense(3)), {}, {}, [], Names())
    ['flat', 'out']
    """
    return _walk(LayerNode((), (), layer, params, state), x, visitor)


def _walk(node: LayerNode, x: V, visitor: Visitor[V]) -> V:
    its = node.layer.description
    if its is None or its.wire is None:
        return visitor.layer(node, x)
    y: V = its.wire(_Walking(node, its, visitor), x)
    return y


class _Walking(Generic[V]):
    """Runs a wiring function with the values of a visitor."""

    def __init__(self, node: LayerNode, its: Description, visitor: Visitor[V]) -> None:
        self._site, self._its, self._visitor = node, its, visitor

    def part(self, name: str, x: V) -> V:
        node, layer, scope = self._site, self._its.parts[name], self._its.scopes[name]
        path = (*node.path, scope) if scope else node.path
        # A layer around one layer adds no name to the place of that layer.
        step = scope or (name if len(self._its.parts) > 1 else "")
        place = (*node.place, step) if step else node.place
        params, state = scoped(node.params, layer, scope), scoped(node.state, layer, scope)
        return _walk(LayerNode(path, place, layer, params, state), x, self._visitor)

    def chain(self, names: Sequence[str], x: V) -> V:
        for name in names:
            x = self.part(name, x)
        return x

    def join(self, how: str, values: Sequence[V], layout: str | None = None) -> V:
        return self._visitor.join(self._site, how, values, layout)

    def split(self, x: V, sizes: SplitSizes, layout: str | None = None) -> list[V]:
        return self._visitor.split(self._site, x, sizes, layout)


def joined(op: str, how: str, values: Sequence[jax.Array], layout: str | None = None) -> jax.Array:
    """Join the outputs of branches into one array.

    Args:
        op: the layer's constructor, for messages.
        how: ``"add"`` (of equal shapes), ``"multiply"`` (axes of size 1 are repeated) or
            ``"concat"`` (of channels).
        values: the arrays.
        layout: where the channels are; last where it is left out.
    """
    choice(op, "join", how, JOINS)
    shapes = [value.shape for value in values]
    if how == "concat":
        channel = batch_layout(op, layout, values[0].ndim).channel
        fits = len({shape[:channel] + shape[channel + 1 :] for shape in shapes}) == 1
    elif how == "add":
        fits = len(set(shapes)) == 1
    else:
        ranks = {len(shape) for shape in shapes}
        fits = len(ranks) == 1 and all(
            len({*axis} - {1}) <= 1 for axis in zip(*shapes, strict=True)
        )
    if not fits:
        raise ValueError(f"{op}: the branches' outputs do not fit for {how!r}: {shapes}")
    if how == "concat":
        # Without the barrier XLA (of jax 0.12) does not compile a training step of DenseNet-121
        # in two minutes on a CPU; with it, in 16 seconds. Shorter chains need no help.
        return jax.lax.optimization_barrier(jnp.concatenate(list(values), channel))
    whole = values[0]
    for value in values[1:]:
        whole = whole + value if how == "add" else whole * value
    return whole


def divided(op: str, x: jax.Array, sizes: SplitSizes, layout: str | None = None) -> list[jax.Array]:
    """Split the channels of ``x``.

    Args:
        op: the layer's constructor, for messages.
        x: a batch.
        sizes: the number of channels of each part, or an int for so many equal parts.
        layout: where the channels are; last where it is left out.
    """
    channel = batch_layout(op, layout, x.ndim).channel
    channels = x.shape[channel]
    if isinstance(sizes, int):
        if channels % sizes:
            raise ValueError(f"{op}: {channels} channels cannot be divided into {sizes} branches")
        return jnp.split(x, sizes, channel)
    if sum(sizes) != channels:
        raise ValueError(
            f"{op}: `sizes` {tuple(sizes)} must add up to the {channels} channels of `x`"
        )
    return jnp.split(x, np.cumsum(sizes)[:-1].tolist(), channel)
