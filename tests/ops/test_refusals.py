"""Misuse that every op of a kind refuses alike, in one sentence, before any array work."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc

X, KERNEL = np.zeros((1, 4, 4, 1), np.float32), np.zeros((2, 2, 1, 1), np.float32)
EMPTY, BOOL = np.zeros((1, 0, 4, 1), np.float32), np.zeros((1, 4, 4, 1), bool)
INTEGERS = np.zeros((1, 4, 4, 1), np.int32)

CASES = {
    "conv without pixels": (ValueError, r"conv2d: `x` has no elements on a spatial axis: \(0, 4\)", lambda: jc.conv2d(EMPTY, KERNEL, padding=1)),
    "pool without pixels": (ValueError, "max_pool2d: `x` has no elements on a spatial axis", lambda: jc.max_pool2d(EMPTY, 2, padding=1)),
    "ceil pool without pixels": (ValueError, "avg_pool2d: `x` has no elements on a spatial axis", lambda: jc.avg_pool2d(EMPTY, 2, padding=1, ceil_mode=True)),
    "bool conv": (TypeError, "conv2d: `x` must hold numbers, got bool", lambda: jc.conv2d(BOOL, KERNEL.astype(bool))),
    "bool transposed": (TypeError, "conv_transpose2d: `x` must hold numbers, got bool", lambda: jc.conv_transpose2d(BOOL, KERNEL.astype(bool))),
    "bool corr": (TypeError, "corr2d: `x` must hold numbers, got bool", lambda: jc.corr2d(BOOL[0, :, :, 0], KERNEL[:, :, 0, 0].astype(bool))),
    "bool fold": (TypeError, "fold: `patches` must hold numbers, got bool", lambda: jc.fold(np.zeros((1, 3, 3, 2, 2, 1), bool), 4, 2)),
    "strings": (TypeError, "max_pool2d: `x` must hold numbers, got <U1", lambda: jc.max_pool2d(np.full((1, 4, 4, 1), "a"), 2)),
    "bool for an int": (TypeError, "conv2d: `stride` must be an int, got True", lambda: jc.conv2d(X, KERNEL, stride=True)),
    "narrow result": (TypeError, "conv2d: `preferred_element_type` must be as wide as float32 and of its kind, got float16", lambda: jc.conv2d(X, KERNEL, preferred_element_type=jnp.float16)),
    "result of another kind": (TypeError, "`preferred_element_type` must be as wide .* got int32", lambda: jc.conv_transpose2d(X, KERNEL, preferred_element_type=jnp.int32)),
    "no dtype": (TypeError, "`preferred_element_type` must be a dtype, got 'nope'", lambda: jc.conv2d(X, KERNEL, preferred_element_type="nope")),
    "unknown precision": (ValueError, "conv2d: `precision` must be one of .* got 'foo'", lambda: jc.conv2d(X, KERNEL, precision="foo")),
    "precision of another kind": (TypeError, "conv2d: `precision` must be a jax.lax.Precision or its name, got 3", lambda: jc.conv2d(X, KERNEL, precision=3)),
    "generator of layers": (TypeError, "receptive_field: `layers` must be a sequence", lambda: jc.receptive_field(d for d in [{"window": 3}])),
    "wrapped indices": (ValueError, "max_unpool1d: `indices` must lie in a plane", lambda: jc.max_unpool1d(jnp.ones((1, 1, 1)), np.array([[[2**32 + 1]]]), 2)),
    "unpool padding by name": (ValueError, "max_unpool2d: `padding` must be ints, pairs or 'valid', got 'same'", lambda: jc.max_unpool2d(X, INTEGERS, 2, padding="same")),
    "half a key": (TypeError, r"dropout: `key` must be one random key, got an array of uint32 and shape \(3,\)", lambda: jc.dropout(jnp.zeros(3, jnp.uint32), X, rate=0.5)),
    "no array to pad": (TypeError, "pad: `x` must be an array, got list", lambda: jc.pad([1.0], 1)),
    "no array to unfold": (TypeError, "unfold: `x` must be an array, got list", lambda: jc.unfold([1.0], 1)),
    "value beside a mode": (ValueError, "pad: `value` goes with mode 'zeros' only, got 3.0 and 'reflect'", lambda: jc.pad(X, 1, mode="reflect", value=3.0)),
    "two values": (TypeError, r"pad: `value` must be a real number, got \(5, 6\)", lambda: jc.pad(X, 1, value=(5, 6))),
    "array of values": (TypeError, "pad: `value` must be a real number", lambda: jc.pad(X, 1, value=np.array([5.0, 6.0]))),
    "complex value": (TypeError, "pad: `value` must be a real number, got 1j", lambda: jc.pad(X, 1, value=1j)),
    "half of an integer": (ValueError, "pad: `value` must be a number that int32 holds, got 0.5", lambda: jc.pad(INTEGERS, 1, value=0.5)),
    "too much for a byte": (ValueError, "pad: `value` must be a number that uint8 holds, got 300", lambda: jc.pad(INTEGERS.astype(np.uint8), 1, value=300)),
    "no number for an integer": (ValueError, "pad: `value` must be a number that int32 holds, got nan", lambda: jc.pad(INTEGERS, 1, value=float("nan"))),
    "ceil_mode of a max-pool": (TypeError, "max_pool2d: `ceil_mode` must be a bool, got 'no'", lambda: jc.max_pool2d(X, 2, ceil_mode="no")),
    "ceil_mode of a mean": (TypeError, "avg_pool2d: `ceil_mode` must be a bool, got 1", lambda: jc.avg_pool2d(X, 2, ceil_mode=1)),
    "ceil_mode of a norm": (TypeError, "lp_pool2d: `ceil_mode` must be a bool, got 0", lambda: jc.lp_pool2d(X, 2, p=2, ceil_mode=0)),
    "ceil_mode of a shape": (TypeError, "conv_output_shape: `ceil_mode` must be a bool, got None", lambda: jc.conv_output_shape((4, 4), 2, ceil_mode=None)),
    "return_indices": (TypeError, "max_pool2d: `return_indices` must be a bool, got 'yes'", lambda: jc.max_pool2d(X, 2, return_indices="yes")),
    "return_indices of bins": (TypeError, "adaptive_max_pool2d: `return_indices` must be a bool, got 1", lambda: jc.adaptive_max_pool2d(X, 3, return_indices=1)),
    "return_indices of fractions": (TypeError, "fractional_max_pool2d: `return_indices` must be a bool, got 1", lambda: jc.fractional_max_pool2d(jax.random.key(0), X, 2, output_size=2, return_indices=1)),
    "count_include_pad": (TypeError, "avg_pool2d: `count_include_pad` must be a bool, got 'no'", lambda: jc.avg_pool2d(X, 2, count_include_pad="no")),
    "align_corners of an image": (TypeError, "resize: `align_corners` must be a bool, got 'no'", lambda: jc.resize(X, 2, align_corners="no")),
    "antialias": (TypeError, "resize: `antialias` must be a bool, got 2", lambda: jc.resize(X, 2, antialias=2)),
    "align_corners of points": (TypeError, "grid_sample: `align_corners` must be a bool, got 'no'", lambda: jc.grid_sample(X, np.zeros((1, 2, 2, 2), np.float32), align_corners="no")),
    "align_corners of a grid": (TypeError, "affine_grid: `align_corners` must be a bool, got 'no'", lambda: jc.affine_grid(jnp.eye(2, 3)[None], 2, align_corners="no")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_refused_in_one_sentence(name):
    kind, message, call = CASES[name]
    with pytest.raises(kind, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_values_that_fit():
    assert jc.pad(INTEGERS, 1, value=7)[0, 0, 0, 0] == 7
    assert jc.pad(jnp.ones((1, 2, 1), bool), 1, value=True).all()
    assert jnp.isnan(jc.pad(X, 1, value=float("nan"))[0, 0, 0, 0])
    padded = jax.jit(lambda value: jc.pad(jnp.ones((1, 1, 1)), 1, value=value))(2.5)
    np.testing.assert_array_equal(padded.ravel(), [2.5, 1, 2.5])


def test_results_wider_than_the_input():
    y = jc.conv2d(
        X.astype(jnp.bfloat16), KERNEL.astype(jnp.bfloat16), preferred_element_type=jnp.float32
    )
    assert y.dtype == jnp.float32
    assert jc.conv2d(X, KERNEL, precision="highest").shape == (1, 3, 3, 1)


@pytest.mark.slow
def test_deviations_whose_squares_overflow():
    """torch gives zeros too: the variance is infinite, not a NaN."""
    x = jnp.array([2e19, -2e19, 1e19])
    np.testing.assert_array_equal(jc.layer_norm(x, axes=0), 0)
    y, (_, variance) = jc.batch_norm(x[:2, None], jnp.zeros(1), jnp.ones(1), train=True)
    np.testing.assert_array_equal(y, 0)
    assert jnp.isinf(variance).all()
