"""Adaptive, global, fractional and inverse pooling: values and messages beyond the cases."""

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
from jaxcnn.reference.register import reference
from tests.ops.properties import strictly
from tests.sweep import sweep

TORCH = importlib.util.find_spec("torch") is not None

# Every example is a compilation, and so would be every step of making a failure smaller.
QUICKLY = sweep(12)

X = np.zeros((2, 5, 6, 3), np.float32)
AT = np.zeros((2, 5, 6, 3), np.int32)
KEY = jax.random.key(0)

Wrong = tuple[type[Exception], str, tuple[Any, ...], dict[str, Any]]

WRONG_ADAPTIVE: dict[str, Wrong] = {
    "list": (TypeError, "`x` must be an array, got list", ([1.0], 2), {}),
    "rank": (ValueError, "`x` must have 4 axes (NHWC)", (X[0], 2), {}),
    "layout": (ValueError, "`layout` must be one of", (X, 2), {"layout": "NWC"}),
    "zero": (ValueError, "`output_size` must be at least 1, got 0", (X, (2, 0)), {}),
    "float": (TypeError, "`output_size` must be an int, got 2.5", (X, 2.5), {}),
    "name": (TypeError, "`output_size` must be an int, got '2'", (X, "2"), {}),
    "axes": (ValueError, "`output_size` must be an int, None, or 2 of them", (X, (2, 2, 2)), {}),
    "no pixels": (
        ValueError,
        "`x` must have no empty spatial axis, got shape (2, 0, 6, 3)",
        (X[:, :0], 2),
        {},
    ),
}

WRONG_GLOBAL: dict[str, Wrong] = {
    "list": (TypeError, "`x` must be an array, got list", ([1.0],), {}),
    "rank": (ValueError, "`x` must have a batch axis, 1 to 3 spatial axes", (X[0, 0],), {}),
    "layout": (ValueError, "`layout` must be one of", (X,), {"layout": "NWC"}),
    "no pixels": (ValueError, "`x` must have no empty spatial axis", (X[:, :, :0],), {}),
}

WRONG_FRACTIONAL: dict[str, Wrong] = {
    "list": (TypeError, "`x` must be an array, got list", (KEY, [1.0], 2), {"output_size": 2}),
    "window": (ValueError, "`window` must be at least 1", (KEY, X, 0), {"output_size": 2}),
    "neither": (ValueError, "one of `output_size` and `output_ratio`", (KEY, X, 2), {}),
    "both": (
        ValueError,
        "one of `output_size` and `output_ratio` must be given, not both",
        (KEY, X, 2),
        {"output_size": 2, "output_ratio": 0.5},
    ),
    "size": (ValueError, "`output_size` must be at least 1", (KEY, X, 2), {"output_size": 0}),
    "room": (
        ValueError,
        "4 windows of 3 do not fit into an axis of 5; there is room for 3",
        (KEY, X, 3),
        {"output_size": 4},
    ),
    "ratio": (
        TypeError,
        "`output_ratio` must be made of numbers",
        (KEY, X, 2),
        {"output_ratio": "1"},
    ),
    "whole": (
        ValueError,
        "`output_ratio` must be one number in (0, 1)",
        (KEY, X, 2),
        {"output_ratio": 1},
    ),
    "ratios": (
        ValueError,
        "`output_ratio` must be one number in (0, 1), or 2, got (0.5, 0.5, 0.5)",
        (KEY, X, 2),
        {"output_ratio": (0.5,) * 3},
    ),
    "nothing": (
        ValueError,
        "`output_ratio` 0.1 leaves an output of (0, 0)",
        (KEY, X, 2),
        {"output_ratio": 0.1},
    ),
    "no key": (
        TypeError,
        "`key` must be one random key, got NoneType",
        (None, X, 2),
        {"output_size": 2},
    ),
    "keys": (
        TypeError,
        "`key` must be one random key",
        (jax.random.split(KEY), X, 2),
        {"output_size": 2},
    ),
    "floats for a key": (TypeError, "`key` must be one random key", (X, X, 2), {"output_size": 2}),
    "samples": (
        ValueError,
        "`samples` must have shape (2, 3, 2), got (2, 3, 1)",
        (None, X, 2),
        {"output_size": 2, "samples": np.zeros((2, 3, 1), np.float32)},
    ),
    "integer samples": (
        TypeError,
        "`samples` must be floating point, got int32",
        (None, X, 2),
        {"output_size": 2, "samples": np.zeros((2, 3, 2), np.int32)},
    ),
    "booleans": (
        TypeError,
        "`x` must be floating point or integer",
        (KEY, X > 0, 2),
        {"output_size": 2},
    ),
}

