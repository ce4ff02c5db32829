"""The tables of whole networks: rows, columns, processes of their own, libraries that fail."""

import os

import pytest

from benchmarks import costs, growth, inference, libraries, page, plot, train_steps
from benchmarks.comparison import summarized
from benchmarks.libraries import Ready, ready
from benchmarks.networks import NETWORKS
from benchmarks.processes import alone, empty_caches, peak, resident

TIMES = {"jaxcnn": [2.0, 2.0, 3.0, 2.0, 2.0], "torch": [4.0] * 5, "OpenVINO": [1.0] * 5}


def row(**more):
    """A row as it would be measured."""
    its = {"network": "lenet", "batch": 16, "image": [28, 28, 1], "gflop": 0.5}
    return its | summarized(TIMES) | more


def test_training_table():
    made = {"compile": {"jaxcnn": 1.25, "torch": None}, "memory": {"jaxcnn": 80.4}}
    header, body, means = train_steps.lines([row(**made)], 500.0)
    assert "| network | images | jaxcnn ms |" in header
    assert body.startswith("| lenet | 16 × 28² | 2.0 ± 0.2 | 250.0 | 50 % | — | — | 2.00 ± 0.")
    assert means == "| geometric mean |  |  |  |  | — | — | 2.00 | — |"
    assert train_steps.costs_lines([row(**made)])[1].startswith("| lenet | 1.2 | 80 | — | — |")


def test_inference_table():
    rows = [inference.with_fastest(row(batch=batch)) for batch in inference.BATCHES]
    assert rows[0][f"{inference.FASTEST} ratio"] == 0.5
    _, *body, _, last = inference.lines(rows, None)
    assert [text.split(" | ")[1] for text in body] == ["1 × 28²", "16 × 28²"]
    assert last.startswith("| geometric mean, batch 16 |")
    assert last.endswith("| 0.50 | 0.50 |")
    # Without any of the three there is nothing to be the fastest.
    ours = inference.with_fastest(summarized({"jaxcnn": [1.0]}))
    assert not any(inference.FASTEST in key for key in ours)


def test_growth_table():
    rows = [
        row(batch=batch, task="step", cores=cores, jaxcnn=8.0 * batch / speed / cores)
        for cores in (1, 2)
        for batch, speed in zip(growth.BATCHES, (1, 2, 4, 8), strict=True)
    ]
    _, ours, torch, missing = growth.lines(rows)
    assert ours == "| lenet | step | jaxcnn | 250 | 500 | 1,000 | 2,000 | 8.00 | 2.00 |"
    assert torch.startswith("| lenet | step | torch | 250 | 1,000 |")
    assert missing == "| lenet | step | torch.compile | — | — | — | — | — | — |"


def failing(network):
    """A library whose compiler gives up."""
    raise RuntimeError("no compiler\nand much more about it")


def idle(network):
    """A library that does nothing."""
    return Ready(lambda: None, 0.5)


def test_a_library_that_fails(capsys):
    makers = {"jaxcnn": idle, "torch.compile": failing}
    assert list(ready(makers, NETWORKS["lenet"])) == ["jaxcnn"]
    assert capsys.readouterr().out == "torch.compile is left out: RuntimeError: no compiler\n"
    with pytest.raises(RuntimeError, match="no compiler"):
        ready({"jaxcnn": failing}, NETWORKS["lenet"])


def test_a_runtime_that_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(libraries, "MODULES", {"OpenVINO": "no_such_package"})
    assert libraries.installed(["jaxcnn", "OpenVINO"]) == ["jaxcnn"]
    told = 'OpenVINO is left out, since it is not installed: pip install "jaxcnn[bench]"\n'
    assert capsys.readouterr().out == told


@pytest.mark.slow
def test_costs(capsys):
    """Each library in a process of its own; one that fails is told."""
    found = costs.costs({"jaxcnn": idle, "torch": failing}, "lenet", 1)
    assert found["compile"] == {"jaxcnn": 0.5}
    assert found["memory"]["jaxcnn"] is None or 0 <= found["memory"]["jaxcnn"] < 100
    assert capsys.readouterr().out == "no costs of torch: RuntimeError: no compiler\n"


def grown(size):
    """How many MiB the peak of this process is above what it was, with so many MiB in between."""
    before = resident()
    held = bytearray(size * 2**20)
    del held
    return len(os.sched_getaffinity(0)), os.environ.get("TORCHINDUCTOR_CACHE_DIR"), peak() - before


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="counts memory on Linux")
def test_processes():
    before = os.environ.get("TORCHINDUCTOR_CACHE_DIR")
    with empty_caches():
        cores, folder, memory = alone(grown, 200, cores=1)
        assert folder == os.environ["TORCHINDUCTOR_CACHE_DIR"] != before
    assert (cores, os.environ.get("TORCHINDUCTOR_CACHE_DIR")) == (1, before)
    assert 195 < memory < 260


def test_tables_that_were_never_measured(monkeypatch):
    for module in (page, plot):
        monkeypatch.setattr(module, "is_kept", lambda table: False)
    assert page.page().count("\n## ") == 1  # the means
    assert page.trusted_rows("inference") == []
    assert plot.panels() == {}
