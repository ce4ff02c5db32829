"""`grid_sample` and `affine_grid`: values and messages beyond the cases."""

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
from jaxcnn.reference.sampling_grid import grid_sample as reference_grid_sample
from tests.ops.properties import quick
from tests.sweep import sweep

X, GRID = np.zeros((2, 3, 4, 1), np.float32), np.zeros((2, 5, 6, 2), np.float32)
VOLUME, POINTS = np.zeros((2, 3, 4, 5, 1), np.float32), np.zeros((2, 1, 5, 6, 3), np.float32)

WRONG_SAMPLES: dict[str, tuple[type[Exception], str, Any, Any, dict[str, Any]]] = {
    "list": (TypeError, "`x` must be an array, got list", [1.0], GRID, {}),
    "signals": (ValueError, "`x` must have a batch axis, 2 or 3 spatial axes", X[0], GRID, {}),
    "layout": (ValueError, "`layout` must be one of", X, GRID, {"layout": "NDHWC"}),
    "integers": (TypeError, "`x` must be floating point, got int8", X.astype(np.int8), GRID, {}),
    "grid list": (TypeError, "`grid` must be an array, got list", X, [0.0], {}),
    "grid rank": (ValueError, "`grid` must have 4 axes (n, *positions, 2)", X, POINTS, {}),
    "dtypes": (
        TypeError,
        "`grid` must have the dtype of `x`, got float16 and float32",
        X,
        GRID.astype(np.float16),
        {},
    ),
    "empty": (
        ValueError,
        "`x` has an empty spatial axis in shape (2, 3, 0, 1)",
        X[:, :, :0],
        GRID,
        {},
    ),
    "batch": (ValueError, "`grid` must have the batch of `x`, got 1 and 2", X, GRID[:1], {}),
    "coordinates": (
        ValueError,
        "`grid` must have 3 coordinates on its last axis, got 2",
        VOLUME,
        POINTS[..., :2],
        {},
    ),
    "method": (ValueError, "`method` must be one of", X, GRID, {"method": "area"}),
    "outside": (ValueError, "`padding_mode` must be one of", X, GRID, {"padding_mode": "reflect"}),
    "bicubic volumes": (
        ValueError,
        "`method` 'bicubic' is for images, got volumes",
        VOLUME,
        POINTS,
        {"method": "bicubic"},
    ),
}

THETA = np.zeros((2, 2, 3), np.float32)

WRONG_MAPS: dict[str, tuple[type[Exception], str, Any, Any]] = {
    "list": (TypeError, "`theta` must be an array, got list", [1.0], 2),
    "rank": (ValueError, "`theta` must have 3 axes (n, rank, rank + 1)", THETA[0], 2),
    "shape": (
        ValueError,
        "`theta` must have shape (n, 2, 3) or (n, 3, 4), got (2, 2, 2)",
        THETA[..., :2],
        2,
    ),
    "integers": (TypeError, "`theta` must be floating point, got int32", THETA.astype(np.int32), 2),
    "float size": (TypeError, "`size` must be an int, got 2.5", THETA, 2.5),
    "no size": (ValueError, "`size` must be at least 1, got 0", THETA, (3, 0)),
    "sizes": (ValueError, "`size` must be an int or 2 ints, got 4 values", THETA, (2, 1, 3, 3)),
}


@pytest.mark.parametrize("name", WRONG_SAMPLES)
def test_messages(name: str) -> None:
    error, message, x, grid, options = WRONG_SAMPLES[name]
    with pytest.raises(error, match="^grid_sample: " + re.escape(message)):
        jc.grid_sample(x, grid, **options)


@pytest.mark.parametrize("name", WRONG_MAPS)
def test_messages_of_maps(name: str) -> None:
    error, message, theta, size = WRONG_MAPS[name]
    with pytest.raises(error, match="^affine_grid: " + re.escape(message)):
        jc.affine_grid(theta, size)


OUTSIDE = ["zeros", "border", "reflection"]
OPTIONS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["bilinear", "nearest", "bicubic"]),
        "padding_mode": st.sampled_from(OUTSIDE),
        "align_corners": st.booleans(),
    }
)


def sampled(x: Any, grid: Any, cotangent: Any, **options: Any) -> tuple[Any, tuple[Any, Any]]:
    """The result, and the gradients in ``x`` and ``grid``."""

    @quick
    def both(x: Any, grid: Any) -> tuple[Any, tuple[Any, Any]]:
        y, pullback = jax.vjp(lambda x, grid: jc.grid_sample(x, grid, **options), x, grid)
        return y, pullback(cotangent)

    return both(x, grid)


