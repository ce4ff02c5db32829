"""How every test and doctest runs: strictly; and what doctests use without importing it."""

import os
import signal
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests import annotations

# A user may set these, so nothing in the package may need a silent promotion: not here, and not
# in the processes that tests start, which read the environment.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
os.environ["JAX_NUMPY_DTYPE_PROMOTION"] = "strict"
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"

annotations.install()
import jaxcnn as jc  # noqa: E402

# Tests that were begun in the background (``&``) ignore Ctrl-C, and so would what they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, ModuleType]) -> None:
    doctest_namespace |= {"jax": jax, "jc": jc, "jnp": jnp, "np": np}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The examples of the zoo draw whole models, and so they are among the slow tests."""
    for item in items:
        if isinstance(item, pytest.DoctestItem) and item.path.parent.name == "models":
            item.add_marker(pytest.mark.slow)
