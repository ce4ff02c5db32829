"""Pools over windows: values, messages and random shapes beyond the cases."""

import importlib.util
import math
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxcnn as jc
from jaxcnn.reference.register import reference
from tests.ops.properties import strictly
from tests.sweep import sweep

TORCH = importlib.util.find_spec("torch") is not None

# Every example is a compilation, and so would be every step of making a failure smaller.
QUICKLY = sweep(12)

X = np.zeros((2, 5, 6, 3), np.float32)
MAXIMA = ("max_pool1d", "max_pool2d", "max_pool3d", "min_pool1d", "min_pool2d", "min_pool3d")
MEANS = ("avg_pool1d", "avg_pool2d", "avg_pool3d")
POWERS = ("lp_pool1d", "lp_pool2d", "lp_pool3d")

WRONG: dict[str, tuple[type[Exception], str, Any, dict[str, Any]]] = {
    "list": (TypeError, "`x` must be an array, got list", [[1.0]], {}),
    "rank": (ValueError, "`x` must have 4 axes (NHWC), got 3 in shape (5, 6, 3)", X[0], {}),
    "layout": (ValueError, "`layout` must be one of ('NHWC', 'NCHW')", X, {"layout": "HWC"}),
    "window": (TypeError, "`window` must be an int, got 2.0", X, {"window": 2.0}),
    "empty window": (ValueError, "`window` must be at least 1, got 0", X, {"window": (2, 0)}),
    "axes": (ValueError, "`window` must be an int or 2 ints", X, {"window": (2, 2, 2)}),
    "stride": (ValueError, "`stride` must be at least 1, got 0", X, {"stride": 0}),
    "large": (
        ValueError,
        "the window spans (6, 2), but the padded input is only (5, 6)",
        X,
        {"window": (6, 2)},
    ),
    "large ceil": (
        ValueError,
        "the window spans 7, but the padded input is only 5, which leaves no room for one window",
        X,
        {"window": (7, 2), "stride": 2, "ceil_mode": True},
    ),
    "no pixels": (
        ValueError,
        "`x` has no elements on a spatial axis: (0, 6)",
        X[:, :0],
        {"window": 1, "ceil_mode": True, "stride": 2},
    ),
    "no room": (
        ValueError,
        "the window spans 4, but the padded input is only 1, which leaves no room",
        X[:, :1],
        {"window": (4, 1), "ceil_mode": True, "stride": 2},
    ),
}

WRONG_PADDING: dict[str, tuple[type[Exception], str, Any, dict[str, Any]]] = {
    "negative": (ValueError, "`padding` must be at least 0, got -1", X, {"padding": -1}),
    "name": (ValueError, "`padding` must be ints, pairs or one of", X, {"padding": "SAME"}),
    "pairs": (ValueError, "`padding` must be one (low, high) pair", X, {"padding": ((1, 1),)}),
    "half": (
        ValueError,
        "`padding` must be at most half of the window, 1 for a window of 3, got (2, 2)",
        X,
        {"window": (4, 3), "padding": 2},
    ),
    "half high": (
        ValueError,
        "`padding` must be at most half of the window, 1 for a window of 2, got (0, 2)",
        X,
        {"padding": ((0, 2), (0, 0))},
    ),
    "full": (ValueError, "must be at most half of the window", X, {"padding": "full", "window": 3}),
    "mode": (ValueError, "`padding_mode` must be one of", X, {"padding_mode": "edge"}),
    "reflect": (
        ValueError,
        "reflect padding can be at most 0 for an axis of 1",
        X[:, :1],
        {"padding": 1, "padding_mode": "reflect"},
    ),
}

WRONG_MAXIMUM = {
    "dilation": (ValueError, "`dilation` must be at least 1, got 0", X, {"dilation": 0}),
    "dilated": (
        ValueError,
        "the window spans (6, 6), but the padded input is only (5, 6)",
        X,
        {"dilation": 5},
    ),
    "half dilated": (
        ValueError,
        "`padding` must be at most half of the window, 1 for a window of 3, got (2, 2)",
        X,
        {"window": 3, "padding": 2, "dilation": 2},
    ),
    "booleans": (TypeError, "`x` must be floating point or integer, got bool", X > 0, {}),
    "complex": (TypeError, "integer, got complex64", X.astype(np.complex64), {}),
}

WRONG_MEAN = {
    "integers": (TypeError, "`x` must be floating point, got int32", X.astype(np.int32), {}),
    "divisor 0": (ValueError, "`divisor_override` must not be 0", X, {"divisor_override": 0}),
    "divisor": (TypeError, "`divisor_override` must be an int", X, {"divisor_override": 1.5}),
}

