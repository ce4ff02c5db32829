"""The command for GPUs and TPUs: its tiny workload, its programs lowered for chips, its faults."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import jax
import pytest
from jax.sharding import AbstractMesh, AxisType

from benchmarks.accelerator import __main__ as command
from benchmarks.accelerator import chip, measuring, products, steps, tasks
from benchmarks.accelerator.checks import in_time
from benchmarks.accelerator.page import page
from benchmarks.accelerator.programs import MODES, Sampling
from benchmarks.accelerator.results import Results
from benchmarks.accelerator.tables import ResultTable
from benchmarks.accelerator.workload import NETWORKS, workload_for
from benchmarks.layers import TASKS, by_torch
from jaxcnn.runs import UserError

COMMAND = [sys.executable, "-m", "benchmarks.accelerator"]
# LLVM's optimizations are most of the time that the tiny workload takes.
FLAGS = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
SURROUNDINGS = {
    **os.environ,
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "JAXCNN_NATIVE": "0",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": FLAGS,
}
CHIP = workload_for("gpu")
CHIPS = ("cuda", "tpu")


def command_with(*flags, **others):
    return subprocess.run(
        [*COMMAND, *flags], capture_output=True, text=True, timeout=400, env=SURROUNDINGS | others
    )


@pytest.mark.slow
def test_tiny_workload(tmp_path):
    """All of it on two simulated devices."""
    done = command_with("--output", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "No GPU or TPU here: on one this checks every op and times matrix" in done.stdout
    record = json.loads((tmp_path / "accelerator-cpu.json").read_text())
    assert (record["chip"], record["devices"], record["ending"]) == ("cpu", 2, "complete")
    assert record["left_out"] == {}
    rows = record["rows"]
    assert [row["mode"] for row in rows["products"]] == list(MODES)
    assert all(row["gflops"] > 0 for row in rows["products"])
    assert [(row["op"], row["ok"], row["cases"]) for row in rows["check"]] == [
        ("conv2d", True, 1),
        ("max_pool2d", True, 1),
    ]
    wanted = itertools.product(("float32", "bfloat16"), workload_for("cpu").networks, (1, 2))
    assert [(r["mode"], r["network"], r["devices"]) for r in rows["steps"]] == list(wanted)
    for row in rows["steps"]:
        alone = NETWORKS[row["network"]][1]
        assert row["batch"] == row["devices"] * alone.batch
        assert row["libraries"] == ["jaxcnn", "Flax"]
        for library in row["libraries"]:
            assert len(row["samples"][library]) == 3
            assert row["compile_seconds"][library] > 0
            # The loss of the first step is that of the same network in every library.
            close = 1e-5 if row["mode"] == "float32" else 0.05
            assert row["first_loss"][library] == pytest.approx(row["first_loss"]["Flax"], rel=close)
    assert {row["name"] for row in rows["layers"]} == {
        f"{layer}, {task}, {mode}"
        for layer in workload_for("cpu").layers
        for task in TASKS
        for mode in ("float32", "bfloat16")
    }
    text = (tmp_path / "accelerator-cpu.md").read_text()
    assert text == page(record)
    assert text.startswith("# jaxcnn on cpu\n")
    assert "its numbers are no results" in text
    assert text.count("| ResNet-50 | bfloat16 | 2 | 4 | Flax |") == 1


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.slow
def test_layers_lower_for_chips(task, chip):
    for case in CHIP.layers.values():
        program = tasks.program(case, "jaxcnn", task, "bfloat16")
        text = program.traced().lower(lowering_platforms=(chip,)).as_text()
        assert text.count("stablehlo.convolution") == 1, case
        assert "custom_call" not in text, case


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.slow
def test_products_in_place_of_convolutions_lower_for_chips(chip):
    """Of groups, and of transposed convolutions: what is named is taken on accelerators, too."""
    found = {name: tasks.rewrites(case) for name, case in CHIP.layers.items()}
    assert found["LeNet 2"] == ()
    assert len(found["DCGAN transposed"]) == 2
    assert tasks.REWRITES in found.values()
    for name, task in itertools.product(found, TASKS):
        for algorithm in found[name]:
            program = tasks.program(CHIP.layers[name], algorithm, task, "bfloat16")
            text = program.traced().lower(lowering_platforms=(chip,)).as_text()
            assert "stablehlo.convolution" not in text, (name, task, algorithm)


STEPS = [
    pytest.param(name, library, mode, devices, marks=[] if usual else [pytest.mark.deep])
    for name, network in CHIP.networks.items()
    for library in steps.forwards(network)
    for mode, devices in itertools.product(MODES, (1, 8))
    if (usual := name == "LeNet" or (name == "ResNet-50" and (mode, devices) == ("bfloat16", 8)))
    or mode != "float32"
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "library", "mode", "devices"), STEPS)
def test_steps_lower_for_chips(name, library, mode, devices):
    """On one device, and data parallel on a mesh of eight that are not there."""
    mesh = AbstractMesh((8,), ("batch",), axis_types=(AxisType.Auto,))
    place = steps.on_one() if devices == 1 else steps.on_mesh(mesh)
    network = CHIP.networks[name]
    forward = steps.forwards(network)[library]
    traced = steps.program(network, forward, mode, place).traced()
    inputs = *jax.eval_shape(network.start), jax.ShapeDtypeStruct((1, *network.image), "float32")
    jaxpr = str(jax.make_jaxpr(steps.forwards(network)["Flax"])(*inputs))
    convolutions = jaxpr.count("conv_general_dilated[")
    for platform in CHIPS:
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        # The result and two gradients of each convolution, but none in the images.
        assert text.count("stablehlo.convolution") == 3 * convolutions - 1
        assert ("HIGHEST" in text) == (mode == "float32 highest")
        assert ("bf16" in text) == (mode == "bfloat16")
        assert f"mhlo.num_partitions = {devices} " in text
        assert "jax.buffer_donor" in text or "tf.aliasing_output" in text


@pytest.mark.parametrize("mode", MODES)
def test_products_lower_for_chips(mode):
    for platform in CHIPS:
        traced = products.program(CHIP.size, mode).traced()
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        assert f"tensor<8192x8192x{'bf16' if mode == 'bfloat16' else 'f32'}>" in text
        assert ("HIGHEST" in text) == (mode == "float32 highest")


def test_torch_takes_the_dtype():
    torch = pytest.importorskip("torch")
    for task in TASKS:
        for case in workload_for("cpu").layers.values():
            jax.block_until_ready(by_torch(case, task, dtype="bfloat16")())
    assert not torch.cuda.is_available()


@pytest.mark.slow
def test_no_such_platform(tmp_path):
    done = command_with("--platform", "gpu", "--output", str(tmp_path), JAX_PLATFORMS="")
    assert done.returncode == 2
    assert done.stderr.startswith("jaxcnn: --platform gpu is not available: no such device here")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_interrupted(tmp_path):
    """What was measured until Ctrl-C is written."""
    running = subprocess.Popen(
        [*COMMAND, "--output", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=SURROUNDINGS,
    )
    guard = threading.Timer(400, running.kill)
    guard.start()
    try:
        assert any(line.startswith("| float32 | 256 |") for line in running.stdout)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=400)
    finally:
        guard.cancel()
        running.kill()
    assert (running.returncode, err) == (130, "jaxcnn: interrupted\n")
    assert "what was measured is in" in out
    record = json.loads((tmp_path / "accelerator-cpu.json").read_text())
    assert record["ending"] == "interrupted"
    assert record["rows"]["products"][0]["mode"] == "float32"
    assert "DCGAN transposed, dw, bfloat16" in record["left_out"]["layers"]
    assert page(record) == (tmp_path / "accelerator-cpu.md").read_text()


FACTS = {
    "chip": "NVIDIA H100 80GB HBM3",
    "platform": "gpu",
    "devices": 4,
    "memory_gib": 59.2,
    "driver": "580.95",
    "runtime": "cuda 13000",
    "machine": {"processor": "x", "jax": "0.12.0"},
    "XLA_FLAGS": "",
    "begun": "2026-01-01 00:00 UTC",
}


def product(ms=2.0):
    """A row as it would be measured."""
    timing = {"jax": ms, "spread": {"jax": 0.1}, "compile_seconds": {"jax": 1.5}}
    return {"mode": "float32", "size": 8192, "gflops": 40_000.0} | timing


@pytest.fixture
def results(tmp_path):
    rows = dict.fromkeys("abc", lambda seconds: product())
    return Results(tmp_path, FACTS, [ResultTable("products", 1.0, rows)])


def test_time_up(results, monkeypatch, capsys):
    """Rows that would begin too late are left out, and named."""
    clock = iter([0.0, 0.0, 0.0, 9.0, 9.0, 9.0, 21.0, 21.0, 21.0])
    monkeypatch.setattr(Results, "seconds", property(lambda self: next(clock)))
    measuring.measure(results.planned, results, 20.0)
    assert results.left_out() == {"products": ["c"]}
    text = page(results.record("ended when the time was up"))
    assert "For these rows there was no time.\n\n- products: c\n" in text
    assert "Chip: 4 × NVIDIA H100 80GB HBM3 (gpu), 59.2 GiB for JAX on each." in text
    assert "| float32 | 8192 | 2 ± 0.1 | 40,000 | 1.5 |" in capsys.readouterr().out


def test_given_up_in_a_row(results, monkeypatch, capsys):
    """A row that does not end is given up, and the others are kept."""
    ended, status = threading.Event(), []
    monkeypatch.setattr(os, "_exit", lambda code: (status.append(code), ended.set()))
    results.add("products", {"name": "a"} | product())
    with measuring.ending_at(0.0, results):
        assert ended.wait(60)
    assert status == [1]
    record = json.loads((results.folder / "accelerator-nvidia-h100-80gb-hbm3.json").read_text())
    assert record["ending"] == "given up in the middle of a row, since the time was over"
    assert record["left_out"] == {"products": ["b", "c"]}
    assert "accelerator-nvidia-h100-80gb-hbm3.md has the others" in capsys.readouterr().err


def test_row_fails(results, capsys):
    """What a compiler raises is told in its row, and the command goes on to status 1."""

    def failing(seconds):
        raise ValueError("no kernel | image\nwith more about it")

    results.planned[0].rows["b"] = failing
    measuring.measure(results.planned, results, 1e9)
    assert [row.get("error") for row in results.rows["products"]] == [
        None,
        "ValueError: no kernel | image",
        None,
    ]
    assert command.summary(results) == 1
    shown = capsys.readouterr()
    assert "| b | ValueError: no kernel \\| image |" in shown.out
    assert shown.err == "off or failed: b\n"


@pytest.mark.parametrize(
    ("only", "output", "message"),
    [
        ("ResNet-51", "new", "--only: no row's name holds 'ResNet-51'; they are like 'DCGAN"),
        ("conv2d", "taken", "taken is a file, not a folder"),
    ],
)
def test_mistakes(only, output, message, tmp_path, monkeypatch):
    """They are told before any work."""
    (tmp_path / "taken").touch()
    monkeypatch.setattr(command, "measure", lambda *_: pytest.fail("the work began"))
    with pytest.raises(UserError, match=message):
        command.run(None, tmp_path / output, only, 8.0)


def test_too_few_minutes(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["accelerator", "--minutes", "0.2"])
    with pytest.raises(SystemExit) as stopped:
        command.flags()
    assert stopped.value.code == 2
    assert "--minutes: expected more than 0.25, got 0.2" in capsys.readouterr().err


@pytest.mark.parametrize("reason", ["RESOURCE_EXHAUSTED: out of memory", "INTERNAL: a defect"])
def test_batch_that_does_not_fit(reason, monkeypatch):
    """It is halved until it fits; other errors stay."""

    def timed(network, *_):
        if network.batch > 1024:
            raise jax.errors.JaxRuntimeError(reason)
        return {"batch": network.batch}

    monkeypatch.setattr(steps, "_timed", timed)
    arguments = CHIP.networks["LeNet"], "float32", steps.on_one(), Sampling(1, 0.0)
    if "INTERNAL" in reason:
        with pytest.raises(jax.errors.JaxRuntimeError, match=reason):
            steps.timed_step(*arguments)
    else:
        assert steps.timed_step(*arguments) == {"batch": 1024}


def test_cases_in_time(monkeypatch):
    """One case always, and more while there is time."""
    clock = itertools.count(0.0)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    assert list(in_time([*range(9)], 2.5, 9)) == [0, 1, 2]
    assert list(in_time([*range(9)], -1.0, 9)) == [0]
    assert list(in_time([*range(9)], 1e9, 1)) == [0]


def test_driver(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chip.driver() is None
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 580.95\necho 580.95\n")
    program.chmod(0o755)
    assert chip.driver() == "580.95"
