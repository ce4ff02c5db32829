"""The benchmarks compare with Flax as it is, which promotes dtypes."""

import os

import jax
import pytest


@pytest.fixture(scope="module", autouse=True)
def _flax_promotes():
    """Flax's averages divide by an int, and its norms mix float32 with float64."""
    strict = os.environ.pop("JAX_NUMPY_DTYPE_PROMOTION")
    with jax.numpy_dtype_promotion("standard"):
        yield
    os.environ["JAX_NUMPY_DTYPE_PROMOTION"] = strict
