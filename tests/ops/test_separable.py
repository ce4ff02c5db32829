"""`depthwise_conv2d` and `separable_conv2d`: values and messages."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc


def draw(*shape: int, seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


X, DEPTH, POINT = draw(1, 4, 5, 2), draw(3, 3, 1, 4), draw(1, 1, 4, 3)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (draw(3, 3, 2, 4), "depthwise_conv2d: `kernel` must have 1 input channel and a multiple"),
        (draw(3, 3, 1, 3), r"multiple of 2 output channels \(layout NHWC\), got shape"),
        (draw(3, 3, 4), "`kernel` must have 4 axes"),
        (draw(5, 3, 1, 2), "depthwise_conv2d: the window spans"),
    ],
)
def test_depthwise_refuses(kernel: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jc.depthwise_conv2d(X, kernel)


def test_depthwise_refuses_dtypes() -> None:
    with pytest.raises(TypeError, match="depthwise_conv2d: `kernel` must have the dtype of `x`"):
        jc.depthwise_conv2d(X, DEPTH.astype(jnp.bfloat16))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((draw(3, 3, 2, 4), POINT), "separable_conv2d: `depthwise_kernel` must have 1 input"),
        ((DEPTH, draw(1, 1, 2, 3)), r"`pointwise_kernel` must have shape \(1, 1, 4, out"),
        ((DEPTH, draw(3, 1, 4, 3)), r"`pointwise_kernel` must have shape \(1, 1, 4, out"),
        ((DEPTH, POINT, jnp.zeros(4)), "`bias` has 4 elements, but there are 3 output"),
    ],
)
def test_separable_refuses(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jc.separable_conv2d(X, *arguments)


def test_separable_refuses_dtypes() -> None:
    with pytest.raises(TypeError, match="`pointwise_kernel` must have the dtype of `x`"):
        jc.separable_conv2d(X, DEPTH, POINT.astype(jnp.float16))
    with pytest.raises(TypeError, match="`bias` must have the dtype of `x`"):
        jc.separable_conv2d(X, DEPTH, POINT, jnp.zeros(3, jnp.float16))


def test_each_channel_has_its_own_kernels() -> None:
    y = jc.depthwise_conv2d(X, DEPTH)
    for out in range(4):
        want = jc.corr2d(X[0, :, :, out // 2], DEPTH[:, :, 0, out])
        np.testing.assert_allclose(y[0, :, :, out], want, rtol=1e-5, atol=1e-5)


def test_separable_is_one_convolution_with_the_product_kernel() -> None:
    dense = jnp.zeros((3, 3, 2, 4)).at[:, :, 0, :2].set(DEPTH[:, :, 0, :2])
    dense = dense.at[:, :, 1, 2:].set(DEPTH[:, :, 0, 2:]) @ POINT[0, 0]
    got = jc.separable_conv2d(X, DEPTH, POINT, stride=2, padding=1)
    np.testing.assert_allclose(got, jc.conv2d(X, dense, stride=2, padding=1), rtol=1e-4, atol=1e-5)
