"""Computes a model in a 16-bit floating-point type, while its parameters stay in float32."""

from collections.abc import Collection
from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn.layers.composition import around
from jaxcnn.layers.layer import Layer, Params, State, described
from jaxcnn.layers.normalization import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from jaxcnn.layers.transformation import is_a, map_paths
from jaxcnn.ops.arguments import choice

COMPUTED_IN = ("bfloat16", "float16")
"""The types that a model can be computed in, in place of its own."""

_NORMALIZATIONS = (BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm)


def mixed_precision(model: Layer, compute: str = "bfloat16") -> Layer:
    """Compute a model in a 16-bit type; its parameters keep their names and types.

    The input and the parameters are converted where the model is applied. Scales and biases of
    normalizations stay as they are, since these compute in float32; so does every sum that a
    convolution, a matrix product or a pool makes. Running statistics keep their type, and the
    output has the type of the input, or float32 where that is one of whole numbers. Gradients
    in the parameters have the parameters' type.

    Args:
        model: any layer.
        compute: ``"bfloat16"``, which has float32's range and 8 bits of precision, or
            ``"float16"``, with 11 bits, whose gradients below 6e-8 vanish and numbers above 65504
            are infinite.

    Returns:
        A layer with the parameters of ``model``. `outputs`, and exports to other formats than
        StableHLO, follow its description and compute in float32. A normalization of Flax or
        Equinox gets its scale and bias in 16 bits.

    Raises:
        TypeError: if ``compute`` is no text.
        ValueError: if it is another type.

    >>> from jaxcnn.layers import Dense, Sequential
    >>> model = mixed_precision(Sequential(head=Dense(2)))
    >>> params, state = model.init(jax.random.key(0), (1, 3))
    >>> logits, _ = model.apply(params, state, jnp.ones((1, 3)))
    >>> sorted(params), params["head"]["kernel"].dtype.name, logits.dtype.name
    (['head'], 'float32', 'float32')

    Reference: P. Micikevicius and others, *Mixed Precision Training* (2018).
    """
    choice("mixed_precision", "compute", compute, COMPUTED_IN)
    return MixedPrecision(model, compute)


@described
def MixedPrecision(layer: Layer, compute: str) -> Layer:
    """The layer that `mixed_precision` makes.

    >>> from jaxcnn.layers import Dense
    >>> MixedPrecision(Dense(2), "float16")
    MixedPrecision(compute='float16', layer=Dense(features=2))
    """
    dtype = jnp.dtype(compute)
    kept = _normalizations(layer)

    def apply(
        params: Params,
        state: State,
        x: jax.Array,
        *,
        train: bool = False,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, State]:
        lowered = _lowered(params, dtype, kept)
        y, new = layer.apply(lowered, state, _cast(x, dtype), train=train, key=key)
        given = x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else jnp.float32
        return _cast(y, given), _as_before(new, state)

    return around("MixedPrecision", layer)._replace(apply=apply)


def _normalizations(model: Layer) -> frozenset[tuple[str, ...]]:
    """The paths of the normalizations of a model."""
    found = set()

    def look(path: tuple[str, ...], part: Layer) -> Layer:
        if is_a(part, *_NORMALIZATIONS):
            found.add(path)
        return part

    map_paths(model, look)
    return frozenset(found)


def _lowered(params: Params, dtype: Any, kept: Collection[tuple[str, ...]]) -> Params:
    """The parameters in a type, but for those of the layers at the ``kept`` paths."""

    def cast(path: Any, leaf: jax.Array) -> jax.Array:
        names = tuple(step.key for step in path[:-1])
        return leaf if names in kept else _cast(leaf, dtype)

    lowered: Params = jax.tree_util.tree_map_with_path(cast, params)
    return lowered


def _as_before(new: State, old: State) -> State:
    """New statistics in the types of the old ones, where they are the same ones."""
    structures: list[Any] = [jax.tree.structure(tree) for tree in (new, old)]
    if structures[0] != structures[1]:
        return new
    kept: State = jax.tree.map(lambda leaf, before: _cast(leaf, before.dtype), new, old)
    return kept


def _cast(leaf: Any, dtype: Any) -> Any:
    """A floating-point array in another type; any other as it is."""
    return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
