"""Defines a layer: two pure functions, and a description from which it can be rebuilt."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn, ParamSpec, Protocol

import jax
import numpy as np

from jaxcnn.ops.answers import answering

Params = dict[str, Any]
"""Nested dicts of arrays that are learned, with readable names (``conv1/kernel``)."""

State = dict[str, Any]
"""Nested dicts of arrays that change without being learned (running statistics)."""

P = ParamSpec("P")


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


@dataclass(frozen=True, eq=False)
class FusedApply:
    """The ``apply`` of a layer that can compute the layer after it as well, in one pass.

    Attributes:
        apply: computes the layer alone.
        followed_by: ``followed_by(layer)`` computes both layers; None for a layer with which
            nothing is gained.
    """

    apply: Apply
    followed_by: "Callable[[Layer], Apply | None]"

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
        """Compute the layer alone."""
        return self.apply(params, state, x, train=train, key=key)


class Layer(NamedTuple):
    """A layer: a function that draws its parameters, a function that applies it, a description.

    Computation uses the two functions alone. The summary, the exports, `map_layers` and
    `fold_batch_norm` read the descriptions.

    Attributes:
        init: ``init(key, input_shape) -> (params, state)``. ``input_shape`` includes the batch
            axis, whose size does not matter.
        apply: ``apply(params, state, x, *, train=False, key=None) -> (y, state)``. ``key`` is
            needed only by layers that draw random numbers while training.
        description: the constructor and its arguments. A layer of one's own may leave it out;
            its FLOPs and receptive field are then unknown.

    >>> double = Layer(lambda key, shape: ({}, {}), lambda params, state, x, **_: (2 * x, state))
    >>> double.apply({}, {}, jnp.ones(2))[0]
    Array([2., 2.], dtype=float32)
    """

    init: Init
    apply: Apply
    description: "Description | None" = None

    def __repr__(self) -> str:
        return "Layer(…)" if self.description is None else repr(self.description)

    def __call__(self, *args: Any, **options: Any) -> NoReturn:
        """Say how a layer is used: it holds no parameters, so it cannot be called."""
        raise TypeError(
            "Layer: a layer is not called: `params, state = model.init(key, x.shape)` once, then "
            "`y, state = model.apply(params, state, x)`"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Description:
    """The constructor of a layer and its arguments: ``kind(**options, **parts)`` builds it again.

    Each description is equal to itself only, so that layers can be hashed.

    Attributes:
        kind: the constructor, `Conv2d` for example; ``None`` for a layer without one.
        options: every argument of the constructor that is not a layer, defaults included.
        parts: the layers it is made of, by the name of the constructor's argument.
        scopes: for each part the name that its parameters have among the layer's own; ``""``
            where the names of the part's own parts stand there instead.
        wire: ``wire(flow, x) -> y``, which connects the parts (see `combined`); ``None`` for
            a layer that is not made of layers.
        inline: whether the names of its parts belong to the layer that it is a part of.

    >>> from jaxcnn.layers import AvgPool2d
    >>> AvgPool2d(2, stride=1).description.options["stride"]
    1
    """

    kind: Callable[..., Layer] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Layer] = field(default_factory=dict)
    scopes: Mapping[str, str] = field(default_factory=dict)
    wire: Callable[..., Any] | None = None
    inline: bool = False

    @property
    def name(self) -> str:
        """The constructor's name, ``"Conv2d"`` for example; ``"Layer"`` for a layer without one."""
        return "Layer" if self.kind is None else self.kind.__name__

    def __repr__(self) -> str:
        usual = {} if self.kind is None else inspect.signature(self.kind).parameters
        given = [
            _told(name, value)
            for name, value in self.options.items()
            if name not in usual or not _same(value, usual[name].default)
        ]
        given += [_told(name, part) for name, part in self.parts.items()]
        return f"{self.name}({', '.join(given)})"


def described(constructor: Callable[P, Layer]) -> Callable[P, Layer]:
    """Give each layer that a constructor returns its description: the constructor's arguments.

    It works for constructors of one's own as it does for those of this package.

    Args:
        constructor: a function that returns a `Layer`. Arguments that are layers and that
            `combined` was told of become ``parts``, the others ``options``.

    Returns:
        The same constructor; its layers can be rebuilt and printed.

    >>> @described
    ... def Twice(by=2.0):
    ...     return Layer(lambda key, shape: ({}, {}), lambda params, state, x, **_: (by * x, state))
    >>> Twice(by=3.0)
    Twice(by=3.0)
    """
    signature = inspect.signature(constructor)
    variadic = {
        name
        for name, parameter in signature.parameters.items()
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }

    @functools.wraps(constructor)
    def build(*args: P.args, **kwargs: P.kwargs) -> Layer:
        layer = constructor(*args, **kwargs)
        known = layer.description or Description()
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        hidden = variadic | known.parts.keys()
        options = {name: value for name, value in bound.arguments.items() if name not in hidden}
        its = Description(public, options, known.parts, known.scopes, known.wire, known.inline)
        return layer._replace(description=its)

    public = answering(build)
    return public


def stateless(
    compute: Callable[[Params, jax.Array], jax.Array],
    draw: Callable[[jax.Array, Sequence[int]], Params] = lambda key, input_shape: {},
) -> Layer:
    """Make a layer without state, which does the same in training and evaluation.

    Args:
        compute: ``(params, x) -> y``.
        draw: ``(key, input_shape) -> params``; none where it is left out.

    >>> layer = stateless(lambda params, x: x * params["gain"], lambda key, shape: {"gain": 2.0})
    >>> params, state = layer.init(jax.random.key(0), (1, 3))
    >>> layer.apply(params, state, jnp.ones((1, 3)))[0]
    Array([[2., 2., 2.]], dtype=float32)
    """

    def init(key: jax.Array, input_shape: Sequence[int]) -> tuple[Params, State]:
        return draw(key, input_shape), {}

    def apply(
        params: Params,
        state: State,
        x: jax.Array,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        return compute(params, x), state

    return Layer(init, apply)


def output_shape(
    layer: Layer, params: Params, state: State, input_shape: Sequence[int]
) -> tuple[int, ...]:
    """The shape of a layer's output, found by tracing the layer.

    Nothing is computed, and there is no second formula that could disagree with the first.
    """
    x = jax.ShapeDtypeStruct(tuple(input_shape), "float32")
    y, _ = jax.eval_shape(layer.apply, params, state, x)
    return tuple(y.shape)


def _told(name: str, value: Any) -> str:
    """The text of one argument in a printed layer; a name that is no identifier is quoted."""
    if isinstance(value, jax.Array | np.ndarray):
        value = f"array{value.shape}"
    elif callable(value) and not isinstance(value, Layer):
        value = getattr(value, "__name__", repr(value))
    else:
        value = repr(value)
    return f"{name if name.isidentifier() else repr(name)}={value}"


def _same(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and bool(np.all(value == default)))
