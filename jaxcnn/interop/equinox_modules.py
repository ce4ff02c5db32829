"""Makes layers of Equinox modules."""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from jaxcnn.interop.module_calls import (
    arguments_of,
    check_factory,
    check_module,
    one_array,
    promoting,
    switched,
)
from jaxcnn.interop.nested_names import ArrayPath, nested, picked
from jaxcnn.layers import Layer, Params, State, described
from jaxcnn.ops.arguments import choice

ModuleLayout = Literal["CHW", "HWC"]
"""The axes of one image in an Equinox module."""

_ARGUMENTS = ("state", "key", "inference", "train", "training")
"""The arguments that a module's call may take besides its input."""


class _Structure(NamedTuple):
    """What a module is made of, without its arrays.

    Attributes:
        static: the module without its arrays.
        arrays: how its arrays stand in it.
        paths: their paths, in that order; ``True`` for those that are learned.
        states: how the arrays stand in its ``eqx.nn.State``.
        state_paths: their paths, in that order.
        arguments: the known arguments that its call takes.
        stateful: whether its call takes a state and returns it.
    """

    static: Any
    arrays: Any
    paths: dict[ArrayPath, bool]
    states: Any
    state_paths: tuple[ArrayPath, ...]
    arguments: tuple[str, ...]
    stateful: bool


