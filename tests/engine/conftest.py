"""A fixture for tests on a machine without a C++ compiler."""

import pytest

from jaxcnn.engine import compiler
from jaxcnn.engine.compiler import Native


@pytest.fixture
def plain(monkeypatch):
    """A machine without a compiler."""
    monkeypatch.setattr(compiler, "native", lambda: Native({}, "no C++ compiler was found"))
