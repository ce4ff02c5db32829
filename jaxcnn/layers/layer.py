"""What a layer is: two pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn, Protocol

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

    Whatever computes uses nothing but the two functions.

    Attributes:
        init: ``init(key, input_shape) -> (params, state)``. ``input_shape`` includes the batch
            axis, whose size does not matter.
        apply: ``apply(params, state, x, *, train=False, key=None) -> (y, state)``. ``key`` is
            needed only by layers that draw random numbers while training.
        blueprint: what the layer was built from, for whoever writes it in another format; a
            layer of one's own may leave it out.
    """

    init: Init
    apply: Apply
    blueprint: "Blueprint | None" = None

    def __call__(self, *args: Any, **options: Any) -> NoReturn:
        """Say how a layer is used: it holds no parameters, so it cannot be called."""
        raise TypeError(
            "Layer: a layer is not called: `params, state = model.init(key, x.shape)` once, then "
            "`y, state = model.apply(params, state, x)`"
        )


@dataclass(frozen=True, eq=False)
class Blueprint:
    """What a layer was built from; each is equal to itself only, so that layers can be hashed.

    Attributes:
        kind: the name of its constructor, ``"Conv2d"``.
        options: what the constructor was told that bears on ``apply``, by the argument's name.
        parts: the layers that it applies one after the other, by name.

    >>> from jaxcnn.layers import AvgPool2d
    >>> AvgPool2d(2, stride=1).blueprint.options
    {'window': 2, 'stride': 1, 'padding': 0}
    """

    kind: str
    options: Mapping[str, Any]
    parts: Mapping[str, Layer] = field(default_factory=dict)


def output_shape(
    layer: Layer, params: Params, state: State, input_shape: Sequence[int]
) -> tuple[int, ...]:
    """The shape that ``layer`` gives for ``input_shape``, found by tracing it.

    Nothing is computed, and there is no second formula that could disagree with the first.
    """
    x = jax.ShapeDtypeStruct(tuple(input_shape), "float32")
    y, _ = jax.eval_shape(layer.apply, params, state, x)
    return tuple(y.shape)
