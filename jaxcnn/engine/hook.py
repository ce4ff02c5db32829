"""The engine's forms for any JAX program: Flax, Equinox, Haiku, Keras on JAX, unchanged."""

from typing import Any, Self

import jax
from jax import lax
from jax.interpreters import mlir

from jaxcnn.engine import lowering

_RULES = mlir._platform_specific_lowerings["cpu"]
_OWN_RULE = _RULES[lax.conv_general_dilated_p]


class accelerate:  # noqa: N801 - it reads as the function that it mostly is
    """Compute the convolutions of all JAX programs on CPUs by the forms of this engine.

    They stay in effect until `restore`, or to the end of a ``with`` block. What JAX has compiled
    so far is dropped, so that it is compiled anew. On GPUs and TPUs nothing changes.

    >>> with accelerate():
    ...     y = jax.lax.conv(jnp.ones((1, 1, 5, 5)), jnp.ones((1, 1, 3, 3)), (1, 1), "SAME")
    """

    def __init__(self) -> None:
        self._outer = accelerated()
        _register(on=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        _register(on=self._outer)


def restore() -> None:
    """Undo `accelerate`: JAX computes its convolutions by itself again."""
    _register(on=False)


def accelerated() -> bool:
    """Whether `accelerate` is in effect."""
    return _RULES[lax.conv_general_dilated_p] is not _OWN_RULE


def _register(*, on: bool) -> None:
    if on == accelerated():
        return
    if on:
        mlir.register_lowering(lax.conv_general_dilated_p, _rule, platform="cpu")
    else:
        _RULES[lax.conv_general_dilated_p] = _OWN_RULE
    jax.clear_caches()


def _rule(ctx: Any, x: Any, kernel: Any, **params: Any) -> Any:
    return lowering.on_cpu(ctx, x, kernel, algorithm="auto", written_out=False, **params)
