"""`unfold` and `fold`: values and messages that the cases do not reach."""

from typing import Any

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

import jaxcnn as jc
from jaxcnn.reference import patches as reference
from tests.sweep import sweep


def draw(*shape: int, seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


X = draw(1, 4, 5, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 0}, "unfold: `window` must be at least 1, got 0"),
        ({"window": (2, 2, 2)}, "`window` must be an int or 2 ints"),
        ({"window": 2, "stride": 0}, "`stride` must be at least 1"),
        ({"window": 2, "dilation": 0}, "`dilation` must be at least 1"),
        ({"window": 2, "padding": "half"}, "`padding` must be ints, pairs or one of"),
        ({"window": 3, "dilation": 2}, "the window spans .* but the padded input is only"),
        ({"window": 2, "layout": "NWC"}, "`layout` must be one of"),
    ],
)
def test_unfold_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jc.unfold(X, **options)


def test_unfold_refuses_other_things() -> None:
    with pytest.raises(TypeError, match="unfold: `x` must be an array, got list"):
        jc.unfold([1.0], 2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unfold: `x` must have a batch axis"):
        jc.unfold(X[0, 0], 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((draw(1, 2), 3, 2), "fold: `patches` must have a batch axis, .* got 2 axes"),
        ((draw(1, 2, 2, 2, 2, 1), 4, 2), r"must have shape \(1, 3, 3, 2, 2, 1\) for \(3, 3\)"),
        ((draw(1, 2, 2, 2, 2, 1), 1, 2), "the window spans"),
        ((draw(1, 2, 2, 2, 2, 1), 0, 2), "`output_size` must be at least 1"),
    ],
)
def test_fold_refuses(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jc.fold(*arguments)
    with pytest.raises(TypeError, match="fold: `patches` must be an array"):
        jc.fold([1.0], 3, 2)  # type: ignore[arg-type]


def test_torch_order_is_a_reshape_of_nchw() -> None:
    """channel, then window rows, then window columns; positions row by row."""
    x = draw(2, 3, 4, 5)
    flat = jc.unfold(x, (2, 3), layout="NCHW").reshape(2, 3 * 2 * 3, 3 * 3)
    row = 1 * (2 * 3) + 1 * 3 + 2  # channel 1, window row 1, window column 2
    np.testing.assert_array_equal(flat[0, row, 4], x[0, 1, 1 + 1, 1 + 2])


@pytest.mark.slow
def test_layouts_agree() -> None:
    first = jc.unfold(X.transpose(0, 3, 1, 2), (2, 3), stride=2, padding=1, layout="NCHW")
    last = jc.unfold(X, (2, 3), stride=2, padding=1)
    np.testing.assert_array_equal(first, last.transpose(0, 5, 3, 4, 1, 2))
    folded = jc.fold(first, (4, 5), (2, 3), stride=2, padding=1, layout="NCHW")
    again = jc.fold(last, (4, 5), (2, 3), stride=2, padding=1)
    np.testing.assert_allclose(folded, again.transpose(0, 3, 1, 2), rtol=1e-6)


def test_a_convolution_is_a_product_with_patches() -> None:
    kernel = draw(2, 3, 2, 4, seed=1)
    patches = jc.unfold(X, (2, 3), stride=(1, 2), padding=1)
    want = jc.conv2d(X, kernel, stride=(1, 2), padding=1)
    got = jnp.einsum("nijabc,abco->nijo", patches, kernel)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@st.composite
def geometries(draw: Any) -> tuple[tuple[int, ...], dict[str, Any]]:
    rank = draw(st.integers(1, 3))
    small = st.integers(1, 3)
    window, stride, dilation = (draw(st.tuples(*[small] * rank)) for _ in range(3))
    padding = draw(st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * rank))
    sizes = tuple(
        max((k - 1) * d + 1 - low - high, 1) + draw(st.integers(0, 3))
        for k, d, (low, high) in zip(window, dilation, padding, strict=True)
    )
    return sizes, {"window": window, "stride": stride, "padding": padding, "dilation": dilation}


@pytest.mark.slow
@sweep(12)
@hypothesis.given(geometries())
def test_fold_is_the_adjoint_of_unfold(geometry: tuple[tuple[int, ...], dict[str, Any]]) -> None:
    sizes, options = geometry
    x = np.random.default_rng(0).standard_normal((1, *sizes, 2)).astype(np.float32)
    patches = jc.unfold(jnp.asarray(x), **options)
    np.testing.assert_array_equal(patches, reference.unfold(x, **options).astype(np.float32))
    other = draw(*patches.shape, seed=1)
    back = jc.fold(other, sizes, **options)
    np.testing.assert_allclose(jnp.vdot(patches, other), jnp.vdot(x, back), rtol=1e-4, atol=1e-4)
