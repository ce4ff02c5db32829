"""The algorithms serve every transformation of JAX: no convolution is left to XLA."""

import functools

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import jaxcnn as jc

RANDOM = np.random.default_rng(0)
X = jnp.asarray(RANDOM.standard_normal((2, 6, 6, 4)), jnp.float32)
KERNEL = jnp.asarray(RANDOM.standard_normal((3, 3, 1, 4)), jnp.float32)


def loss(x, kernel, algorithm="auto"):
    y = jc.conv2d(x, kernel, padding=1, groups=4, algorithm=algorithm)
    return (jnp.sin(y) ** 2).sum()


def scanned(x, kernel, algorithm="auto"):
    def body(carry, _):
        return jc.conv2d(carry, kernel, padding=1, groups=4, algorithm=algorithm), None

    y, _ = jax.lax.scan(body, x, length=3)
    return y.sum()


def over_kernels(x, kernel, algorithm="auto"):
    kernels = jnp.stack([kernel, 2 * kernel])
    return jax.vmap(functools.partial(loss, algorithm=algorithm), (None, 0))(x, kernels).sum()


def over_both(x, kernel, algorithm="auto"):
    both = jnp.stack([x, 2 * x]), jnp.stack([kernel, 2 * kernel])
    return jax.vmap(functools.partial(loss, algorithm=algorithm))(*both).sum()


CASES = {
    "grad": lambda fn: jax.grad(fn, (0, 1)),
    "jvp": lambda fn: lambda x, k: jax.jvp(fn, (x, k), (x, k)),
    "hessian": lambda fn: jax.hessian(fn, 1),
    "checkpoint": lambda fn: jax.grad(jax.checkpoint(fn), (0, 1)),
    "per example": lambda fn: jax.vmap(jax.grad(lambda x, k: fn(x[None], k), 1), (0, None)),
}


@pytest.mark.parametrize("fn", [loss, scanned, over_kernels, over_both])
@pytest.mark.parametrize("name", CASES)
def test_no_convolution_is_left_to_xla(name, fn):
    if name == "hessian" and fn is not loss:
        return
    ours = jax.jit(CASES[name](fn))
    plain = jax.jit(CASES[name](functools.partial(fn, algorithm="lax")))
    assert "stablehlo.convolution" in plain.lower(X, KERNEL).as_text()
    assert "stablehlo.convolution" not in ours.lower(X, KERNEL).as_text()
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4),
        ours(X, KERNEL),
        plain(X, KERNEL),
    )


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_what_is_left_to_xla_has_its_axes_in_order(plain, layout):
    """Within loops XLA does not put them in order, and its convolution is then far slower."""
    x = jnp.ones((4, 16, 16, 20) if layout == "NHWC" else (4, 20, 16, 16))

    def step(kernel, _):
        def loss(kernel):
            return (jc.conv2d(x, kernel, padding=2, layout=layout) ** 2).sum()

        return kernel - jax.grad(loss)(kernel), None

    lowered = jax.jit(lambda kernel: jax.lax.scan(step, kernel, length=2)[0]).lower(
        jnp.ones((5, 5, 20, 20))
    )
    lines = [line for line in lowered.as_text().splitlines() if "stablehlo.convolution" in line]
    assert len(lines) == 2
    assert all("[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]" in line for line in lines)


def test_sharded_images():
    mesh = Mesh(np.array(jax.devices()[:1]), ("batch",))
    x = jax.device_put(X, NamedSharding(mesh, PartitionSpec("batch")))
    mapped = jax.shard_map(
        jax.grad(loss, 1), mesh=mesh, in_specs=(PartitionSpec("batch"), PartitionSpec()),
        out_specs=PartitionSpec(),
    )  # fmt: skip
    expected = jax.grad(loss, 1)(X, KERNEL)
    np.testing.assert_allclose(jax.jit(jax.grad(loss, 1))(x, KERNEL), expected, rtol=1e-5)
    np.testing.assert_allclose(jax.jit(mapped)(x, KERNEL), expected, rtol=1e-5)


def test_exports_with_a_symbolic_batch():
    (batch,) = jax.export.symbolic_shape("batch")
    exported = jax.export.export(jax.jit(loss))(
        jax.ShapeDtypeStruct((batch, 6, 6, 4), jnp.float32), KERNEL
    )
    np.testing.assert_allclose(exported.call(X, KERNEL), loss(X, KERNEL), rtol=1e-5)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_is_computed_in_float32(dtype):
    lowered = jax.jit(loss).lower(X.astype(dtype), KERNEL.astype(dtype))
    # By native code, or by products of JAX's operations.
    sums = [line for line in lowered.as_text().splitlines() if "custom_call @jaxcnn" in line]
    sums += [line for line in lowered.as_text().splitlines() if "stablehlo.multiply" in line]
    assert any("xf32>" in line for line in sums)
    name = {"bfloat16": "bf16", "float16": "f16"}[jnp.dtype(dtype).name]
    assert not any(f"x{name}>" in line for line in sums if "custom_call" in line)
    assert jc.conv2d(X.astype(dtype), KERNEL.astype(dtype), groups=4).dtype == dtype
