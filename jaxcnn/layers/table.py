"""The summary table of a model: every layer's output shape and parameter count."""

import contextlib
import contextvars
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax

from jaxcnn.layers.layer import Layer, Params


class Row(NamedTuple):
    """One layer in a `summary`."""

    name: str
    output_shape: tuple[int, ...]
    parameters: int


_rows: contextvars.ContextVar[list[Row] | None] = contextvars.ContextVar("_rows", default=None)
_path: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("_path", default=())


def count_parameters(params: Params) -> int:
    """The number of scalars in a tree of parameters."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def summary(layer: Layer, input_shape: Sequence[int]) -> list[Row]:
    """Every layer's name, output shape and number of parameters, without computing anything.

    Args:
        layer: a layer made of named layers, a model for example.
        input_shape: the shape of a batch, the batch axis included.

    Returns:
        One row per layer in the order of computation. A layer made of layers has no row of its
        own, only its parts have, so that the rows add up.

    >>> from jaxcnn.models import lenet
    >>> rows = summary(lenet(), (1, 28, 28, 1))
    >>> rows[0]
    Row(name='conv1', output_shape=(1, 28, 28, 6), parameters=156)
    >>> sum(row.parameters for row in rows)
    61706
    """
    params, state = jax.eval_shape(lambda key: layer.init(key, input_shape), jax.random.key(0))
    rows: list[Row] = []
    token = _rows.set(rows)
    try:
        x = jax.ShapeDtypeStruct(tuple(input_shape), "float32")
        # A new function each time: JAX would not trace one again that it knows already.
        jax.eval_shape(lambda *arguments: layer.apply(*arguments), params, state, x)
    finally:
        _rows.reset(token)
    return rows


@contextlib.contextmanager
def note(name: str) -> Iterator[Callable[[Sequence[int], Params], None]]:
    """Write a row when a `summary` is being made; nothing otherwise.

    It runs while a layer is traced and leaves no trace in the computation itself.
    """
    path = (*_path.get(), name)
    token = _path.set(path)

    def write(shape: Sequence[int], params: Params) -> None:
        rows, name = _rows.get(), "/".join(path)
        if rows is not None and not any(row.name.startswith(f"{name}/") for row in rows):
            rows.append(Row(name, tuple(shape), count_parameters(params)))

    try:
        yield write
    finally:
        _path.reset(token)