WRONG_UNPOOL: dict[str, Wrong] = {
    "list": (TypeError, "`x` must be an array, got list", ([1.0], AT, 2), {}),
    "indices": (TypeError, "`indices` must be an array, got list", (X, [0], 2), {}),
    "rank": (ValueError, "`indices` must have 4 axes (NHWC)", (X, AT[0], 2), {}),
    "floats": (TypeError, "`indices` must be integers, got float32", (X, X, 2), {}),
    "shape": (
        ValueError,
        "`indices` must have the shape of `x`, got (1, 5, 6, 3) and (2, 5, 6, 3)",
        (X, AT[:1], 2),
        {},
    ),
    "window": (ValueError, "`window` must be at least 1", (X, AT, 0), {}),
    "stride": (ValueError, "`stride` must be at least 1", (X, AT, 2), {"stride": 0}),
    "same": (
        ValueError,
        "`padding` must be ints, pairs or 'valid', got 'same'",
        (X, AT, 2),
        {"padding": "same"},
    ),
    "padding": (
        ValueError,
        "`padding` ((5, 5), (5, 5)) leaves an output of (0, 2)",
        (X, AT, 2),
        {"padding": 5},
    ),
    "far": (
        ValueError,
        "`output_size` must be less than the stride (2, 2) away from (10, 12), got (10, 14)",
        (X, AT, 2),
        {"output_size": (10, 14)},
    ),
    "negative": (
        ValueError,
        "`indices` must lie in a plane of (10, 12), from 0 to 119, got values from -1 to -1",
        (X, AT - 1, 2),
        {},
    ),
    "outside": (ValueError, "got values from 120 to 120", (X, AT + 120, 2), {}),
}


def _refused(op: str, wrong: Wrong) -> None:
    error, message, arguments, options = wrong
    with pytest.raises(error, match=re.escape(message)) as caught:
        getattr(jc, op)(*arguments, **options)
    assert str(caught.value).startswith(f"{op}: ")


@pytest.mark.parametrize("name", WRONG_ADAPTIVE)
@pytest.mark.parametrize("op", ["adaptive_avg_pool2d", "adaptive_max_pool2d"])
def test_adaptive_pools_refuse(op: str, name: str) -> None:
    _refused(op, WRONG_ADAPTIVE[name])


@pytest.mark.parametrize("name", WRONG_GLOBAL)
@pytest.mark.parametrize("op", ["global_avg_pool", "global_max_pool"])
def test_global_pools_refuse(op: str, name: str) -> None:
    _refused(op, WRONG_GLOBAL[name])


@pytest.mark.parametrize("name", WRONG_FRACTIONAL)
def test_fractional_max_pool_refuses(name: str) -> None:
    _refused("fractional_max_pool2d", WRONG_FRACTIONAL[name])


@pytest.mark.parametrize("name", WRONG_UNPOOL)
def test_max_unpool_refuses(name: str) -> None:
    _refused("max_unpool2d", WRONG_UNPOOL[name])


def test_means_refuse_integers_and_maxima_booleans() -> None:
    for op, arguments in (("adaptive_avg_pool2d", (2,)), ("global_avg_pool", ())):
        _refused(op, (TypeError, "`x` must be floating point, got int32", (AT, *arguments), {}))
    for op, arguments in (("adaptive_max_pool2d", (2,)), ("global_max_pool", ())):
        wrong = (TypeError, "`x` must be floating point or integer", (X > 0, *arguments), {})
        _refused(op, wrong)


@pytest.mark.parametrize(
    "op",
    [f"adaptive_{kind}_pool{rank}d" for kind in ("avg", "max") for rank in (1, 3)],
)
def test_other_ranks_name_themselves(op: str) -> None:
    with pytest.raises(ValueError, match=f"^{op}: `x` must have"):
        getattr(jc, op)(X, 2)


@pytest.mark.parametrize("op", ["adaptive_max_pool1d", "adaptive_avg_pool1d"])
def test_many_small_gradients_add_up_in_sixteen_bits(op: str) -> None:
    # bfloat16 itself stops counting at 256.
    x = jnp.array([1.0, 2.0, 3.0]).reshape(1, 3, 1)
    gradient = jax.jit(jax.grad(lambda x: getattr(jc, op)(x, 1001).sum()))
    short = gradient(x.astype(jnp.bfloat16))
    np.testing.assert_array_equal(short, gradient(x).astype(jnp.bfloat16))


@pytest.mark.slow
def test_a_key_means_the_same_windows_in_every_precision_and_layout() -> None:
    x = np.random.default_rng(0).standard_normal((2, 9, 8, 3)).astype(np.float16)
    options = {"output_size": (5, 3), "return_indices": True}
    wanted = jc.fractional_max_pool2d(KEY, x, 2, **options)[1]
    same_key = jax.random.wrap_key_data(jax.random.key_data(KEY))
    for dtype in (np.float32, np.float64):
        with jax.enable_x64(True):
            found = jc.fractional_max_pool2d(same_key, x.astype(dtype), 2, **options)[1]
        np.testing.assert_array_equal(found, wanted)
    first = np.moveaxis(x, -1, 1)
    found = jc.fractional_max_pool2d(KEY, first, 2, layout="NCHW", **options)[1]
    np.testing.assert_array_equal(np.moveaxis(found, 1, -1), wanted)
    other = jc.fractional_max_pool2d(jax.random.key(1), x, 2, **options)[1]
    assert (np.asarray(other) != np.asarray(wanted)).any()
    old = jc.fractional_max_pool2d(jax.random.PRNGKey(0), x, 2, **options)[1]
    assert old.shape == wanted.shape


