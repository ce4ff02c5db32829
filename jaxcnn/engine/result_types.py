"""The type of a result that JAX cannot infer by itself."""

import functools
import operator

import jax
import jax.numpy as jnp


def made_from(shape: tuple[int, ...], *operands: jax.Array) -> jax.ShapeDtypeStruct:
    """A ``shape`` of numbers that vary over the devices of a `shard_map` as its operands do."""

    def like(*operands: jax.Array) -> jax.Array:
        one = functools.reduce(operator.add, (x.sum(dtype=x.dtype) for x in operands))
        return jnp.broadcast_to(one, shape)

    made: jax.ShapeDtypeStruct = jax.eval_shape(like, *operands)
    return made
