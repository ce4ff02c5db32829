"""A plugin of pytest: all tests of the session run under `jaxcnn.accelerate`."""

import jaxcnn as jc


def pytest_collection_finish():
    # Not earlier: what the tests set for JAX before its first use must still be possible.
    jc.accelerate()


def pytest_sessionfinish():
    assert jc.engine.accelerated(), "a test ended `accelerate`: the rest ran without it"
