"""Makes layers of nnx modules of Flax, and nnx modules of layers."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from jaxcnn.interop.module_calls import (
    SWITCHES,
    arguments_of,
    check_factory,
    check_module,
    one_array,
    promoting,
    switched,
)
from jaxcnn.interop.nested_names import ArrayPath, nested, picked
from jaxcnn.layers import Layer, Params, State, described
from jaxcnn.layers.naming import named_key


class _Structure(NamedTuple):
    """What a module is made of, without its arrays.

    Attributes:
        graph: its ``nnx.GraphDef``.
        params: the paths of its parameters.
        state: the paths of its running statistics.
        keys: the shapes of the keys of its random streams, by their paths.
        counts: likewise, the shapes of the counts of these streams.
        arguments: the switches that its call takes.
    """

    graph: Any
    params: tuple[ArrayPath, ...]
    state: tuple[ArrayPath, ...]
    keys: dict[ArrayPath, tuple[int, ...]]
    counts: dict[ArrayPath, tuple[int, ...]]
    arguments: tuple[str, ...]


@described
def from_nnx(factory: Callable[[nnx.Rngs], nnx.Module]) -> Layer:
    """A layer that computes what an nnx module of Flax computes.

    The module is switched by its own ``train()`` and ``eval()``, and by an argument of its
    ``__call__`` named as in `from_linen`. In each application, each random stream in the module
    begins anew, with a key that is derived from the layer's key and the stream's path.

    Args:
        factory: ``rngs -> module``. The module takes one batch, channels last, and returns one
            array.

    Returns:
        A layer whose parameters are the module's ``nnx.Param`` and whose state is its
        ``nnx.BatchStat``, which training updates with the module's own momentum.

    Raises:
        TypeError: if ``factory`` is a module or makes none; if the module takes several inputs.
        ValueError: if the module has variables of other kinds, or, when it trains, if there is
            no key for its random streams.

    >>> from flax import nnx
    >>> layer = from_nnx(lambda rngs: nnx.Linear(2, 3, rngs=rngs))
    >>> params, state = layer.init(jax.random.key(0), (1, 2))
    >>> params["kernel"].shape
    (2, 3)
    """
    op = "from_nnx"
    check_factory(op, factory, nnx.Module, "lambda rngs: Net(10, rngs=rngs)")

    def make(key: jax.Array) -> nnx.Module:
        with promoting():
            return factory(nnx.Rngs(key))

    its = _structure_of(op, make)

    def init(key: jax.Array, input_shape: Sequence[int]) -> tuple[Params, State]:
        params, state = nnx.state(make(key), nnx.Param, nnx.BatchStat)
        return nested(_arrays(params)), nested(_arrays(state))

    def apply(
        params: Params,
        state: State,
        x: jax.Array,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        if its.keys and train and key is None:
            raise ValueError(f"{op}: the module draws random numbers, so it needs a `key`")
        arrays = picked(its.params, params) | picked(its.state, state) | _streams(its, key)
        module: Any = nnx.merge(its.graph, nnx.from_flat_state(arrays))
        module.train() if train else module.eval()
        with promoting():
            y = module(x, **switched(its.arguments, train))
        new = nested(_arrays(nnx.state(module, nnx.BatchStat))) if train else state
        return one_array(op, y), new

    return Layer(init, apply)


class NnxLayer(nnx.Module):
    """A layer of jaxcnn with its parameters, as an nnx module; `to_nnx` makes it.

    Attributes:
        params: the parameters, each an ``nnx.Param``.
        batch_stats: the running statistics, each an ``nnx.BatchStat``.
        rngs: the random stream that dropout draws from.
        deterministic: whether to evaluate; ``train()`` and ``eval()`` set it.
        use_running_average: the same as ``deterministic``, for batch normalization.
    """

    def __init__(self, layer: Layer, key: jax.Array, input_shape: Sequence[int]) -> None:
        """Draw the parameters of a layer."""
        params, state = layer.init(key, tuple(input_shape))
        self.layer = nnx.static(layer)
        self.params = nnx.data(jax.tree.map(nnx.Param, params))
        self.batch_stats = nnx.data(jax.tree.map(nnx.BatchStat, state))
        self.rngs = nnx.RngStream(named_key(key, "dropout"), tag="dropout")
        self.deterministic = False
        self.use_running_average = False

    def __call__(self, x: jax.Array, *, rngs: nnx.Rngs | None = None) -> jax.Array:
        """The layer's output; in training, the running statistics are updated.

        Args:
            x: a batch, channels last.
            rngs: random streams to draw from in place of the module's own.
        """
        if self.deterministic != self.use_running_average:
            raise ValueError(
                "to_nnx: a layer has one switch: set `deterministic` and `use_running_average` "
                "to the same value, as train() and eval() do"
            )
        train = not self.deterministic
        key = (self.rngs if rngs is None else rngs.dropout)() if train else None
        params, state = jax.tree.map(_value, (self.params, self.batch_stats), is_leaf=_is_variable)
        y, new = self.layer.apply(params, state, x, train=train, key=key)
        if train:
            jax.tree.map(nnx.Variable.set_value, self.batch_stats, new, is_leaf=_is_variable)
        return y

    def set_view(
        self, deterministic: bool | None = None, use_running_average: bool | None = None
    ) -> None:
        """Set the switches; ``nnx.view`` calls it.

        Args:
            deterministic: a new value, or ``None`` to keep the old one.
            use_running_average: likewise.
        """
        if deterministic is not None:
            self.deterministic = deterministic
        if use_running_average is not None:
            self.use_running_average = use_running_average


def to_nnx(layer: Layer, key: jax.Array, input_shape: Sequence[int]) -> NnxLayer:
    """An nnx module of Flax that computes what a layer or model computes.

    Args:
        layer: the layer.
        key: draws the parameters, as ``layer.init`` does, and begins the stream of dropout.
        input_shape: the shape of a batch, the batch axis included.

    Returns:
        A module in training mode, with the layer's parameters as ``nnx.Param`` and its running
        statistics as ``nnx.BatchStat``, under the layer's own names. ``train()``, ``eval()`` and
        ``nnx.view`` switch it.

    Raises:
        TypeError: if ``layer`` is not a `Layer`.

    >>> from jaxcnn.layers import Dense
    >>> module = to_nnx(Dense(3), jax.random.key(0), (1, 2))
    >>> module(jnp.ones((1, 2))).shape
    (1, 3)
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"to_nnx: `layer` must be a Layer, got {type(layer).__name__}")
    return NnxLayer(layer, key, input_shape)


