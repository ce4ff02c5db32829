"""Normalizes images channel by channel before a model sees them."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn.layers.layer import Layer, Params, State, described, stateless
from jaxcnn.layers.naming import names_of
from jaxcnn.layers.wiring import combined
from jaxcnn.ops.moments import batch_layout


@described
def Normalize(mean: Sequence[float], std: Sequence[float], *, layout: str | None = None) -> Layer:
    """A layer that computes :math:`(x - mean) / std` in each channel, with given numbers.

    Args:
        mean: what is subtracted, one number per channel.
        std: what is divided by, one positive number per channel.
        layout: where the channels are; last where it is left out.

    Returns:
        A layer without parameters or state.

    Raises:
        ValueError: if there are not as many means as deviations, a deviation is not positive, or,
            when it runs, the input has another number of channels.

    >>> y, _ = Normalize([1.0, 2.0], [1.0, 0.5]).apply({}, {}, jnp.array([[2.0, 3.0]]))
    >>> y
    Array([[1., 2.]], dtype=float32)
    """
    if len(mean) != len(std) or not len(mean):
        raise ValueError(
            f"Normalize: `mean` and `std` must have one number per channel, got {len(mean)} and "
            f"{len(std)}"
        )
    if not all(number > 0 for number in std):
        raise ValueError(f"Normalize: `std` must be positive, got {tuple(std)}")

    def compute(params: Params, x: jax.Array) -> jax.Array:
        axis = batch_layout("Normalize", layout, x.ndim).channel
        if x.shape[axis] != len(mean):
            raise ValueError(
                f"Normalize: `x` must have {len(mean)} channels, got {x.shape[axis]} in shape "
                f"{x.shape}"
            )
        shape = [1] * x.ndim
        shape[axis] = -1
        shift, scale = (jnp.asarray(part, x.dtype).reshape(shape) for part in (mean, std))
        return (x - shift) / scale

    return stateless(compute)


def normalized(model: Layer, mean: Sequence[float], std: Sequence[float]) -> Layer:
    """A model that normalizes its input first; its parameters and their names stay.

    Args:
        model: takes images, channels last.
        mean: of each channel.
        std: of each channel.

    Returns:
        The model behind `Normalize`.

    Raises:
        ValueError: as `Normalize`.

    >>> from jaxcnn.layers import Dense, Sequential
    >>> model = normalized(Sequential(head=Dense(2)), [0.5], [0.25])
    >>> params, state = model.init(jax.random.key(0), (1, 1))
    >>> sorted(params)
    ['head']
    """
    first = Normalize(tuple(mean), tuple(std))
    if names_of(model) is not None:
        return Normalized(model, first)

    def apply(
        params: Params, state: State, x: jax.Array, *, train: bool = False, key: Any = None
    ) -> tuple[jax.Array, State]:
        return model.apply(params, state, first.apply({}, {}, x)[0], train=train, key=key)

    return Layer(model.init, apply)


@described
def Normalized(model: Layer, normalize: Layer) -> Layer:
    """A layer that applies ``normalize`` and then ``model``, whose parameters keep their names.

    Args:
        model: a layer made of layers.
        normalize: a layer without parameters.

    >>> from jaxcnn.layers import Dense, Sequential
    >>> layer = Normalized(Sequential(head=Dense(2)), Normalize([0.5], [0.25]))
    >>> sorted(layer.init(jax.random.key(0), (1, 1))[0])
    ['head']
    """
    parts = {"normalize": normalize, "model": model}

    def wire(flow: Any, x: Any) -> Any:
        return flow.part("model", flow.part("normalize", x))

    return combined("Normalized", parts, wire, inline=("model",))