WRONG_POWER = {
    "integers": (TypeError, "`x` must be floating point, got int32", X.astype(np.int32), {}),
    "name": (TypeError, "`p` must be a number, got 'inf'", X, {"p": "inf"}),
    "bool": (TypeError, "`p` must be a number, got True", X, {"p": True}),
    "zero": (ValueError, "`p` must be positive, got 0", X, {"p": 0}),
    "nan": (ValueError, "`p` must be positive, got nan", X, {"p": math.nan}),
}


def _refused(op: str, wrong: tuple[type[Exception], str, Any, dict[str, Any]]) -> None:
    error, message, x, options = wrong
    with pytest.raises(error, match=re.escape(message)) as caught:
        getattr(jc, op)(x, options.get("window", 2), **_without(options, "window"))
    assert str(caught.value).startswith(f"{op}: ")


def _without(options: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != name}


@pytest.mark.parametrize("name", {**WRONG, **WRONG_PADDING, **WRONG_MAXIMUM})
@pytest.mark.parametrize("op", ["max_pool2d", "min_pool2d"])
def test_max_pools_refuse(op: str, name: str) -> None:
    _refused(op, {**WRONG, **WRONG_PADDING, **WRONG_MAXIMUM}[name])


@pytest.mark.parametrize("name", {**WRONG, **WRONG_PADDING, **WRONG_MEAN})
def test_avg_pool_refuses(name: str) -> None:
    _refused("avg_pool2d", {**WRONG, **WRONG_PADDING, **WRONG_MEAN}[name])


@pytest.mark.parametrize("name", {**WRONG, **WRONG_POWER})
def test_lp_pool_refuses(name: str) -> None:
    error, message, x, options = {**WRONG, **WRONG_POWER}[name]
    _refused("lp_pool2d", (error, message, x, {"p": 2, **options}))


@pytest.mark.parametrize("op", [op for op in (*MAXIMA, *MEANS, *POWERS) if "2d" not in op])
def test_other_ranks_name_themselves(op: str) -> None:
    options = {"p": 2} if op in POWERS else {}
    with pytest.raises(ValueError, match=f"^{op}: `x` must have"):
        getattr(jc, op)(X, 2, **options)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32])
def test_integers_keep_their_dtype_at_both_ends(dtype: Any) -> None:
    ends = np.array([np.iinfo(dtype).min, np.iinfo(dtype).max, 5], dtype).reshape(1, 3, 1)
    largest = jc.max_pool1d(ends, 2, stride=1, padding=1)
    smallest = jc.min_pool1d(ends, 2, stride=1, padding=1)
    assert largest.dtype == smallest.dtype == dtype
    np.testing.assert_array_equal(largest.ravel(), ends.ravel()[[0, 1, 1, 2]])
    np.testing.assert_array_equal(smallest.ravel(), ends.ravel()[[0, 0, 2, 2]])


@pytest.mark.slow
def test_a_window_of_nothing_but_border() -> None:
    x = jnp.ones((1, 2, 1))
    (y, indices), vjp = jax.vjp(
        lambda x: jc.max_pool1d(x, 2, padding=1, dilation=3, return_indices=True), x
    )
    assert y.ravel() == -jnp.inf
    assert indices.ravel() == -1
    no_tangent = np.zeros(indices.shape, jax.dtypes.float0)
    np.testing.assert_array_equal(vjp((jnp.ones_like(y), no_tangent))[0], jnp.zeros_like(x))


def test_dilated_same_padding_is_allowed() -> None:
    x = jnp.arange(7.0).reshape(1, 7, 1)
    y = jc.max_pool1d(x, 3, stride=1, dilation=2, padding="same")
    np.testing.assert_array_equal(y.ravel(), [2, 3, 4, 5, 6, 5, 6])


def test_a_value_with_indices_has_the_gradient_of_one_without() -> None:
    x = jax.random.normal(jax.random.key(0), (1, 6, 6, 2))
    plain = jax.grad(lambda x: (jc.max_pool2d(x, 3, stride=2) ** 2).sum())
    both = jax.grad(lambda x: (jc.max_pool2d(x, 3, stride=2, return_indices=True)[0] ** 2).sum())
    np.testing.assert_array_equal(jax.jit(plain)(x), jax.jit(both)(x))


def test_many_small_gradients_add_up_in_sixteen_bits() -> None:
    # bfloat16 itself stops counting at 256.
    x = jnp.zeros((1, 900, 1), jnp.bfloat16).at[0, 450, 0].set(1)
    for pool in (jc.max_pool1d, lambda x, k, stride: -jc.min_pool1d(-x, k, stride=stride)):
        gradient = jax.jit(jax.grad(lambda x, pool=pool: pool(x, 400, stride=1).sum()))(x)
        assert float(gradient[0, 450, 0]) == 400


