"""`resize`: messages and many sizes beyond the cases."""

import importlib.util
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxcnn as jc
from jaxcnn.reference.resampling import resize as reference_resize
from tests.ops.properties import quick
from tests.sweep import sweep

X = np.zeros((1, 4, 5, 2), np.float32)

WRONG: dict[str, tuple[type[Exception], str, Any, Any, dict[str, Any]]] = {
    "list": (TypeError, "`x` must be an array, got list", [1.0], 2, {}),
    "rank": (ValueError, "`x` must have a batch axis, 1 to 3 spatial axes", X[0, 0], 2, {}),
    "layout": (ValueError, "`layout` must be one of ('NHWC', 'NCHW')", X, 2, {"layout": "NWC"}),
    "float size": (TypeError, "`size` must be an int, got 2.5", X, 2.5, {}),
    "no size": (ValueError, "`size` must be at least 1, got 0", X, (3, 0), {}),
    "sizes": (ValueError, "`size` must be an int or 2 ints, got 3 values", X, (3, 3, 3), {}),
    "neither": (ValueError, "give exactly one of `size` and `scale`, got neither", X, None, {}),
    "both": (
        ValueError,
        "give exactly one of `size` and `scale`, got 2 and 0.5",
        X,
        2,
        {"scale": 0.5},
    ),
    "scales": (
        ValueError,
        "`scale` must be a number or 2 numbers, got 1: (2,)",
        X,
        None,
        {"scale": (2,)},
    ),
    "text": (TypeError, "`scale` must be a real number, got '2'", X, None, {"scale": "2"}),
    "no scale": (ValueError, "`scale` 0.2 leaves nothing of an axis of 4", X, None, {"scale": 0.2}),
    "negative": (ValueError, "`scale` -1.0 leaves nothing of an axis of 4", X, None, {"scale": -1}),
    "infinite": (
        ValueError,
        "`scale` must be a finite number, got inf",
        X,
        None,
        {"scale": np.inf},
    ),
    "method": (ValueError, "`method` must be one of", X, 2, {"method": "trilinear"}),
    "empty": (ValueError, "`x` has an empty spatial axis in shape (1, 0, 5, 2)", X[:, :0], 2, {}),
    "integers": (TypeError, "`x` must be floating point, got int32", X.astype(np.int32), 2, {}),
    "aligned nearest": (
        ValueError,
        "`align_corners` is for the methods 'bilinear' and 'bicubic', got 'nearest'",
        X,
        2,
        {"method": "nearest", "align_corners": True},
    ),
    "antialiased area": (
        ValueError,
        "`antialias` is for the methods 'bilinear' and 'bicubic', got 'area'",
        X,
        2,
        {"method": "area", "antialias": True},
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_messages(name: str) -> None:
    error, message, x, size, options = WRONG[name]
    with pytest.raises(error, match="^resize: " + re.escape(message)):
        jc.resize(x, size, **options)


OPTIONS = st.one_of(
    st.fixed_dictionaries({"method": st.sampled_from(["nearest", "nearest_exact", "area"])}),
    st.fixed_dictionaries(
        {
            "method": st.sampled_from(["bilinear", "bicubic"]),
            "align_corners": st.booleans(),
            "antialias": st.booleans(),
        }
    ),
)
SIZES = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=3)


def meaning(x: np.ndarray, size: tuple[int, ...] | None, options: dict[str, Any]) -> np.ndarray:
    """What torch says, where it is installed."""
    if importlib.util.find_spec("torch") is None:
        return reference_resize(x, size, **options)
    import torch

    from tests.ops.twins.resampling import resize

    return resize(torch.from_numpy(x), size, **options).numpy()


@sweep(20)
@given(axes=SIZES, options=OPTIONS, seed=st.integers(0, 999))
def test_any_size(axes: list[tuple[int, int]], options: dict[str, Any], seed: int) -> None:
    old, new = zip(*axes, strict=True)
    x = np.random.default_rng(seed).standard_normal((1, *old, 2))
    with jax.enable_x64(True):
        y = quick(lambda x: jc.resize(x, new, **options))(x)
    np.testing.assert_allclose(y, meaning(x, new, options), rtol=0, atol=1e-12 * np.abs(x).max())


@sweep(20)
@given(
    axes=st.lists(st.tuples(st.integers(1, 12), st.floats(0.1, 3)), min_size=1, max_size=3),
    options=OPTIONS,
    seed=st.integers(0, 999),
)
def test_any_scale(axes: list[tuple[int, float]], options: dict[str, Any], seed: int) -> None:
    old = tuple(size for size, _ in axes)
    scale = tuple(max(factor, 1 / size) for size, factor in axes)
    if "nearest" in options["method"]:
        # Quarters: in float64, torch rounds others elsewhere.
        scale = tuple(max(round(factor * 4), 1) / 4 for factor in scale)
        old = tuple(max(size, 4) for size in old)
    x = np.random.default_rng(seed).standard_normal((1, *old, 2))
    with jax.enable_x64(True):
        y = quick(lambda x: jc.resize(x, scale=scale, **options))(x)
    want = meaning(x, None, {**options, "scale": scale})
    np.testing.assert_allclose(y, want, rtol=0, atol=1e-12 * np.abs(x).max())


# On the first two, float64 would choose otherwise.
@pytest.mark.parametrize(("old", "new"), [(2, 82), (45, 129), (41, 82), (1000, 333)])
def test_nearest_chooses_the_element_that_torch_does(old: int, new: int) -> None:
    x = np.arange(old, dtype=np.float32).reshape(1, old, 1)
    want = meaning(x, (new,), {"method": "nearest"})
    np.testing.assert_array_equal(jc.resize(x, new, method="nearest"), want)


@pytest.mark.parametrize("method", ["nearest", "nearest_exact"])
@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int32])
def test_nearest_keeps_any_dtype(dtype: Any, method: Any) -> None:
    x = np.array([1, 0, 1], dtype).reshape(1, 3, 1)
    y = jc.resize(x, 6, method=method)
    assert y.dtype == dtype
    assert y.ravel().tolist() == [1, 1, 0, 0, 1, 1]


