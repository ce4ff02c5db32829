"""The `corr2d` family: values and messages."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc

X, KERNEL = jnp.arange(20.0).reshape(4, 5), jnp.arange(6.0).reshape(2, 3)
CUBE, KERNELS = jnp.ones((4, 5, 2)), jnp.ones((2, 3, 2, 4))


@pytest.mark.parametrize(
    ("op", "arguments", "options", "message"),
    [
        ("corr1d", (X, KERNEL[0]), {}, r"corr1d: `x` must have 1 axes \(w\), got 2"),
        ("corr1d", (X[0], KERNEL), {}, r"corr1d: `kernel` must have 1 axes \(kw\), got 2"),
        ("corr1d", (X[0], X[0, :0]), {}, r"`kernel` has an empty window \(0,\)"),
        ("corr1d", (X[0, :2], KERNEL[0]), {}, r"the window spans \(3,\), but the padded"),
        ("corr1d", (X[0], KERNEL[0]), {"stride": 0}, "corr1d: `stride` must be at least 1"),
        ("corr1d", (X[0], KERNEL[0]), {"padding": "wide"}, "`padding` must be ints, pairs or one"),
        ("corr1d", (X[0], KERNEL[0]), {"padding": (0, -1)}, "`padding` must be at least 0"),
        ("corr2d", (CUBE, KERNEL), {}, r"corr2d: `x` must have 2 axes \(h, w\), got 3"),
        ("corr2d", (KERNEL, X), {}, r"the window spans \(4, 5\), but the padded input is only"),
        ("corr2d_multi_in", (CUBE, KERNELS[..., :1, 0]), {}, "has 1 input channels, but `x` has 2"),
        ("corr2d_multi_in_out", (CUBE, KERNELS[..., 0]), {}, r"`kernel` must have 4 axes \(kh, kw"),
        ("corr2d_multi_in_out", (CUBE, KERNELS[:, :, :1]), {}, "has 1 input channels, but `x`"),
        ("corr2d_multi_in_out_1x1", (CUBE, KERNELS), {}, r"must have a 1×1 window, got \(2, 3\)"),
        (
            "corr2d_multi_in_out_1x1",
            (CUBE, KERNELS[:1, :1, :1]),
            {},
            "`kernel` has 1 input channels, but `x` has 2",
        ),
        ("convolve2d", (KERNEL, X), {}, "convolve2d: the window spans"),
        ("pool2d", (X, 2, "sum"), {}, r"pool2d: `mode` must be one of \('max', 'avg'\), got 'sum'"),
        ("pool2d", (X, 0), {}, "`window` must be at least 1, got 0"),
        ("pool2d", (X, (5, 1)), {}, r"the window spans \(5, 1\), but the padded input is only"),
        ("pool2d", (CUBE, 2), {}, r"pool2d: `x` must have 2 axes \(h, w\), got 3"),
    ],
)
def test_refuses_values(op: str, arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(jc, op)(*arguments, **options)


@pytest.mark.parametrize(
    ("op", "arguments", "message"),
    [
        ("corr1d", ([1.0], KERNEL[0]), "corr1d: `x` must be an array, got list"),
        ("corr2d", (X, 1.0), "corr2d: `kernel` must be an array, got float"),
        ("corr2d", (X, KERNEL.astype(int)), "`kernel` must have the dtype of `x`, got int32"),
        ("pool2d", (X, 1.5), r"pool2d: `window` must be an int, got 1\.5"),
        ("pool2d", (X.astype(int), 2, "avg"), "pool2d: `x` must be floating point, got int32"),
    ],
)
def test_refuses_kinds(op: str, arguments: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        getattr(jc, op)(*arguments)


def test_the_edge_of_the_book() -> None:
    """Section 7.2.3: black and white columns, the kernel [1, -1] finds the two edges."""
    x = jnp.ones((6, 8)).at[:, 2:6].set(0)
    y = jc.corr2d(x, jnp.array([[1.0, -1.0]]))
    want = np.zeros((6, 7))
    want[:, 1], want[:, 5] = 1, -1
    np.testing.assert_array_equal(y, want)
    np.testing.assert_array_equal(jc.corr2d(x.T, jnp.array([[1.0, -1.0]])), np.zeros((8, 5)))


def test_a_nan_in_a_window_is_its_maximum() -> None:
    y = jc.pool2d(X.at[0, 0].set(jnp.nan), 2)
    assert jnp.isnan(y[0, 0])
    assert not jnp.isnan(y.at[0, 0].set(0)).any()
