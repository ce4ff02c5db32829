"""What every doctest may use without importing it."""

from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, ModuleType]) -> None:
    doctest_namespace |= {"jax": jax, "jc": jc, "jnp": jnp, "np": np}
