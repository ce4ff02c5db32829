"""The gradient in the images: native code reads the kernel as it is, and no copy is reversed."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc
from jaxcnn.engine import compiler, prepare

NATIVE = not compiler.native().reason

CASES: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "winograd": ((2, 9, 8, 16), (3, 3, 16, 32), {"padding": 1}),
    "winograd_wide": ((2, 6, 6, 512), (3, 3, 512, 16), {"padding": 1}),
    "direct": ((2, 9, 8, 16), (3, 3, 16, 20), {"padding": (0, 2)}),
    "even_window": ((2, 9, 8, 16), (2, 4, 16, 32), {}),
    "stride": ((2, 9, 8, 32), (3, 5, 32, 16), {"stride": (2, 3), "padding": 2}),
    "dilation": ((2, 11, 10, 16), (3, 2, 16, 5), {"dilation": (2, 3)}),
    "pointwise": ((2, 5, 5, 16), (1, 1, 16, 32), {}),
    "pointwise_stride": ((2, 5, 5, 16), (1, 1, 16, 32), {"stride": 2}),
    "few_channels": ((2, 9, 8, 3), (3, 3, 3, 16), {"padding": 1}),
    "odd_channels": ((2, 9, 8, 21), (3, 3, 21, 16), {"padding": 1}),
    "groups": ((2, 9, 8, 16), (3, 3, 4, 32), {"groups": 4}),
    "one_axis": ((2, 9, 16), (4, 16, 16), {"stride": 2}),
    "three_axes": ((2, 5, 6, 4, 16), (2, 3, 2, 16, 8), {"padding": 1}),
}

READ_MIRRORED = {
    *("winograd", "winograd_wide", "direct", "even_window"),
    *("stride", "dilation", "one_axis", "three_axes"),
}


def case(name: str) -> tuple[Any, Any, Any, Any]:
    """The op, an image, a kernel and a cotangent of the result."""
    image, window, options = CASES[name]
    rng = np.random.default_rng(0)
    op = {3: jc.conv1d, 4: jc.conv2d, 5: jc.conv3d}[len(image)]
    apply = functools.partial(op, **options)
    x, kernel = (jnp.asarray(rng.standard_normal(s), jnp.float32) for s in (image, window))
    like = jax.eval_shape(apply, x, kernel)
    return apply, x, kernel, jnp.asarray(rng.standard_normal(like.shape), jnp.float32)


def gradient(apply: Any, x: Any, kernel: Any, cotangent: Any) -> Any:
    return jax.vjp(lambda x: apply(x, kernel), x)[1](cotangent)[0]


def exact(apply: Any, x: Any, kernel: Any, cotangent: Any) -> Any:
    """By XLA's own convolution, in float64."""
    with jax.enable_x64(True):
        doubles = [jnp.asarray(a, jnp.float64) for a in (x, kernel, cotangent)]
        return np.asarray(gradient(functools.partial(apply, algorithm="lax"), *doubles))


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_in_the_images(name: str) -> None:
    apply, x, kernel, cotangent = case(name)
    got = jax.jit(functools.partial(gradient, apply))(x, kernel, cotangent)
    want = exact(apply, x, kernel, cotangent)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize("name", CASES)
def test_no_copy_of_the_kernel_is_made(name: str) -> None:
    """Where the channels fill vectors; of few channels, results are packed into features."""
    apply, *arrays = case(name)
    program = jax.jit(functools.partial(gradient, apply)).lower(*arrays).as_text()
    as_it_is = NATIVE and name in READ_MIRRORED
    assert ("order = 1" in program) == as_it_is
    assert not as_it_is or ("reverse" not in program and "transpose" not in program)


@pytest.mark.parametrize("name", ["winograd", "stride", "few_channels"])
def test_what_is_derived_from_it(name: str) -> None:
    """Second derivatives, batches of kernels, and batches of cotangents."""
    apply, x, kernel, cotangent = case(name)

    def value(by: Any, *arrays: Any) -> Any:
        return (gradient(by, *arrays) ** 2).sum()

    got = jax.jit(jax.grad(functools.partial(value, apply), (1, 2)))(x, kernel, cotangent)
    with jax.enable_x64(True):
        doubles = [jnp.asarray(a, jnp.float64) for a in (x, kernel, cotangent)]
        lax = functools.partial(apply, algorithm="lax")
        want = jax.jit(jax.grad(functools.partial(value, lax), (1, 2)))(*doubles)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-5 * np.abs(b).max())

    for axes in ((None, 0, None), (None, None, 0), (0, 0, 0)):
        many = [
            a if axis is None else jnp.stack([a, 2 * a])
            for a, axis in zip((x, kernel, cotangent), axes, strict=True)
        ]
        rows = jax.vmap(functools.partial(gradient, apply), axes)(*many)
        factor = 2 ** sum(axis == 0 for axis in axes[1:])
        want = exact(apply, x, kernel, cotangent)
        for row, times in zip(rows, (1, factor), strict=True):
            np.testing.assert_allclose(
                row, times * want, rtol=0, atol=1e-5 * times * np.abs(want).max()
            )


def test_half_precision_and_exports() -> None:
    apply, x, kernel, cotangent = case("winograd")
    halves = [a.astype(jnp.bfloat16) for a in (x, kernel, cotangent)]
    got = jax.jit(functools.partial(gradient, apply))(*halves)
    want = exact(apply, *(a.astype(jnp.float32) for a in halves))
    assert got.dtype == jnp.bfloat16
    np.testing.assert_allclose(
        np.asarray(got, np.float32), want, rtol=0, atol=1e-2 * np.abs(want).max()
    )
    exported = jax.export.export(jax.jit(functools.partial(gradient, apply)))(x, kernel, cotangent)
    want = exact(apply, x, kernel, cotangent)
    np.testing.assert_allclose(
        exported.call(x, kernel, cotangent), want, rtol=0, atol=1e-5 * np.abs(want).max()
    )
    assert "custom_call" not in exported.mlir_module()
    for platform in ("cuda", "tpu"):
        lowered = jax.jit(functools.partial(gradient, apply)).trace(x, kernel, cotangent)
        text = lowered.lower(lowering_platforms=(platform,)).as_text()
        assert "stablehlo.convolution" in text
        assert "stablehlo.reverse" in text


@pytest.mark.parametrize("name", CASES)
def test_prepared(name: str) -> None:
    """A kernel that is known is packed with its window reversed, beside the same one as it is."""
    apply, x, kernel, cotangent = case(name)

    def both(kernel: Any, x: Any, cotangent: Any) -> Any:
        return apply(x, kernel), gradient(apply, x, kernel, cotangent)

    got, want = prepare(both, kernel)(x, cotangent), jax.jit(both)(kernel, x, cotangent)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)