def test_integers_on_the_way_of_a_gradient() -> None:
    def rounded(x: Any) -> Any:
        return x * jc.max_pool1d(x.astype(jnp.int32), 3, stride=1, padding=1).astype(x.dtype)

    x = jnp.array([1.5, 3.5, 2.5]).reshape(1, 3, 1)
    np.testing.assert_array_equal(jax.grad(lambda x: rounded(x).sum())(x), jnp.full_like(x, 3))
    _, tangent = jax.jvp(rounded, (x,), (jnp.ones_like(x),))
    np.testing.assert_array_equal(tangent, jnp.full_like(x, 3))
    none = np.zeros((1, 3, 1), jax.dtypes.float0)
    y, tangent = jax.jvp(lambda x: jc.max_pool1d(x, 3), (x.astype(jnp.int32),), (none,))
    assert y.ravel() == 3
    assert tangent.dtype == jax.dtypes.float0


@pytest.mark.slow
def test_nested_transformations() -> None:
    x = jax.random.normal(jax.random.key(0), (2, 3, 6, 6, 2))

    def energy(x: Any) -> Any:
        return (jc.max_pool2d(x, 3, stride=2, padding=1, dilation=1) ** 3).sum()

    each = jax.jit(jax.vmap(jax.vmap(jax.grad(lambda x: energy(x[None])))))(x)
    whole = jax.jit(jax.grad(lambda x: energy(x.reshape(-1, *x.shape[2:]))))(x)
    np.testing.assert_allclose(each, whole, rtol=1e-5)
    slope = jax.jit(jax.grad(energy))
    _, second = jax.jvp(slope, (x[0],), (jnp.ones_like(x[0]),))
    step = slope(x[0] + 1e-3) - slope(x[0] - 1e-3)
    np.testing.assert_allclose(second, step / 2e-3, rtol=1e-2, atol=1e-2)


@st.composite
def _calls(draw: Any, ops: tuple[str, ...]) -> tuple[str, np.ndarray, dict[str, Any]]:
    """An op, an input with ties and oddities, and options that torch also takes."""
    op = draw(st.sampled_from(ops))
    rank = int(op[-2])
    window = [draw(st.integers(1, 4)) for _ in range(rank)]
    options: dict[str, Any] = {
        "window": tuple(window),
        "stride": tuple(draw(st.integers(1, 3)) for _ in range(rank)),
        "padding": tuple(draw(st.integers(0, k // 2)) for k in window),
        "ceil_mode": draw(st.booleans()),
        "layout": draw(
            st.sampled_from([("NWC", "NCW"), ("NHWC", "NCHW"), ("NDHWC", "NCDHW")][rank - 1 :][0])
        ),
    }
    dilation = [1] * rank
    if op in MAXIMA:
        dilation = [draw(st.integers(1, 3)) for _ in range(rank)]
        options |= {"dilation": tuple(dilation)}
        if op.startswith("max"):
            options |= {"return_indices": True}
    else:
        options |= {
            "count_include_pad": draw(st.booleans()),
            "divisor_override": draw(st.sampled_from([None, None, 3])),
        }
    span = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    sizes = [
        draw(st.integers(max(d, s - 2 * p, k), s + 4))
        for d, s, p, k in zip(dilation, span, options["padding"], window, strict=True)
    ]
    shape = (2, *sizes, 2) if options["layout"].endswith("C") else (2, 2, *sizes)
    x = np.random.default_rng(draw(st.integers(0, 99))).integers(-3, 4, shape).astype(np.float64)
    if op in MAXIMA:
        x[x == 3] = draw(st.sampled_from([3, np.nan, np.inf]))
        x[x < -1] = draw(st.sampled_from([-2, -np.inf]))
    return op, x, options


@pytest.mark.slow
@QUICKLY
@given(_calls((*MAXIMA, *MEANS)))
def test_any_options(call: tuple[str, np.ndarray, dict[str, Any]]) -> None:
    op, x, options = call
    with strictly(x64=True):
        got = getattr(jc, op)(x, **options)
    want = _answer(op, x, options)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def _answer(op: str, x: np.ndarray, options: dict[str, Any]) -> Any:
    if not TORCH:
        twin = reference(op)
        assert twin is not None
        return twin(x, **options)
    import torch

    from tests.ops.twins import pooling

    return getattr(pooling, op)(torch.from_numpy(x), **options)