@pytest.mark.parametrize("method", ["nearest", "area", "bilinear"])
def test_gradients_of_16_bits_add_up_in_32(method: Any) -> None:
    # In bfloat16 the sum of ones stops growing at 256.
    gradient = jax.grad(lambda x: jc.resize(x, 1024, method=method).sum(dtype=jnp.float32))
    assert gradient(jnp.ones((1, 1, 1), jnp.bfloat16)).item() == 1024


@pytest.mark.parametrize("method", ["area", "bilinear", "bicubic"])
def test_infinity_stays_where_it_is(method: Any) -> None:
    x = jnp.zeros((1, 9, 9, 1)).at[0, 4, 4, 0].set(jnp.inf)
    spoilt = ~np.isfinite(jc.resize(x, (18, 27), method=method)[0, :, :, 0])
    reach = {"area": 0, "bilinear": 1, "bicubic": 2}[method]
    rows, columns = np.nonzero(spoilt)
    assert {rows.min() // 2, rows.max() // 2} == {4 - reach, 4 + reach}
    assert {columns.min() // 3, columns.max() // 3} == {4 - reach, 4 + reach}


def test_infinity_stays_in_its_bin() -> None:
    # The bins have 2, 3 and 2 elements; what fills the short ones up must not count.
    x = jnp.zeros((1, 5, 1)).at[0, 2, 0].set(jnp.inf)
    assert jc.resize(x, 3, method="area").ravel().tolist() == [0, np.inf, 0]


@pytest.mark.slow
def test_constants_stay_constant() -> None:
    x = jnp.full((1, 10, 3, 1), 0.7)
    for method in ("bilinear", "bicubic"):
        y = jc.resize(x, (4, 8), method=method, antialias=True)
        np.testing.assert_allclose(y, 0.7, rtol=1e-6)


def test_area_is_the_mean_of_whole_blocks() -> None:
    x = np.random.default_rng(0).standard_normal((1, 6, 4, 1)).astype(np.float32)
    blocks = x.reshape(1, 3, 2, 2, 2, 1).mean((2, 4))
    np.testing.assert_allclose(jc.resize(x, (3, 2), method="area"), blocks, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("scale", [0.43, 1.37, 2.01])
def test_nearest_exact_is_that_of_jax(scale: float) -> None:
    x = np.arange(100.0, dtype=np.float32).reshape(1, 100, 1)
    new = int(100 * scale)
    want = jax.image.resize(x, (1, new, 1), "nearest")
    np.testing.assert_array_equal(jc.resize(x, new, method="nearest_exact"), want)


def test_a_scale_is_used_as_it_is_and_not_as_the_ratio_of_the_sizes() -> None:
    x = jnp.arange(4.0).reshape(1, 4, 1)
    # 4 · 1.9 is 7.6, so there are 7; they lie 1 / 1.9 apart, not 4 / 7.
    want = np.clip((np.arange(7) + 0.5) / 1.9 - 0.5, 0, 3)
    np.testing.assert_allclose(jc.resize(x, scale=1.9).ravel(), want, rtol=1e-6)
