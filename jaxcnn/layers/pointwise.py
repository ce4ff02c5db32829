"""Activation layers, and layers of a given function."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxcnn.layers.layer import Layer, described, stateless
from jaxcnn.ops.arguments import choice
from jaxcnn.ops.kinds import as_flag
from jaxcnn.ops.moments import clipped

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "celu": jax.nn.celu,
    "elu": jax.nn.elu,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "gelu_tanh": lambda x: jax.nn.gelu(x, approximate=True),
    "hard_sigmoid": jax.nn.hard_sigmoid,
    "hard_swish": jax.nn.hard_swish,
    "hard_tanh": jax.nn.hard_tanh,
    "leaky_relu": jax.nn.leaky_relu,
    "log_sigmoid": jax.nn.log_sigmoid,
    "mish": jax.nn.mish,
    "relu": jax.nn.relu,
    "relu6": lambda x: clipped(x, 0.0, 6.0),
    "selu": jax.nn.selu,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "softsign": jax.nn.soft_sign,
    "tanh": jnp.tanh,
}
"""The activation functions by name; each computes the same as PyTorch's of that name."""


@described
def Activation(name: str) -> Layer:
    """A layer that applies an activation function, chosen by its name.

    Args:
        name: ``"relu"``, ``"relu6"``, ``"leaky_relu"`` (slope 0.01), ``"elu"``, ``"celu"``,
            ``"selu"``, ``"gelu"`` (exact, as PyTorch's; JAX's own default is approximate),
            ``"gelu_tanh"`` (approximate), ``"silu"``, ``"mish"``, ``"sigmoid"``,
            ``"log_sigmoid"``, ``"tanh"``, ``"softplus"``, ``"softsign"``, ``"hard_sigmoid"``,
            ``"hard_swish"`` or ``"hard_tanh"``.

    Returns:
        A layer without parameters or state.

    Raises:
        ValueError: if the name is none of these.

    >>> Activation("relu").apply({}, {}, jnp.array([-1.0, 2.0]))[0]
    Array([0., 2.], dtype=float32)
    """
    function = ACTIVATIONS[choice("Activation", "name", name, tuple(ACTIVATIONS))]
    return stateless(lambda params, x: function(x))


@described
def Function(function: Callable[[jax.Array], jax.Array], *, elementwise: bool = False) -> Layer:
    """A layer that applies a pure function of one array.

    Args:
        function: maps the input to the output.
        elementwise: whether each number of the output depends on the number at the same place
            alone. The FLOPs and the receptive field are unknown unless it is elementwise.

    Returns:
        A layer without parameters or state.

    Raises:
        TypeError: if ``function`` cannot be called, or ``elementwise`` is not a bool.

    >>> y, _ = Function(jnp.abs, elementwise=True).apply({}, {}, jnp.array([-1.0, 2.0]))
    >>> y
    Array([1., 2.], dtype=float32)
    """
    if not callable(function):
        raise TypeError(f"Function: `function` must be a function, got {function!r}")
    as_flag("Function", "elementwise", elementwise)
    return stateless(lambda params, x: function(x))


@described
def Identity() -> Layer:
    """A layer that returns its input, for a branch that changes nothing.

    >>> Identity().apply({}, {}, jnp.ones(2))[0]
    Array([1., 1.], dtype=float32)
    """
    return stateless(lambda params, x: x)
