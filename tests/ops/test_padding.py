"""`pad`: values and messages that the cases do not reach."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc

X = jnp.arange(24.0).reshape(1, 3, 4, 2)


@pytest.mark.parametrize(
    ("padding", "options", "message"),
    [
        (-2, {}, r"pad: `padding` \(-2, -2\) crops more than there is of an axis of 3"),
        (((-4, 4), (0, 0)), {}, r"`padding` \(-4, 4\) crops more than there is of an axis of 3"),
        (((-3, -1), (0, 0)), {"mode": "reflect"}, r"`padding` \(-3, -1\) crops more than there is"),
        (
            ((-2, 2), (0, 0)),
            {"mode": "circular"},
            r"circular padding can be at most 1 for an axis of 1, got \(-2, 2\)",
        ),
        ("same", {}, "pad: `padding` must be ints or pairs, got 'same'"),
        ((1, 2, 3), {}, "`padding` must be an int or 2 ints, got 3 values"),
        (((1, 2), (3,)), {}, r"`padding` must be one \(low, high\) pair for each of 2 axes"),
        (1, {"mode": "wrap"}, r"pad: `mode` must be one of \('zeros', .* got 'wrap'"),
        (1, {"layout": "NWC"}, "`layout` must be one of"),
        (
            3,
            {"mode": "reflect"},
            r"reflect padding can be at most 2 for an axis of 3, got \(3, 3\)",
        ),
        ((4, 0), {"mode": "circular"}, "circular padding can be at most 3 for an axis of 3"),
    ],
)
def test_refuses_values(padding: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jc.pad(X, padding, **options)


def test_refuses_other_things() -> None:
    with pytest.raises(TypeError, match="pad: `x` must be an array, got list"):
        jc.pad([1.0], 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"`padding` must be an int, got 0\.5"):
        jc.pad(X, 0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="pad: `x` must have a batch axis, 1 to 3 spatial axes"):
        jc.pad(X[0, 0], 1)
    with pytest.raises(ValueError, match="replicate padding needs an axis that is not empty"):
        jc.pad(X[:, :0], 1, mode="replicate")


def test_keeps_the_dtype_of_integers() -> None:
    y = jc.pad(X.astype(jnp.int8), 1, value=7)
    assert y.dtype == jnp.int8
    np.testing.assert_array_equal(y[0, 0, :, 0], 7)