def _structure_of(op: str, make: Callable[[jax.Array], nnx.Module]) -> _Structure:
    """The structure of the modules that a function makes; no array is computed."""
    found: list[_Structure] = []

    def trace(key: jax.Array) -> None:
        module: Any = make(key)
        check_module(op, module, nnx.Module)
        arguments = arguments_of(op, module.__call__, SWITCHES)
        kinds = (nnx.Param, nnx.BatchStat, nnx.RngKey, nnx.RngCount)
        parts: Any = nnx.split(module, *kinds, ...)
        _refuse_others(op, parts[-1])
        params, state, keys, counts = (_shapes(part) for part in parts[1:-1])
        found.append(_Structure(parts[0], tuple(params), tuple(state), keys, counts, arguments))

    jax.eval_shape(trace, jax.random.key(0))
    return found[0]


def _refuse_others(op: str, others: Any) -> None:
    """Refuse a module that has arrays which are neither parameters nor running statistics."""
    said = [
        f"{'/'.join(map(str, path))} ({type(value).__name__})"
        for path, value in nnx.to_flat_state(others)
    ]
    if said:
        raise ValueError(
            f"{op}: the module's variables must be nnx.Param and nnx.BatchStat, got "
            f"{', '.join(said)} too: keep what training changes in an nnx.BatchStat"
        )


def _streams(its: _Structure, key: jax.Array | None) -> dict[ArrayPath, jax.Array]:
    """New keys and counts for the random streams; without a key, no number is drawn from them."""
    key = jax.random.key(0) if key is None else key
    streams = {path: jnp.zeros(shape, jnp.uint32) for path, shape in its.counts.items()}
    for path, shape in its.keys.items():
        own = named_key(key, "/".join(map(str, path[:-1])))
        streams[path] = jax.random.split(own, shape) if shape else own
    return streams


def _shapes(state: Any) -> dict[ArrayPath, tuple[int, ...]]:
    return {path: array.shape for path, array in _arrays(state).items()}


def _arrays(state: Any) -> dict[ArrayPath, Any]:
    return {path: variable.get_value() for path, variable in nnx.to_flat_state(state)}


def _is_variable(leaf: object) -> bool:
    return isinstance(leaf, nnx.Variable)


def _value(variable: Any) -> Any:
    return variable.get_value()
