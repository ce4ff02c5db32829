"""Tests `jaxcnn check`: the comparison of the ops with the reference, and its table."""

import io

import jax
import jax.numpy as jnp
import pytest
from rich.console import Console

import jaxcnn as jc
from jaxcnn.check import check_ops
from jaxcnn.check.tables import run_check


@pytest.mark.slow
def test_right_ops_pass():
    rows = check_ops(["corr2d", "pad"], ["float32", "bfloat16"])
    assert [(row.op, row.dtype) for row in rows] == [
        ("corr2d", "bfloat16"),
        ("corr2d", "float32"),
        ("pad", "bfloat16"),
        ("pad", "float32"),
    ]
    assert all(row.ok for row in rows)
    assert [row.gradient_error is None for row in rows] == [True, False, True, False]
    assert all(row.error == 0 for row in rows if row.op == "pad")


def test_float64_is_checked_where_it_is_on():
    with jax.enable_x64(True):
        (row,) = check_ops(["convolve2d"], ["float64"])
        assert row.ok
        assert row.error < row.tolerance == 1e-12
    with pytest.raises(ValueError, match="`dtypes` must be among .* got 'float64'"):
        check_ops(["convolve2d"], ["float64"])


def test_unknown_names():
    with pytest.raises(ValueError, match="check_ops: `ops` must be among .* got 'conv4d'"):
        check_ops(["conv4d"])
    with pytest.raises(ValueError, match="`ops` and `dtypes` must name something"):
        check_ops([])


def test_indices_are_compared_exactly(monkeypatch):
    right = jc.adaptive_max_pool1d

    def wrong(x, size, *, return_indices=False, **options):
        result = right(x, size, return_indices=return_indices, **options)
        return (result[0], result[1] + 1) if return_indices else result

    monkeypatch.setattr(jc.ops, "adaptive_max_pool1d", wrong)
    rows = check_ops(["adaptive_max_pool1d"], ["float16"])
    assert [row.ok for row in rows] == [False]


@jax.custom_vjp
def _with_nan_gradient(x):
    return x


_with_nan_gradient.defvjp(lambda x: (x, None), lambda _, g: (g * jnp.nan,))


def _raise():
    raise RuntimeError("the device is gone")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, kernel: jc.corr2d(x, kernel) * (1 + 1e-4),
        lambda x, kernel: jc.corr2d(x, kernel)[:-1],
        lambda x, kernel: jc.corr2d(x, kernel) / 0.0,
        lambda x, kernel: jc.corr2d(x, jax.lax.stop_gradient(kernel)),
        lambda x, kernel: jc.corr2d(x, _with_nan_gradient(kernel)),
        lambda x, kernel: _raise(),
    ],
    ids=["number", "shape", "infinite", "gradient", "nan gradient", "error"],
)
def test_wrong_ops_fail(wrong, monkeypatch):
    right = jc.corr2d

    def broken(x, kernel):
        return wrong(x, kernel) if jnp.issubdtype(x.dtype, jnp.floating) else right(x, kernel)

    monkeypatch.setattr(jc.ops, "corr2d", broken)
    (row,) = check_ops(["corr2d"], ["float32"])
    assert not row.ok


@pytest.mark.slow
def test_prints_a_table_and_says_so_in_its_status(monkeypatch):
    text = io.StringIO()
    console = Console(file=text, width=120)
    assert run_check(["corr1d"], ["float32"], defects=False, console=console) == 0
    assert "corr1d" in text.getvalue()
    assert "1 of 1 rows ok" in text.getvalue()
    monkeypatch.setattr(jc.ops, "corr1d", lambda x, kernel, **_: x)
    options = {"gradients": False, "defects": False, "console": console}
    assert run_check(["corr1d"], ["float32"], **options) == 1
    assert "0 of 1 rows ok" in text.getvalue()
