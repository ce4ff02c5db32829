"""Flax as it is."""

import jax
import pytest


@pytest.fixture
def flax_promotes():
    """For tests that run Flax: its averages divide by an int, its norms mix float32 and float64."""
    with jax.numpy_dtype_promotion("standard"):
        yield
