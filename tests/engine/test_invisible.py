"""`accelerate` breaks no program: any convolution or pool of `lax`, any dtype, the strictest rules.

`python -m tests.peers` runs other libraries' own tests in the same two ways.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jaxcnn as jc
from jaxcnn import engine

TOLERANCE = {
    "float16": 2e-3,
    "bfloat16": 2e-2,
    "float32": 2e-5,
    "float64": 1e-12,
    "complex64": 2e-5,
    "complex128": 1e-12,
}
"""How far a result may be off, as a share of the largest number; integers not at all."""


class Case(NamedTuple):
    """A convolution of NCHW images with an OIHW kernel, in as many axes as the shapes have."""

    x: tuple[int, ...]
    kernel: tuple[int, ...]
    options: dict


CONVOLUTIONS = {
    "few channels": Case((2, 3, 9, 9), (4, 3, 3, 3), {}),
    "wide": Case((2, 64, 8, 8), (64, 64, 3, 3), {"padding": "SAME"}),
    "pointwise": Case((2, 8, 5, 5), (6, 8, 1, 1), {}),
    "strided": Case((2, 3, 9, 8), (20, 3, 3, 2), {"window_strides": (2, 3)}),
    "depthwise": Case((2, 6, 7, 7), (12, 1, 3, 3), {"feature_group_count": 6}),
    "groups": Case((2, 12, 7, 7), (6, 4, 3, 3), {"feature_group_count": 3}),
    "groups of the batch": Case((4, 3, 6, 6), (8, 3, 3, 3), {"batch_group_count": 2}),
    "spread pixels": Case(
        (2, 3, 4, 5),
        (5, 3, 3, 3),
        {"lhs_dilation": (2, 3), "window_strides": (3, 1), "padding": [(1, 1), (0, 2)]},
    ),
    "few products": Case((2, 1, 8, 8), (2, 1, 5, 5), {"padding": [(2, 2), (2, 2)]}),
    "cropped": Case((2, 3, 8, 8), (4, 3, 2, 2), {"padding": [(-2, -1), (-3, 4)]}),
    "cropped away": Case((2, 3, 4, 4), (4, 3, 2, 2), {"padding": [(-6, 9), (0, 0)]}),
    "far apart": Case((2, 3, 8), (4, 3, 2), {"rhs_dilation": (1000,), "padding": [(997, 3)]}),
    "no axes": Case((4, 3), (5, 3), {}),
    "four axes": Case((1, 2, 3, 3, 3, 3), (2, 2, 2, 2, 2, 2), {}),
    "no images": Case((0, 3, 6, 6), (4, 3, 3, 3), {}),
    "no channels": Case((2, 0, 6, 6), (4, 0, 3, 3), {}),
    "no results": Case((2, 3, 2, 6), (4, 3, 3, 3), {}),
}

POOLS = {
    "tiles": ((2, 8, 8, 5), (1, 2, 2, 1), (1, 2, 2, 1), "VALID"),
    "overlapping": ((2, 9, 8, 5), (1, 3, 3, 1), (1, 2, 2, 1), "SAME"),
    "one channel": ((2, 9, 8, 1), (1, 3, 2, 1), (1, 2, 2, 1), "SAME"),
    "long": ((2, 40, 5), (1, 20, 1), (1, 3, 1), "SAME"),
    "over the batch": ((4, 5, 6), (2, 2, 1), (2, 1, 1), "VALID"),
    "one element": ((2, 9, 5), (1, 1, 1), (1, 1, 1), "VALID"),
    "no images": ((0, 9, 5), (1, 3, 1), (1, 2, 1), "VALID"),
}


@pytest.fixture(autouse=True)
def _strict():
    with (
        jax.enable_x64(True),
        jax.numpy_dtype_promotion("strict"),
        jax.numpy_rank_promotion("raise"),
    ):
        yield
    jc.restore()


def numbers(shape, dtype, seed=0):
    random = np.random.default_rng(seed)
    if jnp.issubdtype(dtype, jnp.integer):
        return jnp.asarray(random.integers(-4, 5, shape), dtype)
    values = random.standard_normal(shape)
    if jnp.issubdtype(dtype, jnp.complexfloating):
        values = values + 1j * random.standard_normal(shape)
    return jnp.asarray(values, dtype)


def convolution(name, dtype, **more):
    """A case's convolution, and its operands."""
    case = CONVOLUTIONS[name]
    axes = len(case.x) - 2
    options = {"window_strides": (1,) * axes, "padding": [(0, 0)] * axes, **case.options, **more}
    fn = functools.partial(lax.conv_general_dilated, **options)
    return fn, numbers(case.x, dtype), numbers(case.kernel, dtype, 1)


