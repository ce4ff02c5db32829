"""`--devices`, `--fsdp`, `--batch-norm`: which devices share a run, and what is refused."""

import dataclasses
import json
import os
import subprocess
import sys

import jax
import pytest

from jaxcnn.errors import UserError
from jaxcnn.runs import TrainConfig
from jaxcnn.runs.config import check_config
from jaxcnn.runs.devices import devices_for
from jaxcnn.training.spread import ALONE

SEVERAL = """
import dataclasses, sys
from jaxcnn.runs import TrainConfig, run
config = TrainConfig(
    model="lenet_modern", dataset="fashion_mnist", data_dir=sys.argv[1], epochs=2, batch_size=8,
    optimizer="sgd", lr=0.05, devices=int(sys.argv[3]), run_dir=sys.argv[2],
)
for change in sys.argv[4:]:
    name, _, value = change.partition("=")
    config = dataclasses.replace(config, **{name: eval(value)})
print("loss", run(config).scores["test_loss"])
"""


@pytest.fixture
def trained(tiny, tmp_path):
    """Trains in a process of its own, which has as many devices as it asks for."""

    def train(count, *changes, name="run"):
        arguments = [str(tiny), str(tmp_path / name), str(count), *changes]
        flags = os.environ.get("XLA_FLAGS", "")
        done = subprocess.run(
            [sys.executable, "-c", SEVERAL, *arguments], capture_output=True, text=True, timeout=300,
            env=os.environ | {"XLA_FLAGS": flags.replace("--xla_force_host_platform_device_count=8", "")},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr, float(done.stdout.rpartition("loss ")[2])

    return train


@pytest.mark.slow
def test_a_run_goes_on_with_other_devices(trained, tmp_path):
    """Begun on two, went on with four that share the parameters, and ended as on one."""
    _, alone = trained(1, "epochs=3", name="alone")
    said, _ = trained(2)
    assert "devices: 2 × cpu" in said
    said, loss = trained(4, "epochs=3", "resume=True", "fsdp=True")
    assert "was begun on 2 × cpu: what follows is not equal to the bit" in said
    assert loss == pytest.approx(alone, rel=1e-4)
    saved = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (saved["config"]["devices"], saved["config"]["fsdp"]) == ("4", True)
    assert saved["devices"] == ["cpu: cpu"] * 4


@pytest.mark.slow
def test_streamed_images_are_dealt_to_the_devices(trained):
    _, memory = trained(2, name="memory")
    _, streamed = trained(2, "streaming=True", name="streamed")
    assert streamed == pytest.approx(memory, rel=1e-4)


@pytest.mark.slow
def test_local_batch_norms_are_another_training(trained):
    changes = ("epochs=1", 'model="lenet_bn"')
    _, whole = trained(2, *changes, name="whole")
    _, local = trained(2, *changes, 'batch_norm="local"', name="local")
    assert local != pytest.approx(whole, rel=1e-4)


def settings(**changes):
    return dataclasses.replace(TrainConfig(batch_size=12), **changes)


def test_one_cpu_is_used_where_nothing_is_said():
    assert devices_for(settings(), 12) is ALONE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"devices": "99"}, "--devices 99: there is only one cpu device here"),
        ({"devices": 99}, "--devices 99: there is only one cpu device here"),
    ],
)
def test_more_devices_than_there_are(changes, message):
    with pytest.raises(UserError, match=message):
        devices_for(settings(**changes), 12)


@pytest.fixture
def eight(monkeypatch):
    """Eight accelerators, as far as anyone asks before they are used."""
    monkeypatch.setattr(jax, "devices", lambda: ["chip"] * 8)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    asked = []

    def spread_over(count, **options):
        asked.append((count, options))
        return ALONE

    monkeypatch.setattr("jaxcnn.runs.devices.spread_over", spread_over)
    return asked


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 6),  # of eight, the most that divide a batch of 12
        ({"devices": "2"}, 2),
        ({"accumulate": 3}, 4),  # parts of four images
    ],
)
def test_accelerators_are_all_used_that_divide_the_batch(eight, changes, count):
    devices_for(settings(**changes), 12)
    assert eight == [(count, {"fsdp": False, "local_batch_norm": False})]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"devices": "8"}, "--batch-size must be a multiple of the 8 devices, which share each batch, got 12"),
        ({"devices": "all"}, "--batch-size must be a multiple of the 8 devices, which share each batch, got 12"),
        ({"devices": "3", "accumulate": 6}, "--batch-size / --accumulate 6 must be a multiple of the 3 devices, which share each batch, got 2"),
    ],
)  # fmt: skip
def test_a_batch_that_the_devices_do_not_divide(eight, changes, message):
    with pytest.raises(UserError, match=message):
        devices_for(settings(**changes), 12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"devices": "0"}, "--devices must be a positive whole number or all, got '0'"),
        ({"devices": "two"}, "--devices must be a positive whole number or all, got 'two'"),
        ({"devices": True}, "--devices must be a positive whole number or all, got True"),
        ({"accumulate": 5}, "--accumulate must divide --batch-size 12, got 5"),
        ({"accumulate": 0}, "--accumulate must be at least 1, got 0"),
        ({"batch_norm": "locl"}, "--batch-norm must be one of synchronized, local, got 'locl', did you mean 'local'?"),
        ({"precision": "mixed"}, "--precision must be one of float32, mixed_bfloat16, mixed_float16, got 'mixed'"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant(changes, message):
    with pytest.raises(UserError) as error:
        check_config(settings(**changes))
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(("changes", "what"), [({"fsdp": True}, "--fsdp"), ({"batch_norm": "local"}, "--batch-norm local")])  # fmt: skip
def test_what_changes_nothing_on_one_device_is_noted(capsys, changes, what):
    assert devices_for(settings(**changes), 12) is ALONE
    said = capsys.readouterr()
    assert f"note: {what} changes nothing on one device" in said.out + said.err
