"""Prepared functions with programs inside of them, and inside of programs and transformations."""

import functools
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import PartitionSpec

from jaxcnn.engine import prepare
from tests.engine.preparing import KERNEL, NATIVE, X, check_bits, conv, packed_in, swapped


def doubled(kernel: Any, x: Any) -> Any:
    """A function that is compiled by itself, called twice with other kernels."""
    inner = jax.jit(swapped)
    return inner(2 * kernel[..., :16], inner(kernel[..., :16], x))


def checkpointed(kernel: Any, x: Any) -> Any:
    return jax.checkpoint(lambda x: jnp.sin(conv(x, kernel)))(x)


def looped(kernel: Any, x: Any) -> Any:
    return lax.scan(lambda x, _: (jnp.sin(conv(x, kernel[..., :16])), None), x, length=3)[0]


def branched(kernel: Any, x: Any) -> Any:
    return lax.cond(x.sum() > 0, lambda: conv(x, kernel), lambda: conv(-x, kernel))


@jax.custom_jvp
def clipped(x: Any) -> Any:
    return jnp.clip(x, -1, 1)


clipped.defjvp(lambda primals, tangents: (clipped(*primals), 7 * tangents[0]))


@jax.custom_vjp
def own_rule(kernel: Any, x: Any) -> Any:
    return conv(x, kernel)


own_rule.defvjp(
    lambda kernel, x: (own_rule(kernel, x), (kernel, x)),
    lambda held, t: (jnp.zeros_like(held[0]), jnp.full_like(held[1], 7 * t.sum())),
)


@pytest.mark.parametrize(
    ("function", "packed"),
    [
        (doubled, 2),
        (checkpointed, 1),
        (looped, 0),
        (branched, 0),
        (lambda kernel, x: clipped(conv(x, kernel)), 1),
        (own_rule, 0),
    ],
    ids=["jit", "checkpoint", "scan", "cond", "custom_jvp", "custom_vjp"],
)
def test_programs_within_programs(function: Any, packed: int) -> None:
    prepared = check_bits(function, KERNEL, X)
    assert packed_in(prepared, X) == packed * NATIVE
    gradient = jax.grad(lambda x: prepared(x).sum())(X)
    want = jax.jit(jax.grad(lambda x, kernel: function(kernel, x).sum()))(X, KERNEL)
    np.testing.assert_allclose(gradient, want, rtol=1e-4, atol=1e-4)


def squares(kernel: Any, x: Any) -> Any:
    return (conv(x, kernel) ** 2).sum()


TRANSFORMED: dict[str, Any] = {
    "grad": lambda f: jax.grad(f),
    "vmap": lambda f: jax.vmap(lambda x: f(x[None])),
    "vmap of grad": lambda f: jax.vmap(jax.grad(lambda x: f(x[None]))),
    "jvp": lambda f: lambda x: jax.jvp(f, (x,), (2 * x,)),
    "second derivative": lambda f: lambda x: jax.jvp(jax.grad(f), (x,), (2 * x,)),
    "checkpoint": lambda f: jax.grad(jax.checkpoint(f)),
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_transformed(name: str) -> None:
    prepared = prepare(squares, KERNEL)
    got = jax.jit(TRANSFORMED[name](prepared))(X)
    want = jax.jit(TRANSFORMED[name](functools.partial(squares, KERNEL)))(X)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4), got, want)


def test_inside_of_a_compiled_program() -> None:
    prepared = prepare(swapped, KERNEL)
    np.testing.assert_array_equal(jax.jit(prepared)(X), jax.jit(swapped)(KERNEL, X))


def test_an_export_has_no_native_code() -> None:
    exported = jax.export.export(jax.jit(prepare(swapped, KERNEL)))(X)
    assert "custom_call" not in exported.mlir_module()
    np.testing.assert_allclose(exported.call(X), conv(X, KERNEL), rtol=1e-4, atol=1e-4)


def test_under_a_mesh_nothing_is_split() -> None:
    prepared = prepare(swapped, KERNEL)
    with jax.set_mesh(jax.make_mesh((1,), ("i",))):
        x = jax.device_put(X, PartitionSpec("i"))
        assert packed_in(prepared, x) == 0
        np.testing.assert_array_equal(prepared(x), jax.jit(swapped)(KERNEL, x))
        on_parts = jax.shard_map(
            prepared, in_specs=PartitionSpec("i"), out_specs=PartitionSpec("i")
        )
        np.testing.assert_array_equal(jax.jit(on_parts)(x), jax.jit(swapped)(KERNEL, x))
