"""Transposed convolutions: values, messages and properties that the cases do not reach."""

import importlib.util
from typing import Any

import hypothesis
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

import jaxcnn as jc
from jaxcnn.reference import transposed as reference
from tests.ops.test_cases import close
from tests.sweep import sweep

TORCH = importlib.util.find_spec("torch") is not None


def draw(*shape: int, seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


X, KERNEL = draw(1, 3, 4, 2), draw(3, 2, 2, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stride": 0}, "conv_transpose2d: `stride` must be at least 1, got 0"),
        ({"stride": (1, 2, 3)}, "`stride` must be an int or 2 ints, got 3 values"),
        ({"dilation": -1}, "`dilation` must be at least 1, got -1"),
        ({"padding": -1}, "`padding` must be at least 0, got -1"),
        ({"padding": "half"}, "`padding` must be ints, pairs or one of .* got 'half'"),
        ({"padding": 3}, r"the result would have shape \(-1, -1\): `padding` 3 crops all of it"),
        ({"output_padding": 1}, "smaller than the stride or the dilation, got 1 for stride 1"),
        ({"output_padding": -1}, "`output_padding` must be at least 0, got -1"),
        (
            {"output_padding": 1, "stride": 2, "padding": "same"},
            "`output_padding` must be 0 beside `padding='same'`",
        ),
        ({"groups": 0}, "`groups` must be at least 1, got 0"),
        ({"groups": 3}, "`groups` 3 must divide the 2 input channels"),
        ({"padding_mode": "wrap"}, r"`padding_mode` must be one of \('zeros', .* got 'wrap'"),
        ({"layout": "NCHW"}, r"`kernel` has 2 input channels, but `x` has 3 .* \(layout NCHW\)"),
        ({"layout": "NWC"}, r"`layout` must be one of \('NHWC', 'NCHW'\), got 'NWC'"),
        ({"algorithm": "magic"}, "`algorithm` must be one of .* got 'magic'"),
        ({"bias": jnp.zeros(2)}, "`bias` has 2 elements, but there are 3 output channels"),
        (
            {"padding_mode": "reflect", "dilation": 3},
            "reflect padding can be at most 2 for an axis of 3",
        ),
    ],
)
def test_refuses_values(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jc.conv_transpose2d(X, KERNEL, **options)


@pytest.mark.parametrize(
    ("x", "kernel", "message"),
    [
        (X[0], KERNEL, "`x` must have 4 axes .* got 3"),
        (X, KERNEL[0], "`kernel` must have 4 axes .* got 3"),
        (X, draw(3, 2, 3, 3), "`kernel` has 3 input channels, but `x` has 2 channels"),
        (X, draw(0, 2, 2, 3), "`kernel` has an empty window"),
        (X[:, :0], KERNEL, "the result would have shape"),
    ],
)
def test_refuses_shapes(x: Any, kernel: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jc.conv_transpose2d(x, kernel)


def test_refuses_kinds() -> None:
    with pytest.raises(TypeError, match="conv_transpose2d: `x` must be an array, got list"):
        jc.conv_transpose2d([[1.0]], KERNEL)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`kernel` must have the dtype of `x`, got bfloat16"):
        jc.conv_transpose2d(X, KERNEL.astype(jnp.bfloat16))
    with pytest.raises(TypeError, match="`bias` must have the dtype of `x`, got float16"):
        jc.conv_transpose2d(X, KERNEL, jnp.zeros(3, jnp.float16))
    with pytest.raises(TypeError, match=r"`output_padding` must be an int, got 0\.5"):
        jc.conv_transpose2d(X, KERNEL, output_padding=0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("groups", [1, 2])
def test_no_convolution_of_an_accelerator_has_a_dilated_input(groups: int) -> None:
    """XLA's gradients of such convolutions are slow (jax-ml/jax #31662)."""

    def scalar(x: jax.Array, kernel: jax.Array) -> jax.Array:
        y = jc.conv_transpose2d(
            x, kernel, stride=2, padding=1, output_padding=1, groups=groups, dilation=(1, 2)
        )
        return jnp.sum(y * y)

    for platform in ("cuda", "tpu"):
        gradient = jax.export.export(jax.jit(jax.grad(scalar, (0, 1))), platforms=[platform])
        module = gradient(X, KERNEL).mlir_module()
        convolutions = [line for line in module.splitlines() if "stablehlo.convolution" in line]
        assert len(convolutions) == 3
        assert not any("lhs_dilate = [2" in line for line in convolutions)


@pytest.mark.parametrize("padding", ["valid", "same", "full", (1, 0), ((0, 1), (2, 0))])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 2])
def test_transposes_the_convolution(padding: Any, stride: int, groups: int) -> None:
    """<conv(x), y> = <x, conv_transpose(y)>, with the size that the stride forgot given back."""
    kernel = draw(3, 4, 4 // groups, 6, seed=1)
    x = draw(2, 6, 8, 4, seed=2)
    options = {"stride": stride, "padding": padding, "groups": groups}
    y = jc.conv2d(x, kernel, **options)
    other = draw(*y.shape, seed=3)
    grouped = kernel.reshape(3, 4, 4 // groups, groups, 6 // groups)
    turned = grouped.transpose(0, 1, 3, 4, 2).reshape(3, 4, 6, 4 // groups)
    shape = jc.conv_transpose_output_shape(y.shape[1:3], (3, 4), stride=stride, padding=padding)
    missing = tuple(size - got for size, got in zip(x.shape[1:3], shape, strict=True))
    back = jc.conv_transpose2d(other, turned, output_padding=missing, **options)
    np.testing.assert_allclose(jnp.vdot(y, other), jnp.vdot(x, back), rtol=1e-4, atol=1e-4)


def test_circular_same_is_the_adjoint_of_the_circular_convolution() -> None:
    kernel, x, other = draw(5, 4, 2, 3, seed=1), draw(1, 6, 8, 2, seed=2), draw(1, 3, 4, 3, seed=3)
    options: dict[str, Any] = {"stride": 2, "padding": "same", "padding_mode": "circular"}
    left = jnp.vdot(jc.conv2d(x, kernel, **options), other)
    right = jnp.vdot(x, jc.conv_transpose2d(other, kernel.swapaxes(2, 3), **options))
    np.testing.assert_allclose(left, right, rtol=1e-4)


def test_adds_what_the_convolution_crops() -> None:
    kernel, x, other = draw(3, 2, 2, 3, seed=1), draw(1, 6, 8, 2, seed=2), draw(1, 2, 4, 3, seed=3)
    options: dict[str, Any] = {"stride": 2, "padding": ((-2, 1), (1, -1))}
    left = jnp.vdot(jc.conv2d(x, kernel, **options), other)
    right = jnp.vdot(x, jc.conv_transpose2d(other, kernel.swapaxes(2, 3), **options))
    np.testing.assert_allclose(left, right, rtol=1e-4)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_stride_one_is_a_convolution_with_the_flipped_kernel(mode: Any) -> None:
    got = jc.conv_transpose2d(X, KERNEL, padding=(1, 0), padding_mode=mode)
    want = jc.conv2d(X, KERNEL[::-1, ::-1], padding=(1, 1), padding_mode=mode)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@st.composite
def calls(draw: Any) -> tuple[int, tuple[int, ...], tuple[int, ...], dict[str, Any]]:
    rank = draw(st.integers(1, 3))
    small = st.integers(1, 3)
    sizes, window = (draw(st.tuples(*[small] * rank)) for _ in range(2))
    stride, dilation = (draw(st.tuples(*[small] * rank)) for _ in range(2))
    groups = draw(st.integers(1, 2))
    padding, extra = [], []
    for i in range(rank):
        extra.append(draw(st.integers(0, max(stride[i], dilation[i]) - 1)))
        span = (window[i] - 1) * dilation[i] + 1
        room = (sizes[i] - 1) * stride[i] + span + extra[i] - 1
        padding.append(draw(st.integers(0, min(room // 2, 4))))
    x = (draw(st.integers(0, 2)), *sizes, 2 * groups)
    kernel = (*window, 2 * groups, draw(st.integers(1, 2)))
    options = {
        "stride": stride,
        "padding": tuple(padding),
        "output_padding": tuple(extra),
        "dilation": dilation,
        "groups": groups,
    }
    return rank, x, kernel, options


@sweep(20)
@hypothesis.given(calls())
def test_any_options(call: tuple[int, tuple[int, ...], tuple[int, ...], dict[str, Any]]) -> None:
    rank, *shapes, options = call
    name = f"conv_transpose{rank}d"
    rng = np.random.default_rng(0)
    x, kernel = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    got = getattr(jc, name)(jnp.asarray(x), jnp.asarray(kernel), **options)
    if TORCH and len(x):
        import torch

        from tests.ops.twins import transposed

        twin = getattr(transposed, name)
        want = twin(torch.from_numpy(x), torch.from_numpy(kernel), **options)
    else:
        want = getattr(reference, name)(x, kernel, **options)
    close([got], [want], 1e-5)
