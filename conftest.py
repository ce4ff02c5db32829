"""What every doctest may use without importing it, and signals that are heard."""

import signal
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc

# Tests that were begun in the background (``&``) ignore Ctrl-C, and so would what they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, ModuleType]) -> None:
    doctest_namespace |= {"jax": jax, "jc": jc, "jnp": jnp, "np": np}
