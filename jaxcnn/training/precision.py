"""In which floating-point type a model computes, while its parameters stay float32."""

from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp

Tree = TypeVar("Tree")


class Precision(NamedTuple):
    """The type that a model computes in; parameters, losses and logits are float32.

    Attributes:
        compute: the type of the images and parameters that the model is applied to.

    Reference: P. Micikevicius and others, Mixed Precision Training, 2018.
    """

    compute: jnp.dtype

    def lowered(self, tree: Tree) -> Tree:
        """The floating-point arrays of ``tree`` in the type that the model computes in."""

        def cast(leaf: jax.Array) -> jax.Array:
            return leaf.astype(self.compute) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

        return jax.tree.map(cast, tree)


FLOAT32 = Precision(jnp.dtype("float32"))
MIXED_BFLOAT16 = Precision(jnp.dtype("bfloat16"))