@described
def from_equinox(
    factory: Callable[[jax.Array], eqx.Module],
    *,
    layout: ModuleLayout = "CHW",
    axis_name: str = "batch",
) -> Layer:
    """A layer that computes what an Equinox module computes for each example of a batch.

    The module takes one example. It is mapped over the batch, and each example has a key of its
    own, split from the layer's. Its call is ``module(x)``, also with ``state``, with ``key``, or
    with both. Every ``inference`` flag in the module is set by ``eqx.nn.inference_mode``; an
    argument of the call named ``inference``, ``train`` or ``training`` is set, too.

    Args:
        factory: ``key -> module``.
        layout: the axes of one example in the module, ``"CHW"`` as Equinox's convolutions want
            it, or ``"HWC"``. Batches are channels last; they are transposed before and after.
            Vectors are not transposed, and with one or three spatial axes it is likewise.
        axis_name: the name of the batch axis, as ``eqx.nn.BatchNorm`` was told.

    Returns:
        A layer whose parameters are the module's arrays of floating-point numbers. Its state are
        the values of ``eqx.nn.State``, which training updates, and the other arrays.

    Raises:
        TypeError: if ``factory`` is a module or makes none; if the module takes several inputs.
        ValueError: if ``layout`` is not known, or, when it runs, if ``axis_name`` is not the
            name that the module uses.

    >>> import equinox as eqx
    >>> layer = from_equinox(lambda key: eqx.nn.Linear(2, 3, key=key))
    >>> params, state = layer.init(jax.random.key(0), (1, 2))
    >>> params["weight"].shape
    (3, 2)
    """
    op = "from_equinox"
    check_factory(op, factory, eqx.Module, "lambda key: Net(10, key=key)")
    choice(op, "layout", layout, ("CHW", "HWC"))

    def make(key: jax.Array) -> tuple[Any, Any]:
        with promoting():
            module = factory(key)
            check_module(op, module, eqx.Module)
            return eqx.nn.make_with_state(lambda: module)()

    its = _structure_of(op, make)

    def init(key: jax.Array, input_shape: Sequence[int]) -> tuple[Params, State]:
        module, kept = make(key)
        arrays = _arrays(module)
        learned = {path: array for path, array in arrays.items() if its.paths[path]}
        rest = {path: array for path, array in arrays.items() if not its.paths[path]}
        return nested(learned), nested(rest | _state_arrays(module, kept))

    def apply(
        params: Params,
        state: State,
        x: jax.Array,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        module, kept = _whole(its, params, state)
        call = _call(op, its, eqx.nn.inference_mode(module, not train), train)
        keys = _keys(key, x) if train else None
        mapped = jax.vmap(call, (0, None, 0), (0, None), axis_name=axis_name)
        first = layout == "CHW"
        with promoting(), _naming_the_axis(op):
            y, new = mapped(jnp.moveaxis(x, -1, 1) if first else x, kept, keys)
        y = one_array(op, y)
        after = dict(zip(its.state_paths, jax.tree.leaves(new), strict=True))
        rest = picked((path for path, learned in its.paths.items() if not learned), state)
        return jnp.moveaxis(y, 1, -1) if first else y, nested(rest | after) if train else state

    return Layer(init, apply)


def _structure_of(op: str, make: Callable[[jax.Array], tuple[Any, Any]]) -> _Structure:
    """The structure of the modules that a function makes; no array is computed."""
    found: list[_Structure] = []

    def trace(key: jax.Array) -> None:
        module, state = make(key)
        arrays, static = eqx.partition(module, eqx.is_array)
        paths = {path: eqx.is_inexact_array(array) for path, array in _arrays(module).items()}
        kept = tuple(_state_arrays(module, state))
        arguments = arguments_of(op, module.__call__, _ARGUMENTS)
        if kept and "state" not in arguments:
            raise TypeError(f"{op}: the module has a state, so its __call__ must take `state`")
        stateful = "state" in arguments and (bool(kept) or _needs_state(module))
        trees = jax.tree.structure(arrays), jax.tree.structure(state)
        found.append(_Structure(static, trees[0], paths, trees[1], kept, arguments, stateful))

    jax.eval_shape(trace, jax.random.key(0))
    return found[0]


def _keys(key: jax.Array | None, x: jax.Array) -> jax.Array | None:
    """A key for each example."""
    return None if key is None else jax.random.split(key, x.shape[0])


def _needs_state(module: Any) -> bool:
    parameter = inspect.signature(module.__call__).parameters["state"]
    return parameter.default is parameter.empty


def _whole(its: _Structure, params: Params, state: State) -> tuple[Any, Any]:
    """The module and its state, from the parameters and the state of the layer."""
    arrays = [
        picked([path], params if learned else state)[path] for path, learned in its.paths.items()
    ]
    module = eqx.combine(jax.tree.unflatten(its.arrays, arrays), its.static)
    kept = picked(its.state_paths, state)
    return module, jax.tree.unflatten(its.states, list(kept.values()))


def _call(op: str, its: _Structure, module: Any, train: bool) -> Callable[..., tuple[Any, Any]]:
    """A call of the module for one example: ``(x, state, key) -> (y, state)``."""

    def call(x: jax.Array, state: Any, key: jax.Array | None) -> tuple[Any, Any]:
        options: dict[str, Any] = switched(its.arguments, train)
        if "key" in its.arguments:
            # Evaluation draws no numbers, but a module may split its key all the same.
            options["key"] = key if train else jax.random.key(0)
        if not its.stateful:
            return module(x, **options), state
        result = module(x, state=state, **options)
        if not (isinstance(result, tuple) and len(result) == 2):
            raise TypeError(f"{op}: the module takes a state, so it must return (y, state)")
        return result

    return call


def _arrays(module: Any) -> dict[ArrayPath, jax.Array]:
    """The arrays of a module by their paths, those of its state left out."""
    leaves = jax.tree_util.tree_leaves_with_path(eqx.filter(module, eqx.is_array))
    return {_steps(path): leaf for path, leaf in leaves}


def _state_arrays(module: Any, state: Any) -> dict[ArrayPath, jax.Array]:
    """The arrays of a state by the paths of the module's parts that use them, in its order."""

    def is_index(node: object) -> bool:
        return isinstance(node, eqx.nn.StateIndex)

    nodes = jax.tree_util.tree_leaves_with_path(module, is_leaf=is_index)
    return {
        _steps((*path, *inner)): leaf
        for path, index in nodes
        if is_index(index)
        for inner, leaf in jax.tree_util.tree_leaves_with_path(state.get(index))
    }


def _steps(path: Sequence[Any]) -> ArrayPath:
    """The names and numbers of a path of JAX."""
    return tuple(
        next(getattr(step, name) for name in ("name", "idx", "key") if hasattr(step, name))
        for step in path
    )


@contextlib.contextmanager
def _naming_the_axis(op: str) -> Iterator[None]:
    """Say how the batch axis is named, if the module's norms know it by another name."""
    try:
        yield
    except NameError as error:
        if "axis name" not in str(error):
            raise
        raise ValueError(
            f"{op}: the module uses another name of the batch axis ({error}): give it as "
            f"`axis_name`"
        ) from error
