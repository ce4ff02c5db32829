"""What the tables are made of: counts of work, equal poolings, flags, and pages that follow."""

import json
import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc
from benchmarks import (
    command,
    layers,
    libraries,
    page,
    plot,
    pools,
    prepared,
    train_steps,
    work,
)
from benchmarks.cases import LAYERS
from benchmarks.command import ENOUGH, options, relied_on
from benchmarks.libraries import installed
from benchmarks.networks import NETWORKS
from benchmarks.pool_cases import POOLS
from benchmarks.timing import MOST, interleaved
from benchmarks.train_steps import gflop
from benchmarks.work import products


@pytest.mark.parametrize(
    ("name", "multiplications"),
    [
        ("LeNet 2", 256 * 10 * 10 * 16 * 5 * 5 * 6),
        ("ResNeXt grouped at 28", 8 * 28 * 28 * 256 * 9 * 8),
        # Each of the 8 × 8 pixels meets each element of the kernel once.
        ("DCGAN transposed", 32 * 8 * 8 * 256 * 128 * 4 * 4),
        ("video", 2 * 8 * 28 * 28 * 64 * 27 * 32),
    ],
)
def test_work_of_a_layer(name, multiplications):
    case = LAYERS[name]
    assert products(case.lax, *case.operands()) == [pytest.approx(2e-9 * multiplications)]


def test_work_of_a_step():
    """The result and two gradients of five products, but not the gradient in the images."""
    forward = [28 * 28 * 6 * 25, 10 * 10 * 16 * 25 * 6, 400 * 120, 120 * 84, 84 * 10]
    expected = 3 * sum(forward) - forward[0]
    assert gflop(NETWORKS["lenet"]) == pytest.approx(256 * 2e-9 * expected)


def test_short_calls_are_made_several_times(monkeypatch):
    """A sample lasts as long as it is told to, and gives the time of one call."""
    clock, made = [0.0], []

    def call():
        clock[0] += 0.002
        made.append(1)

    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    times = interleaved({"jaxcnn": call}, 3, least=0.01)["jaxcnn"]
    assert times == [pytest.approx(2.0)] * 3
    assert len(made) == 2 + 3 * 5
    made.clear()
    interleaved({"jaxcnn": call}, 3)
    assert len(made) == 2 + 3
    made.clear()
    interleaved({"jaxcnn": call}, 1, least=1e9)
    assert len(made) == 2 + MOST


@pytest.mark.parametrize("name", POOLS)
def test_poolings_are_equal(name):
    """The forms that are timed against each other give the same, forward and backward."""
    pool = POOLS[name]._replace(batch=1, channels=2)
    if pool.rank == 1:
        pool = pool._replace(sizes=(pool.sizes[0] // 100,))

    def both(fn, x):
        y, backward = jax.vjp(fn, x)
        return y, backward(jnp.cos(jnp.arange(y.size, dtype=jnp.float32)).reshape(y.shape))[0]

    together = jax.jit(lambda x: (both(pool.ours, x), both(pool.lax, x)))
    found, expected = together(pool.images())
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--only", "LeNet"], "--only: no name holds 'LeNet'; the names are lenet, resnet20"),
        (["--rounds", "0"], "--rounds: expected 1 or more, got 0"),
        (["--round", "x"], "invalid int value: 'x'"),
    ],
)
def test_wrong_flags(flags, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["table", *flags])
    with pytest.raises(SystemExit) as stopped:
        options("A table.", NETWORKS, rounds=9)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("only", "names"),
    [("lenet", ("lenet",)), ("resnet", ("resnet20", "resnet18", "resnet50"))],
)
def test_rows_by_name(only, names, monkeypatch):
    """A whole name is that row alone, also where it is a part of another name."""
    monkeypatch.setattr(sys, "argv", ["table", "--only", only])
    assert options("A table.", NETWORKS, rounds=9) == (names, 9, False)


@pytest.mark.slow
def test_tables_without_torch(monkeypatch, tmp_path, capsys):
    """On a Python that the pinned torch is not for; the rows with torch stay as they are."""
    monkeypatch.setattr(command, "HERE", tmp_path)
    for module in (command, layers, libraries, pools, work):
        monkeypatch.setattr(module, "WITH_TORCH", False)
    assert set(layers.calls_of("LeNet 2", "forward")) == {"jaxcnn", "lax"}
    assert installed(train_steps.LIBRARIES) == ["jaxcnn", "Flax", "Flax accelerated"]
    smallest = {"LeNet max 2x2": POOLS["LeNet max 2x2"]._replace(batch=1)}
    monkeypatch.setattr(pools, "POOLS", smallest)
    monkeypatch.setattr(sys, "argv", ["pools", "--rounds", "1"])
    pools.main()
    assert [path.name for path in tmp_path.rglob("*.json")] == ["pools.json"]
    record = json.loads((tmp_path / "newest" / "pools.json").read_text())
    assert [row["pooling"] for row in record["rows"]] == ["LeNet max 2x2"] * 2
    assert not any("torch" in key for row in record["rows"] for key in row)
    assert "geometric mean over lax" in capsys.readouterr().out


def test_pages_follow_the_timings():
    """README, docs/benchmarks.md and its picture are those of the committed JSON files."""
    text = page.README.read_text()
    assert text == page.readme(text)
    assert page.PAGE.read_text() == page.page()
    assert plot.digest(plot.panels()) in plot.FILE.read_text()


def test_trials_are_kept_apart(monkeypatch):
    trial = {"machine": {}, "rounds": ENOUGH - 1, "gemm": None, "rows": [{"pooling": "x"}]}
    assert not relied_on(trial)
    assert "**A trial, not to be relied on.**" in page.origin(trial)
    monkeypatch.setattr(page, "kept", lambda table: trial)
    monkeypatch.setattr(plot, "kept", lambda table: trial)
    for module in (page, plot):
        monkeypatch.setattr(module, "is_kept", lambda table: True)
    assert page.trusted_rows("pools") == []
    with pytest.raises(SystemExit, match="every table is a trial of under 5 rounds"):
        page.main()


def test_the_table_of_prepared_networks(monkeypatch, capsys):
    networks = {"lenet 2x28": prepared.Network("lenet", (2, 28, 28, 1))}
    monkeypatch.setattr(prepared, "NETWORKS", networks)
    monkeypatch.setattr(sys, "argv", ["prepared", "--rounds", "2"])
    prepared.main()
    row = capsys.readouterr().out.splitlines()[2]
    times = r"( \| \d+\.\d ± \d+\.\d){3}"
    assert re.fullmatch(r"\| lenet \| 2 × 28²" + times + r" \| \d+\.\d\d ± \d+\.\d\d \|", row)


def test_prepared_networks_have_the_same_bits(monkeypatch):
    monkeypatch.setattr(jc.engine, "prepare", lambda f, *known: lambda x: f(*known, x) + 1)
    with pytest.raises(RuntimeError, match="lenet: the bits of the prepared network"):
        prepared.calls_of(prepared.Network("lenet", (2, 28, 28, 1)))
