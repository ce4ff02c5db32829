"""The two lists of `python -m tests.peers`, from a checkout that was made up."""

import pytest

from tests.peers import __main__ as peers

LIBRARY = """
import pytest
from jaxcnn.engine import accelerated

def test_conv():
    pass

@pytest.mark.skip
def test_conv_elsewhere():
    pass

def test_conv_of_halves():
    assert not accelerated()

@pytest.mark.skipif("accelerated()", reason="it cannot")
def test_conv_of_dozens():
    pass

def test_pool():
    assert False

def test_dense():
    assert False
"""


def run(monkeypatch, *args):
    monkeypatch.setattr("sys.argv", ["peers", *map(str, args)])
    with pytest.raises(SystemExit) as stop:
        peers.main()
    return stop.value.code


@pytest.mark.slow
def test_what_fails_with_accelerate_alone(monkeypatch, tmp_path, capfd):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_nn.py").write_text(LIBRARY)
    assert run(monkeypatch, "--equinox", tmp_path) == 1
    shown = capfd.readouterr().out
    lists = shown[shown.index("equinox:") :].splitlines()
    assert lists == [
        "equinox: 5 tests, 1 of them skipped",
        "  1 fail without accelerate, 1 of them with it too",
        "tests/test_nn.py::tests.test_nn::test_pool",
        "  2 fail with it alone",
        "tests/test_nn.py::tests.test_nn::test_conv_of_halves",
        "tests/test_nn.py::tests.test_nn::test_conv_of_dozens",
    ]


@pytest.mark.slow
def test_tests_that_do_not_run(monkeypatch, tmp_path, capfd):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_nn.py").write_text("import not_there")
    assert "pytest ended with status 2" in run(monkeypatch, "--equinox", tmp_path)


def test_mistakes(monkeypatch, tmp_path, capsys):
    assert run(monkeypatch) == 2
    assert "name at least one checkout" in capsys.readouterr().err
    assert run(monkeypatch, "--flax", tmp_path) == 2
    assert "it must be a checkout of flax" in capsys.readouterr().err
