"""The check of annotations that every other test runs under."""

import doctest
import inspect

import jax.numpy as jnp
import numpy as np
import pytest
import typeguard
from jaxtyping import Array, Float, Num

import jaxcnn as jc
from jaxcnn.ops import convolution
from tests.annotations import checked


@checked
def halved(
    x: Float[Array, "n c"], *more: Float[Array, " c"], layout: str = "NC", **options: int
) -> Num[Array, "n c"]:
    """Half of it, or what a test wants instead."""
    if x.ndim == 1:
        raise ValueError("halved: `x` must have 2 axes")
    return options.get("instead", x / 2)


X = jnp.ones((2, 3))


def test_what_fits_is_given_back():
    np.testing.assert_array_equal(halved(X, jnp.ones(3), count=1), X / 2)


def test_a_refusal_is_in_the_words_of_the_function():
    with pytest.raises(ValueError, match="halved: `x` must have 2 axes"):
        halved(X[0])


@pytest.mark.parametrize(
    "call",
    [
        lambda: halved(X.astype(int)),
        lambda: halved(np.ones((2, 3), np.float32)),
        lambda: halved(X[None]),
        lambda: halved(X, jnp.ones(2)),
        lambda: halved(X, count="1"),
        lambda: halved(X, instead=None),
        lambda: halved(X, instead=1),
    ],
)
def test_what_does_not_fit_fails(call):
    with pytest.raises(typeguard.TypeCheckError):
        call()


def test_axes_of_channels_first_are_not_compared():
    turned = halved(X, jnp.ones(2), layout="NCW")
    assert turned.shape == (2, 3)
    with pytest.raises(typeguard.TypeCheckError):
        halved(X, jnp.ones((1, 2)), layout="NCW")


def test_every_public_op_is_checked():
    functions = [getattr(jc, name) for name in jc.ops.__all__]
    unchecked = [f for f in functions if inspect.isfunction(f) and not hasattr(f, "__wrapped__")]
    assert unchecked == []


def test_doctests_of_checked_functions_are_found():
    names = {test.name for test in doctest.DocTestFinder().find(convolution) if test.examples}
    assert "jaxcnn.ops.convolution.conv2d" in names
