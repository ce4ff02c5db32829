"""Makes layers of linen modules of Flax, and linen modules of layers."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import flax.core
import flax.errors
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxcnn.interop.module_calls import (
    SWITCHES,
    arguments_of,
    check_factory,
    check_module,
    one_array,
    promoting,
    switched,
)
from jaxcnn.layers import Layer, Params, State, described
from jaxcnn.layers.naming import named_key

_COLLECTIONS = ("params", "batch_stats")


@described
def from_linen(factory: Callable[[], nn.Module]) -> Layer:
    """A layer that computes what a linen module of Flax computes.

    An argument of the module's ``__call__`` named ``train``, ``training``, ``is_training``,
    ``deterministic`` or ``use_running_average`` is set for training or evaluation. Dropout draws
    from the stream ``"dropout"``, whose key is the layer's; streams of other names have a key of
    their own, derived from it.

    Args:
        factory: a function without arguments that makes the module, or the module's class. The
            module takes one batch, channels last, and returns one array.

    Returns:
        A layer whose parameters are the collection ``"params"`` and whose state is
        ``"batch_stats"``, which training updates with the module's own momentum.

    Raises:
        TypeError: if ``factory`` is a module or makes none; if the module takes several inputs.
        ValueError: if the module is bound, or, in ``init``, has other collections of variables.

    >>> import flax.linen as nn
    >>> layer = from_linen(lambda: nn.Dense(3))
    >>> params, state = layer.init(jax.random.key(0), (1, 2))
    >>> params["kernel"].shape
    (2, 3)
    """
    op = "from_linen"
    module = _made(op, factory)
    names = arguments_of(op, module.__call__, SWITCHES)

    def init(key: jax.Array, input_shape: Sequence[int]) -> tuple[Params, State]:
        x = jnp.zeros(tuple(input_shape), jnp.float32)
        with promoting(), _plainly(op):
            variables = module.init(key, x, **switched(names, False))
        return _divided(op, variables)

    def apply(
        params: Params,
        state: State,
        x: jax.Array,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        rngs = {} if key is None else {"dropout": key, "params": named_key(key, "params")}
        variables = {"params": params, "batch_stats": state}
        mutable = ["batch_stats"] if train else []
        options = switched(names, train)
        with promoting(), _plainly(op):
            y, new = module.apply(variables, x, mutable=mutable, rngs=rngs, **options)
        changed = flax.core.unfreeze(new.get("batch_stats", {}))
        return one_array(op, y), changed if train else state

    return Layer(init, apply)


class LinenLayer(nn.Module):
    """A layer of jaxcnn as a linen module; `to_linen` makes it."""

    layer: Layer

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
        """The layer's output.

        Args:
            x: a batch, channels last.
            train: whether to train; then ``batch_stats`` must be mutable if the layer has
                any, and a layer that draws random numbers needs the stream ``"dropout"``.
        """
        if self.is_initializing():
            params, state = self.layer.init(self.make_rng("params"), x.shape)
            self._write("params", params)
            self._write("batch_stats", state)
        variables: Any = self.variables
        params, state = (flax.core.unfreeze(variables.get(name, {})) for name in _COLLECTIONS)
        key = self.make_rng("dropout") if train and self.has_rng("dropout") else None
        y, state = self.layer.apply(params, state, x, train=train, key=key)
        if train and not self.is_initializing():
            self._write("batch_stats", state)
        return y

    def _write(self, collection: str, values: dict[str, Any]) -> None:
        for name, value in values.items():
            self.put_variable(collection, name, value)


def to_linen(layer: Layer) -> LinenLayer:
    """A linen module of Flax that computes what a layer or model computes.

    The module has the layer's parameters as the collection ``"params"`` and its running
    statistics as ``"batch_stats"``, under the layer's own names. ``train=True`` trains; dropout
    draws from the stream ``"dropout"``. It is used alone or within other modules.

    Args:
        layer: the layer.

    Returns:
        An unbound module: ``module.init(key, x)``, ``module.apply(variables, x, train=True,
        mutable=["batch_stats"], rngs={"dropout": key})``.

    Raises:
        TypeError: if ``layer`` is not a `Layer`.

    >>> from jaxcnn.layers import Dense
    >>> module = to_linen(Dense(3))
    >>> variables = module.init(jax.random.key(0), jnp.ones((1, 2)))
    >>> module.apply(variables, jnp.ones((1, 2))).shape
    (1, 3)
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"to_linen: `layer` must be a Layer, got {type(layer).__name__}")
    return LinenLayer(layer)


def _made(op: str, factory: Callable[[], nn.Module]) -> nn.Module:
    if isinstance(factory, nn.Module) and factory.scope is not None:
        raise ValueError(_bound(op))
    check_factory(op, factory, nn.Module, "lambda: Net(10)")
    module = factory()
    check_module(op, module, nn.Module)
    if module.scope is not None:
        raise ValueError(_bound(op))
    return module


def _bound(op: str) -> str:
    return (
        f"{op}: the module is bound to variables, so that no seed can draw its own: give a "
        f"function that makes it, and its variables as `params` and `state`"
    )


def _divided(op: str, variables: Any) -> tuple[Params, State]:
    """The parameters and the state among a module's variables."""
    variables = flax.core.unfreeze(flax.core.meta.unbox(variables))
    others = sorted(variables.keys() - set(_COLLECTIONS))
    if others:
        raise ValueError(
            f"{op}: the module's collections must be 'params' and 'batch_stats', got "
            f"{', '.join(map(repr, others))} too: keep what training changes in 'batch_stats'"
        )
    params, state = (variables.get(name, {}) for name in _COLLECTIONS)
    return params, state


@contextlib.contextmanager
def _plainly(op: str) -> Iterator[None]:
    """Raise what Flax refuses as a ValueError of one sentence."""
    try:
        yield
    except flax.errors.InvalidRngError as error:
        raise ValueError(f"{op}: the module draws random numbers, so it needs a `key`") from error
    except flax.errors.FlaxError as error:
        raise ValueError(f"{op}: {str(error).splitlines()[0]}") from error