def with_gradients(fn, *operands):
    """What ``fn`` makes of the operands, and where that can be derived its gradients."""
    y, back = fn(*operands), None
    if jnp.issubdtype(y.dtype, jnp.inexact):
        y, back = jax.vjp(fn, *operands)
    return (y, *back(numbers(y.shape, y.dtype, 2))) if back else (y,)


def same_under_accelerate(fn, *operands, tolerance=0.0):
    compute = functools.partial(with_gradients, fn)
    expected = jax.jit(compute)(*operands)
    with jc.accelerate():
        got = jax.jit(compute)(*operands)
    for one, other in zip(got, expected, strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        one, other = np.asarray(one, complex), np.asarray(other, complex)
        size = np.abs(other).max(initial=0)
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * size)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(name):
    same_under_accelerate(*convolution(name, "float32"), tolerance=TOLERANCE["float32"])


@pytest.mark.parametrize(
    "name", ["few channels", "depthwise", "groups", "spread pixels", "no axes"]
)
@pytest.mark.slow
def test_convolutions_of_halves_without_a_compiler(name, plain):
    same_under_accelerate(*convolution(name, "float16"), tolerance=TOLERANCE["float16"])


@pytest.mark.parametrize(
    "dtype", ["bfloat16", "float64", "float8_e4m3fn", "complex64", "int32", "uint8"]
)
@pytest.mark.parametrize("name", ["few channels", "no axes"])
@pytest.mark.slow
def test_convolutions_in_other_dtypes(name, dtype):
    same_under_accelerate(*convolution(name, dtype), tolerance=TOLERANCE.get(dtype, 0))


@pytest.mark.parametrize(
    ("dtype", "wide"),
    [
        ("float16", "float32"),
        ("bfloat16", "float32"),
        ("float32", "float64"),
        ("complex64", "complex128"),
        ("int8", "int32"),
        ("int8", "float32"),
    ],
)
def test_wider_results(dtype, wide):
    wider, x, kernel = convolution("few channels", dtype, preferred_element_type=wide)
    expected = jax.jit(wider)(x, kernel)
    with jc.accelerate():
        got = jax.jit(wider)(x, kernel)
    assert got.dtype == expected.dtype == wide
    rounding = TOLERANCE.get(wide, 0)
    np.testing.assert_allclose(got, expected, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("precision", ["highest", (lax.Precision.HIGH, lax.Precision.DEFAULT)])
def test_precision(precision):
    program = convolution("few channels", "float32", precision=precision)
    same_under_accelerate(*program, tolerance=TOLERANCE["float32"])


def test_explanations_of_convolutions_that_are_left_to_xla():
    for name, dtype in (("no axes", "float32"), ("few channels", "float8_e4m3fn")):
        (explanation,) = engine.explain(*convolution(name, dtype))
        assert explanation.algorithm == "lax"


def pooled(pool, x):
    _, window, stride, padding = pool
    lowest = -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
    if x.dtype == jnp.float8_e4m3fn:
        lowest = jnp.finfo(x.dtype).min
    return lax.reduce_window(x, np.array(lowest, x.dtype), lax.max, window, stride, padding)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "float8_e4m3fn", "int32"])
@pytest.mark.parametrize("name", POOLS)
def test_max_pools(name, dtype):
    pool = POOLS[name]
    # Whole numbers, of which many are equal: the gradients are exact, and say who won.
    x = jnp.round(numbers(pool[0], "float32") * 2).astype(dtype)

    def gradient(x):
        y, back = jax.vjp(functools.partial(pooled, pool), x)
        return (y, *back(jnp.ones_like(y))) if jnp.issubdtype(dtype, jnp.floating) else (y,)

    expected = jax.jit(gradient)(x)
    with jc.accelerate():
        got = jax.jit(gradient)(x)
    for one, other in zip(got, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(np.asarray(one, float), np.asarray(other, float))


@pytest.mark.parametrize("channels", [1, 8])
def test_the_gradient_of_a_window_with_a_nan_goes_to_the_nan(channels):
    """The one known difference: XLA gives it to the largest of the numbers behind the NaN."""
    x = jnp.broadcast_to(jnp.asarray([[1, np.nan], [3, 2]], "float32")[..., None], (2, 2, channels))

    def total(x):
        return lax.reduce_window(x, -np.inf, lax.max, (2, 2, 1), (2, 2, 1), "VALID").sum()

    np.testing.assert_array_equal(jax.grad(total)(x)[..., 0], [[0, 0], [1, 0]])
    with jc.accelerate():
        np.testing.assert_array_equal(jax.grad(total)(x)[..., 0], [[0, 1], [0, 0]])
