"""Layers made of layers."""

from collections.abc import Sequence

import jax

from jaxcnn.layers.layer import Blueprint, Layer, Params, State, output_shape
from jaxcnn.layers.table import note


def Sequential(**layers: Layer) -> Layer:
    """Layers applied one after the other, in the order in which they are named.

    Args:
        **layers: the layers by name; the names become the keys of ``params``.

    Returns:
        A layer whose parameters are ``{name: parameters}``; layers without any are left out.

    Raises:
        TypeError: if an argument is not a `Layer`.

    >>> from jaxcnn.layers import Conv2d, Dense, Flatten
    >>> model = Sequential(conv=Conv2d(6, 5), flat=Flatten(), dense=Dense(10))
    >>> params, state = model.init(jax.random.key(0), (1, 8, 8, 3))
    >>> sorted(params)
    ['conv', 'dense']
    """
    for name, layer in layers.items():
        if not isinstance(layer, Layer):
            raise TypeError(f"Sequential: `{name}` must be a Layer, got {type(layer).__name__}")

    def init(key: jax.Array, input_shape: Sequence[int]) -> tuple[Params, State]:
        params: Params = {}
        state: State = {}
        shape = tuple(input_shape)
        keys = jax.random.split(key, max(len(layers), 1))
        for (name, layer), layer_key in zip(layers.items(), keys, strict=False):
            its_params, its_state = layer.init(layer_key, shape)
            shape = output_shape(layer, its_params, its_state, shape)
            params |= {name: its_params} if its_params else {}
            state |= {name: its_state} if its_state else {}
        return params, state

    def apply(
        params: Params,
        state: State,
        x: jax.Array,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        new_state: State = {}
        for index, (name, layer) in enumerate(layers.items()):
            its_key = None if key is None else jax.random.fold_in(key, index)
            with jax.named_scope(name), note(name) as row:
                x, its_state = layer.apply(
                    params.get(name, {}), state.get(name, {}), x, train=train, key=its_key
                )
                row(x, params.get(name, {}))
            new_state |= {name: its_state} if its_state else {}
        return x, new_state

    return Layer(init, apply, Blueprint("Sequential", {}, layers))
