import pytest

from jaxcnn.engine import direct
from jaxcnn.engine.compiler import Native


@pytest.fixture
def plain(monkeypatch):
    """A machine without a compiler."""
    monkeypatch.setattr(direct, "native", lambda: Native({}, "no C++ compiler was found"))
