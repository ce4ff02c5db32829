"""What a layer is: two pure functions."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import jax

Params = dict[str, Any]
"""Nested dicts of arrays that are learned, with readable names (``conv1/kernel``)."""

State = dict[str, Any]
"""Nested dicts of arrays that change without being learned (running statistics)."""


class Init(Protocol):
    """Draws the parameters of a layer for inputs of one shape, the batch axis included."""

    def __call__(self, key: jax.Array, input_shape: Sequence[int], /) -> tuple[Params, State]:
        """Gives the parameters and the state."""


class Apply(Protocol):
    """Computes a layer's output and its next state."""

    def __call__(
        self,
        params: Params,
        state: State,
        x: jax.Array,
        /,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        """Gives the output and the next state."""


class Layer(NamedTuple):
    """A pair of pure functions; hyper-parameters live in their closure.

    Attributes:
        init: ``init(key, input_shape) -> (params, state)``. ``input_shape`` includes the batch
            axis, whose size does not matter.
        apply: ``apply(params, state, x, *, train=False, key=None) -> (y, state)``. ``key`` is
            needed only by layers that draw random numbers while training.
    """

    init: Init
    apply: Apply


def output_shape(
    layer: Layer, params: Params, state: State, input_shape: Sequence[int]
) -> tuple[int, ...]:
    """The shape that ``layer`` gives for ``input_shape``, found by tracing it.

    Nothing is computed, and there is no second formula that could disagree with the first.
    """
    x = jax.ShapeDtypeStruct(tuple(input_shape), "float32")
    y, _ = jax.eval_shape(layer.apply, params, state, x)
    return tuple(y.shape)
