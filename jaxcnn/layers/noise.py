"""Dropout layers, which set random numbers to zero in training and do nothing in evaluation."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxcnn import ops
from jaxcnn.layers.layer import Layer, Params, State, described
from jaxcnn.ops.kinds import as_real


@described
def Dropout(rate: float) -> Layer:
    """A layer that sets random numbers to zero in training, and scales the rest up.

    Args:
        rate: the share dropped, from 0 to 1.

    Returns:
        A layer without parameters or state, which needs a ``key`` while training.

    Raises:
        TypeError: if ``rate`` is not a number.
        ValueError: if it is not in [0, 1]; when it trains, if there is no key.

    >>> Dropout(0.5).apply({}, {}, jnp.ones(2))[0]
    Array([1., 1.], dtype=float32)

    Reference: as `jaxcnn.dropout`.
    """
    return _noise("Dropout", rate, lambda key, x: ops.dropout(key, x, rate=rate))


@described
def ChannelDropout(rate: float, *, layout: str | None = None) -> Layer:
    """A layer that sets random channels to zero in training, and scales the rest up.

    Args:
        rate: the share of the channels dropped, from 0 to 1.
        layout: the axes of the input; channels last where it is left out.

    Returns:
        A layer without parameters or state, which needs a ``key`` while training.

    Raises:
        TypeError: as `Dropout`.
        ValueError: as `Dropout`.

    >>> layer = ChannelDropout(0.5)
    >>> y, _ = layer.apply({}, {}, jnp.ones((1, 2, 2, 3)), train=True, key=jax.random.key(0))
    >>> bool((y[:, :1, :1] == y).all())
    True

    Reference: as `jaxcnn.channel_dropout`.
    """
    return _noise(
        "ChannelDropout", rate, lambda key, x: ops.channel_dropout(key, x, rate=rate, layout=layout)
    )


@described
def StochasticDepth(rate: float) -> Layer:
    """A layer that sets random examples of a batch to zero in training, and scales the rest up.

    At the end of a `Residual`'s body, a random share of the examples takes only the shortcut.

    Args:
        rate: the share of the examples dropped, from 0 to 1.

    Returns:
        A layer without parameters or state, which needs a ``key`` while training.

    Raises:
        TypeError: as `Dropout`.
        ValueError: as `Dropout`.

    >>> layer, key = StochasticDepth(0.5), jax.random.key(0)
    >>> y, _ = layer.apply({}, {}, jnp.ones((4, 2)), train=True, key=key)
    >>> bool((y[:, :1] == y).all())
    True

    Reference: Huang, Sun, Liu, Sedra and Weinberger, *Deep Networks with Stochastic Depth*
    (2016).
    """

    def drop(key: jax.Array, x: jax.Array) -> jax.Array:
        # One number per example, and the examples' own numbers times that.
        kept = ops.dropout(key, jnp.ones((x.shape[0],), x.dtype), rate=rate)
        kept = kept.reshape(-1, *[1] * (x.ndim - 1))
        return jnp.where(kept == 0, jnp.zeros_like(x), x * kept)

    return _noise("StochasticDepth", rate, drop)


def _noise(op: str, rate: float, drop: Callable[[jax.Array, jax.Array], jax.Array]) -> Layer:
    rate = as_real(op, "rate", rate, minimum=0, maximum=1)

    def init(key: jax.Array, input_shape: Sequence[int]) -> tuple[Params, State]:
        return {}, {}

    def apply(
        params: Params,
        state: State,
        x: jax.Array,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        if not train or rate == 0:
            return x, state
        if key is None:
            raise ValueError(f"{op}: training needs a random key, `apply(…, train=True, key=key)`")
        return drop(key, x), state

    return Layer(init, apply)
