"""Dropout: elements or whole channels set to zero at random, the rest scaled up."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jaxcnn.ops.any_layout import parse_any_layout
from jaxcnn.ops.kinds import as_real, check_key
from jaxcnn.ops.moments import real_input, widened


def dropout(key: PRNGKeyArray, x: Float[Array, "*shape"], *, rate: float) -> Float[Array, "*shape"]:
    r"""Set a random share of the elements to zero and scale up the rest.

    .. math:: y = \frac{m\, x}{1 - \text{rate}}, \quad m \sim \text{Bernoulli}(1 - \text{rate})

    Args:
        key: a random key; the same key drops the same elements.
        x: an array of any shape.
        rate: the share dropped, from 0 (nothing: ``x`` as it is) to 1 (everything). Some
            libraries (stax, TensorFlow 1) take the share kept.

    Returns:
        The result in the shape and dtype of ``x``; its expectation is ``x``.

    Raises:
        TypeError: if ``key`` is not one random key, ``x`` is not floating point, or ``rate``
            is not a number.
        ValueError: if ``rate`` is not in [0, 1].

    Unlike ``torch.nn.functional.dropout``, there is no ``training`` argument (do not call it),
    and a dropped infinity or NaN is zero.

    >>> dropout(jax.random.key(0), jnp.ones(4), rate=0.5)
    Array([...], dtype=float32)

    Reference: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, *Dropout: A Simple
    Way to Prevent Neural Networks from Overfitting* (2014).
    """
    key, x, rate = _checked("dropout", key, x, rate)
    return _dropped(key, x, rate, x.shape)


def channel_dropout(
    key: PRNGKeyArray, x: Float[Array, "n *spatial c"], *, rate: float, layout: str | None = None
) -> Float[Array, "n *spatial c"]:
    """Set random whole channels of each example to zero and scale up the rest.

    Neighbouring pixels of a feature map carry much the same information, so that dropping one
    of them alone hides little. This is PyTorch's ``dropout1d``, ``dropout2d`` and
    ``dropout3d``.

    Args:
        key: a random key; the same key drops the same channels, in either layout.
        x: images, signals or volumes in ``layout``.
        rate: the share of the channels dropped, from 0 to 1.
        layout: the axes of ``x`` and of the result; channels last where it is left out.

    Returns:
        The result in the shape and dtype of ``x``; its expectation is ``x``.

    Raises:
        TypeError: as `dropout`.
        ValueError: if the rank or the layout does not fit, or ``rate`` is not in [0, 1].

    >>> channel_dropout(jax.random.key(0), jnp.ones((1, 2, 2, 3)), rate=0.5)[0, :, 0, :]
    Array([[...],
           [...]], dtype=float32)

    Reference: Tompson, Goroshin, Jain, LeCun and Bregler, *Efficient Object Localization Using
    Convolutional Networks* (2015).
    """
    key, x, rate = _checked("channel_dropout", key, x, rate)
    axes = parse_any_layout("channel_dropout", layout, x.ndim)
    shape = tuple(1 if axis in axes.spatial else size for axis, size in enumerate(x.shape))
    return _dropped(key, x, rate, shape)


def _checked(op: str, key: Any, x: Any, rate: Any) -> tuple[Any, Any, float]:
    check_key(op, key)
    return key, real_input(op, x), as_real(op, "rate", rate, minimum=0, maximum=1)


def _dropped(key: Any, x: Any, rate: float, mask_shape: tuple[int, ...]) -> Any:
    if rate == 0:
        return x
    if rate == 1:
        return jnp.zeros_like(x)
    # float32 also in x64 mode, so that a key means one mask whatever the precision.
    keep = jax.random.bernoulli(key, np.float32(1 - rate), mask_shape)
    # Sharded as `x` is, which a selection wants.
    keep = keep | jnp.zeros_like(x, dtype=bool)
    scaled = (widened(x) / (1 - rate)).astype(x.dtype)
    return jnp.where(keep, scaled, jnp.zeros_like(x))