@pytest.mark.slow
def test_fractional_windows_are_drawn_for_each_image_and_channel() -> None:
    plane = np.random.default_rng(0).standard_normal((1, 99, 99, 1))
    x = np.broadcast_to(plane, (2, 99, 99, 2)).astype(np.float32)
    y = jc.fractional_max_pool2d(KEY, x, 2, output_ratio=0.6)
    planes = {np.asarray(y[n, :, :, c]).tobytes() for n in range(2) for c in range(2)}
    assert len(planes) == 4


def test_unpool_gives_a_duplicate_to_the_last_and_its_gradient_too() -> None:
    x = jnp.array([1.0, 2.0, 3.0]).reshape(1, 3, 1)
    at = np.array([1, 1, 4]).reshape(1, 3, 1)
    y, vjp = jax.vjp(lambda x: jc.max_unpool1d(x, at, 2), x)
    np.testing.assert_array_equal(y.ravel(), [0, 2, 0, 0, 3, 0])
    np.testing.assert_array_equal(vjp(jnp.ones_like(y))[0].ravel(), [0, 1, 1])


def test_unpool_drops_what_lies_outside_under_jit() -> None:
    x = jnp.array([1.0, 2.0, 3.0]).reshape(1, 3, 1)
    at = jnp.array([-1, 6, 4]).reshape(1, 3, 1)
    y = jax.jit(lambda x, at: jc.max_unpool1d(x, at, 2))(x, at)
    np.testing.assert_array_equal(y.ravel(), [0, 0, 0, 0, 3, 0])


@pytest.mark.slow
def test_unpool_undoes_max_pool() -> None:
    x = jax.random.normal(KEY, (2, 7, 9, 3))
    y, indices = jc.max_pool2d(x, 3, stride=2, padding=1, ceil_mode=True, return_indices=True)
    back = jc.max_unpool2d(y, indices, 3, stride=2, padding=1, output_size=(7, 9))
    kept = back != 0
    np.testing.assert_array_equal(back[kept], x[kept])
    np.testing.assert_array_equal(jc.max_pool2d(x, 3, stride=2, padding=1, ceil_mode=True), y)


@st.composite
def _adaptive_calls(draw: Any) -> tuple[str, np.ndarray, dict[str, Any]]:
    rank = draw(st.integers(1, 3))
    kind = draw(st.sampled_from(["avg", "max"]))
    sizes = [draw(st.integers(1, 9)) for _ in range(rank)]
    options: dict[str, Any] = {
        "output_size": tuple(draw(st.none() | st.integers(1, 10)) for _ in range(rank)),
        "layout": draw(
            st.sampled_from((("NWC", "NCW"), ("NHWC", "NCHW"), ("NDHWC", "NCDHW"))[rank - 1])
        ),
    }
    if rank == 1:
        options["output_size"] = (options["output_size"][0] or sizes[0],)
    shape = (2, *sizes, 2) if options["layout"].endswith("C") else (2, 2, *sizes)
    x = np.random.default_rng(draw(st.integers(0, 99))).integers(-3, 4, shape).astype(np.float64)
    if kind == "max":
        options["return_indices"] = True
        x[x == 3] = draw(st.sampled_from([3, np.nan, np.inf]))
        x[x < -1] = draw(st.sampled_from([-2, -np.inf]))
    return f"adaptive_{kind}_pool{rank}d", x, options


@pytest.mark.slow
@QUICKLY
@given(_adaptive_calls())
def test_any_adaptive_options(call: tuple[str, np.ndarray, dict[str, Any]]) -> None:
    op, x, options = call
    with strictly(x64=True):
        got = getattr(jc, op)(x, **options)
    want = _answer(op, [x], options)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@QUICKLY
@given(
    sizes=st.tuples(st.integers(4, 12), st.integers(4, 12)),
    window=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    share=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    seed=st.integers(0, 99),
)
def test_any_fractional_options(
    sizes: tuple[int, int], window: tuple[int, int], share: tuple[float, float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, samples = rng.standard_normal((2, *sizes, 2)), rng.random((2, 2, 2))
    counts = tuple(
        1 + int(part * (size - k)) for part, size, k in zip(share, sizes, window, strict=True)
    )
    options = {"window": window, "output_size": counts, "return_indices": True}
    with strictly(x64=True):
        got = jc.fractional_max_pool2d(None, x, samples=samples, **options)
    want = _answer("fractional_max_pool2d", [None, x], {**options, "samples": samples})
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_array_equal(a, b)


def _answer(op: str, arrays: list[Any], options: dict[str, Any]) -> Any:
    if not TORCH:
        twin = reference(op)
        assert twin is not None
        return twin(*arrays, **options)
    import torch

    from tests.ops.twins import adaptive_pooling

    tensors = [None if a is None else torch.from_numpy(a) for a in arrays]
    named = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    return getattr(adaptive_pooling, op)(*tensors, **named)
