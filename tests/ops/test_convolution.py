"""`conv1d`, `conv2d` and `conv3d`: values, messages and properties that the cases do not reach."""

import importlib.util
from typing import Any

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

import jaxcnn as jc
from jaxcnn.reference import convolution as reference
from tests.ops.test_cases import close
from tests.sweep import sweep

TORCH = importlib.util.find_spec("torch") is not None


def draw(*shape: int, seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


X, KERNEL = draw(1, 4, 5, 2), draw(3, 2, 2, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stride": 0}, "conv2d: `stride` must be at least 1, got 0"),
        ({"stride": (1, 2, 3)}, "`stride` must be an int or 2 ints, got 3 values"),
        ({"dilation": -1}, "`dilation` must be at least 1, got -1"),
        ({"padding": -1}, "`padding` must be at least 0, got -1"),
        ({"padding": "half"}, r"`padding` must be ints, pairs or one of \('valid', .* got 'half'"),
        ({"padding": ((1, 1),)}, r"must be one \(low, high\) pair for each of 2 axes"),
        ({"padding": ((3, -5), (0, 0))}, r"conv2d: `padding` \(3, -5\) crops more than there is"),
        ({"padding": ((0, -2), (0, 0))}, "the window spans"),
        ({"groups": 0}, "`groups` must be at least 1, got 0"),
        ({"groups": 2}, "`kernel` has 2 input channels, but `x` has 2 channels in 2 groups"),
        ({"padding_mode": "wrap"}, r"`padding_mode` must be one of \('zeros', .* got 'wrap'"),
        ({"layout": "NCHW"}, r"`kernel` has 2 .* `x` has 4 channels in 1 group \(layout NCHW\)"),
        ({"layout": "NWC"}, r"`layout` must be one of \('NHWC', 'NCHW'\), got 'NWC'"),
        ({"algorithm": "magic"}, "`algorithm` must be one of .* got 'magic'"),
        ({"bias": jnp.zeros(2)}, "`bias` has 2 elements, but there are 3 output channels"),
        ({"bias": jnp.zeros((3, 1))}, "`bias` must have 1 axes .* got 2"),
        ({"dilation": 2}, r"the window spans \(5, 3\), but the padded input is only \(4, 5\)"),
        ({"padding_mode": "reflect", "padding": 4}, "reflect padding can be at most 3 for an"),
        ({"padding_mode": "circular", "padding": 5}, "circular padding can be at most 4 for an"),
    ],
)
def test_refuses_values(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jc.conv2d(X, KERNEL, **options)


@pytest.mark.parametrize(
    ("x", "kernel", "message"),
    [
        (X[0], KERNEL, r"conv2d: `x` must have 4 axes \(NHWC\), got 3 in shape"),
        (X, KERNEL[0], "`kernel` must have 4 axes .* got 3"),
        (X, draw(0, 2, 2, 3), r"`kernel` has an empty window \(0, 2\)"),
        (X, draw(3, 2, 3, 3), "`kernel` has 3 input channels, but `x` has 2 channels in 1 group"),
        (X[:, :2], KERNEL, "the window spans"),
        (X[:, :0], KERNEL, "`x` has no elements on a spatial axis"),
    ],
)
def test_refuses_shapes(x: Any, kernel: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jc.conv2d(x, kernel)


def test_refuses_groups_that_do_not_divide_the_outputs() -> None:
    with pytest.raises(ValueError, match="`groups` 2 must divide the 3 output channels"):
        jc.conv2d(X, draw(3, 2, 1, 3), groups=2)


def test_refuses_kinds() -> None:
    with pytest.raises(TypeError, match="conv2d: `x` must be an array, got list"):
        jc.conv2d([[1.0]], KERNEL)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`kernel` must have the dtype of `x`, got bfloat16"):
        jc.conv2d(X, KERNEL.astype(jnp.bfloat16))
    with pytest.raises(TypeError, match="`bias` must have the dtype of `x`, got float16"):
        jc.conv2d(X, KERNEL, jnp.zeros(3, jnp.float16))
    with pytest.raises(TypeError, match=r"`stride` must be an int, got 1\.5"):
        jc.conv2d(X, KERNEL, stride=1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "ndim"), [("conv1d", 3), ("conv3d", 5)])
def test_the_other_ranks_say_their_names(name: str, ndim: int) -> None:
    with pytest.raises(ValueError, match=f"{name}: `x` must have {ndim} axes"):
        getattr(jc, name)(X, KERNEL)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_preferred_element_type_is_the_dtype_of_the_result(dtype: Any) -> None:
    x, kernel = X.astype(dtype), KERNEL.astype(dtype)
    wide = jc.conv2d(x, kernel, preferred_element_type=jnp.float32)
    assert wide.dtype == jnp.float32
    want = jc.conv2d(x.astype(jnp.float32), kernel.astype(jnp.float32))
    np.testing.assert_allclose(wide, want, rtol=1e-5, atol=1e-6)
    gradient = jax.grad(lambda k: jc.conv2d(x, k, preferred_element_type=jnp.float32).sum())
    assert gradient(kernel).dtype == dtype


def test_is_corr2d() -> None:
    got = jc.conv2d(X[..., :1], KERNEL[:, :, :1, :1])
    want = jc.corr2d(X[0, :, :, 0], KERNEL[:, :, 0, 0])
    np.testing.assert_allclose(got[0, :, :, 0], want, rtol=1e-5, atol=1e-6)


def test_shift_equivariance() -> None:
    options: dict[str, Any] = {"padding": "same", "padding_mode": "circular"}
    shifted = jc.conv2d(jnp.roll(X, (1, 2), (1, 2)), KERNEL, **options)
    want = jnp.roll(jc.conv2d(X, KERNEL, **options), (1, 2), (1, 2))
    np.testing.assert_allclose(shifted, want, rtol=1e-5, atol=1e-6)


def test_linearity() -> None:
    other = draw(*X.shape, seed=1)
    got = jc.conv2d(2 * X - other, KERNEL, stride=2, padding=1)
    want = 2 * jc.conv2d(X, KERNEL, stride=2, padding=1)
    want -= jc.conv2d(other, KERNEL, stride=2, padding=1)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@st.composite
def calls(draw: Any) -> tuple[int, tuple[int, ...], tuple[int, ...], dict[str, Any]]:
    rank = draw(st.integers(1, 3))
    small = st.tuples(*[st.integers(1, 3)] * rank)
    window, stride, dilation = (draw(small) for _ in range(3))
    # The sizes below leave at least one pixel for the window, whatever is cropped.
    sides = st.tuples(st.integers(-1, 2), st.integers(-1, 2))
    padding = draw(
        st.one_of(st.sampled_from(["same", "valid", "full"]), st.tuples(*[sides] * rank))
    )
    groups = draw(st.integers(1, 2))
    span = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    sizes = tuple(extent + draw(st.integers(0, 3)) for extent in span)
    options = {"stride": stride, "dilation": dilation, "padding": padding, "groups": groups}
    # As wide as reflection may be: an axis of span + 2 takes any of these pads.
    sizes = tuple(max(size, 3) + 2 for size in sizes)
    if padding not in ("same", "full"):
        options["padding_mode"] = draw(st.sampled_from(["zeros", "reflect", "circular"]))
    x = (draw(st.integers(1, 2)), *sizes, 2 * groups)
    return rank, x, (*window, 2, groups * draw(st.integers(1, 2))), options


@sweep(25)
@hypothesis.given(calls())
def test_any_options(call: tuple[int, tuple[int, ...], tuple[int, ...], dict[str, Any]]) -> None:
    rank, *shapes, options = call
    rng = np.random.default_rng(0)
    x, kernel = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    got = getattr(jc, f"conv{rank}d")(jnp.asarray(x), jnp.asarray(kernel), **options)
    if TORCH:
        import torch

        from tests.ops.twins import convolution

        twin = getattr(convolution, f"conv{rank}d")
        want = twin(torch.from_numpy(x), torch.from_numpy(kernel), **options)
    else:
        want = getattr(reference, f"conv{rank}d")(x, kernel, **options)
    close([got], [want], 1e-5)
