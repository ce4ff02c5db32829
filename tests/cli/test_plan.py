"""`jaxcnn plan`: what it counts beside what is known, and what it refuses."""

import dataclasses
import re
import subprocess
import sys

import pytest

from jaxcnn.cli.plan import PlanConfig, plan_command
from jaxcnn.errors import UserError
from jaxcnn.layers import summary
from jaxcnn.models import MODELS
from jaxcnn.training.chips import CHIPS, Chip, bound
from jaxcnn.training.costs import StepCosts, exchanged

LENET = {"model": "lenet_bn", "image_size": (28,), "channels": 1, "classes": 10, "batch_size": 64}


def planned(*words):
    """The numbers of a table that a process of its own prints, by their names, in bytes or FLOPs."""
    words = ["--model", "lenet_bn", "--image-size", "28", "--channels", "1", "--classes", "10", *words]  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "jaxcnn", "plan", *words], capture_output=True, text=True, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^  (\S.*?) {2,}([\d,.]+) (MB|GFLOP)$", done.stdout, re.MULTILINE)
    scale = {"MB": 1e6, "GFLOP": 1e9}
    assert set(CHIPS) <= set(done.stdout.split())
    return {name: float(number.replace(",", "")) * scale[unit] for name, number, unit in rows}


@pytest.fixture(scope="module")
def by_devices():
    return {count: planned("--batch-size", str(512 * count), "--devices", str(count)) for count in (1, 4)}  # fmt: skip


@pytest.mark.slow
def test_parameters_and_work_are_the_networks(by_devices):
    rows = list(summary(MODELS["lenet_bn"](10), (512, 28, 28, 1)))
    parameters = 4 * sum(row.parameters for row in rows)
    work = sum(row.flops or 0 for row in rows)
    found = by_devices[1]
    assert found["parameters"] == found["optimizer"] == pytest.approx(parameters, abs=1e5)
    # Forward, and twice as much for the gradients, but for the one in the first images.
    assert 2.2 * work < found["operations"] < 3.3 * work
    assert "all-reduce" not in found


@pytest.mark.slow
def test_each_of_several_devices_does_as_much_and_adds_the_gradients(by_devices):
    alone, four = by_devices[1], by_devices[4]
    assert four["operations"] == pytest.approx(alone["operations"], rel=0.02)
    assert four["memory, all together"] == pytest.approx(alone["memory, all together"], rel=0.1)
    assert four["all-reduce"] == pytest.approx(four["parameters"], rel=0.05, abs=1e5)


@pytest.mark.slow
def test_shared_parameters_and_parts_take_less(by_devices):
    shared = planned("--batch-size", "2048", "--devices", "4", "--fsdp")
    assert shared["parameters"] <= by_devices[4]["parameters"] / 4 + 1e5
    assert shared["all-gather"] > 0
    parts = planned("--batch-size", "512", "--accumulate", "8")
    kept = "activations, on CPUs"
    assert parts[kept] < by_devices[1][kept] / 2
    assert parts["operations"] == pytest.approx(by_devices[1]["operations"], rel=0.05)


def test_collectives_are_read_from_a_program():
    program = """
      %a = f32[3,4]{1,0} all-reduce(%x), channel_id=1
      %b = (bf16[8]{0}, f32[]) all-reduce-start(%y, %z), channel_id=2
      %c = s32[5,2]{1,0} all-gather(%w), dimensions={0}
      %d = f32[9]{0} add(%all-reduce, %all-gather)
    """
    assert exchanged(program) == {"all-reduce": 48 + 16 + 4, "all-gather": 40}


def test_a_bound_is_the_longest_of_three():
    exchange = {"all-reduce": 10**9, "all-gather": 10**9}
    costs = StepCosts(2e12, 9e9, 10**8, 2 * 10**8, 10**8, 2 * 10**8, 10**9, exchange)
    chip = Chip(1e12, 0.5e12, 2e9, 1e9, 1e9)
    found = bound(costs, chip, 4, halves=True)
    assert found[:3] == (2.0, 1.0, pytest.approx(0.75 * 3))
    assert (found.seconds, found.limit, found.fits) == (pytest.approx(2.25), "exchanging", True)
    assert bound(costs, chip, 1, halves=False).limit == "computing"
    assert bound(costs, chip, 1, halves=False).computing == 4.0
    assert not bound(costs._replace(activations=3 * 10**9), chip, 1, halves=True).fits


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "resnet19"}, "unknown model 'resnet19', did you mean 'resnet18'"),
        ({"batch_size": 0}, "--batch-size must be from 1 to 16777215, got 0"),
        ({"image_size": (1, 2, 3)}, "--image-size must be 1 or 2 numbers, got 3"),
        ({"devices": "all"}, "--devices must be from 1 to 512, got all"),
        ({"devices": "5000"}, "--devices must be from 1 to 512, got 5000"),
        ({"accumulate": 3}, "--accumulate must divide --batch-size 64, got 3"),
        ({"image_size": (4,)}, "lenet_bn cannot take images of 4×4×1"),
    ],
)
def test_what_cannot_be_planned(changes, message):
    with pytest.raises(UserError, match=re.escape(message)):
        plan_command(dataclasses.replace(PlanConfig(**LENET), **changes))


def test_a_batch_that_the_devices_do_not_divide(monkeypatch):
    monkeypatch.setattr("jaxcnn.runs.forecast.use_platform", lambda *_: None)
    monkeypatch.setattr("jax.devices", lambda *_: ["chip"] * 8)
    with pytest.raises(UserError, match="--batch-size must be a multiple of the 8 devices"):
        plan_command(dataclasses.replace(PlanConfig(**LENET), batch_size=12, devices="8"))
