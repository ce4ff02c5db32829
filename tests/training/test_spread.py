"""A training on several devices is the training on one: its numbers, its bytes, what is exchanged.

`tests.training.several_devices` computes it in a process that has eight devices.
"""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

NOTHING = {"all-gather", "reduce-scatter", "all-to-all", "collective-permute"}


@pytest.fixture(scope="module")
def found():
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.several_devices"], capture_output=True, text=True,
        timeout=540, env=os.environ | {"XLA_FLAGS": flags},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("way", ["shared", "fsdp", "noise", "members", "parts", "undivided"])
def test_numbers_are_those_of_one_device(found, way):
    """Dropout's noise as well; batches of 16 and a last one of 7 that no device count divides."""
    its = found[way]
    assert its["distance"] < 2e-5
    assert its["guesses"]
    counts = 2 * [71] if way == "members" else 71
    assert (its["examples"], its["scored"]) == (counts, counts)
    assert its["native"]


@pytest.mark.parametrize("way", ["shared", "noise", "members", "parts"])
def test_sums_are_all_that_devices_exchange(found, way):
    """Grouped and depthwise convolutions gather nothing."""
    counts = found[way]["collectives"]
    assert counts["all-reduce"] > 0
    assert {name: counts[name] for name in NOTHING} == dict.fromkeys(NOTHING, 0)


def test_what_does_not_divide_is_computed_by_each(found):
    assert set(found["undivided"]["collectives"].values()) == {0}


def test_fsdp_keeps_a_share(found):
    """An eighth, and the leaves with fewer numbers than there are devices: step, rate, biases."""
    whole, mine = found["fsdp"]["bytes"]
    statistics = 4 * 2 * (16 + 16 + 32)
    assert mine <= whole / 8 + statistics + 64
    assert found["fsdp"]["collectives"]["all-gather"] > 0
    whole, mine = found["shared"]["bytes"]
    assert mine == whole


def test_local_batch_norms_are_means_over_the_devices(found):
    assert found["local"] < 1e-6


def test_curves_in_float64(found):
    """Over 20 steps."""
    assert found["curves"] < 1e-9


def test_work_and_sums_are_as_predicted(found):
    """Per device the same work and the same bytes, however many share a batch of 64 for each.

    What is added up are the gradients, and for each channel of a batch norm its moments.
    """
    by_devices = found["scaling"]["by_devices"]
    assert len({by_devices[count]["flops"] for count in ("2", "4", "8")}) == 1
    reduced = {by_devices[count]["reduced"] for count in ("2", "4", "8")}
    assert len(reduced) == 1
    gradients, moments = 4 * found["scaling"]["parameters"], 4 * (16 + 16 + 32)
    assert gradients + 2 * moments <= reduced.pop() <= gradients + 4 * moments + 64
    assert by_devices["1"]["reduced"] == 0
