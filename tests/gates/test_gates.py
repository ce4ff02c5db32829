"""Training and speed are what was recorded; ``make gates`` runs the long form, too."""

import json

import pytest

from tests.gates.measures import FLOORS, FULL, RECORDED, SHORT, accuracy, default, kind, speed

recorded = json.loads(RECORDED.read_text())


@pytest.mark.slow
def test_accuracy_in_short(tmp_path):
    found = accuracy(default(0, tmp_path / "run", SHORT), SHORT)
    assert within(found, SHORT)


@pytest.mark.deep
@pytest.mark.parametrize("seed", [0, 1])
def test_accuracy(seed, tmp_path):
    assert within(accuracy(default(seed, tmp_path / "run"), FULL), FULL)


def within(found, epochs):
    """Whether an accuracy is in the recorded mean ± 3 standard deviations."""
    band = recorded["accuracy"][str(epochs)]
    print(f"{found:.4f} after {epochs} epochs, recorded {band['mean']:.4f} ± {band['std']:.4f}")
    return abs(found - band["mean"]) <= 3 * band["std"]


@pytest.mark.slow
def test_speed():
    """A step of LeNet beside the same network on `lax`, taken in turn."""
    found, before = speed()["ratio"], recorded["speed"][kind()]["ratio"]
    print(f"lax takes {found:.2f} times as long ({kind()}), recorded {before:.2f}")
    assert found >= FLOORS[kind()]


def test_the_record_is_well_above_the_floors():
    """Or the gate on speed would be a game of chance; an accuracy near chance holds nothing."""
    for name, floor in FLOORS.items():
        assert recorded["speed"][name]["ratio"] > 1.5 * floor
    assert all(len(band["values"]) == 5 for band in recorded["accuracy"].values())
    assert all(band["mean"] - 3 * band["std"] > 0.8 for band in recorded["accuracy"].values())