@pytest.mark.slow
@sweep(20)
@given(
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=3),
    points=st.integers(1, 4),
    options=OPTIONS,
    seed=st.integers(0, 999),
)
def test_any_grid(sizes: list[int], points: int, options: dict[str, Any], seed: int) -> None:
    rank = len(sizes)
    if rank == 3 and options["method"] == "bicubic":
        options = {**options, "method": "bilinear"}
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((1, *sizes, 2))
    grid = rng.uniform(-4, 4, (1, *(1,) * (rank - 1), points, rank))
    ones = np.ones((*grid.shape[:-1], 2))
    with jax.enable_x64(True):
        y, gradients = sampled(x, grid, ones, **options)
    if importlib.util.find_spec("torch") is None:
        np.testing.assert_allclose(y, reference_grid_sample(x, grid, **options), rtol=0, atol=1e-11)
        return
    import torch

    from tests.ops.twins.sampling_grid import grid_sample

    variables = [torch.from_numpy(a).requires_grad_() for a in (x, grid)]
    want = grid_sample(*variables, **options)
    np.testing.assert_allclose(y, want.detach(), rtol=0, atol=1e-11)
    for got, known in zip(
        gradients, torch.autograd.grad(want, variables, torch.from_numpy(ones)), strict=True
    ):
        np.testing.assert_allclose(got, known, rtol=0, atol=1e-11)


@pytest.mark.parametrize("padding_mode", OUTSIDE)
@pytest.mark.parametrize("method", ["bilinear", "nearest", "bicubic"])
def test_places_that_are_none(method: Any, padding_mode: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 3, 4, 2)).astype(np.float32)
    bad = [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e10, 0.1]
    grid = np.array([(a, b) for a in bad for b in bad], np.float32)[None, None]
    options = {"method": method, "padding_mode": padding_mode}
    y, gradients = sampled(x, grid, np.ones((1, 1, len(bad) ** 2, 2), np.float32), **options)
    for gradient in gradients:
        assert np.isfinite(gradient).all()
    # Where 3e38 is reflected to is only a matter of rounding.
    known = [i for i, p in enumerate(grid[0, 0]) if not ((abs(p) > 1e9) & np.isfinite(p)).any()]
    want = reference_grid_sample(x, grid[:, :, known], **options)
    np.testing.assert_allclose(y[:, :, np.array(known)], want, atol=1e-6)
    assert (abs(y) <= 2 * abs(x).max()).all()


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_the_identity_changes_nothing(layout: str, align_corners: bool) -> None:
    x = np.random.default_rng(1).standard_normal((2, 3, 4, 5)).astype(np.float32)
    size = (3, 4) if layout == "NHWC" else (4, 5)
    theta = np.tile(np.eye(2, 3, dtype=np.float32), (2, 1, 1))

    @quick
    def move(x: Any, theta: Any) -> Any:
        grid = jc.affine_grid(theta, size, align_corners=align_corners)
        return jc.grid_sample(x, grid, align_corners=align_corners, layout=layout)

    np.testing.assert_allclose(move(x, theta), x, atol=2e-6)


def test_a_quarter_turn() -> None:
    x = np.arange(12, dtype=np.float32).reshape(1, 3, 4, 1)
    turn = np.array([[[0, -1, 0], [1, 0, 0]]], np.float32)
    y = quick(lambda x, t: jc.grid_sample(x, jc.affine_grid(t, (4, 3)), method="nearest"))(x, turn)
    np.testing.assert_array_equal(y, np.rot90(x, 1, (1, 2)))


def test_sixteen_bits_are_placed_in_thirty_two() -> None:
    # bfloat16 has 1 - 2**-8, but not the pixel 1021.5 that it means on an axis of 1024.
    x = (jnp.arange(1024.0).reshape(1, 1, 1024, 1) / 1024).astype(jnp.bfloat16)
    grid = jnp.array([1 - 2**-8, 0.0], jnp.bfloat16).reshape(1, 1, 1, 2)
    sample = quick(jc.grid_sample)
    wide, short = sample(x.astype(jnp.float32), grid.astype(jnp.float32)), sample(x, grid)
    assert short.dtype == jnp.bfloat16
    assert short.item() == wide.astype(jnp.bfloat16).item()
