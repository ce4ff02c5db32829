"""``python -m tests.gates.record`` writes ``recorded.json``: what the gates compare with.

Five seeds of the default training on the digits, and the speed with and without native code.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from benchmarks.timing import machine
from tests.gates.measures import FULL, RECORDED, SHORT, accuracy, default

SEEDS = 5


def main() -> None:
    """Measure, and write what came out."""
    with tempfile.TemporaryDirectory() as parent:
        folders = [default(seed, pathlib.Path(parent) / str(seed)) for seed in range(SEEDS)]
        accuracies = {}
        for epoch in (SHORT, FULL):
            values = [accuracy(folder, epoch) for folder in folders]
            spread = {"mean": statistics.fmean(values), "std": statistics.stdev(values)}
            accuracies[str(epoch)] = {"values": values, **spread}
    found = {"machine": machine(), "accuracy": accuracies, "speed": speeds()}
    RECORDED.write_text(json.dumps(found, indent=1) + "\n")


def speeds() -> dict[str, dict[str, float]]:
    """The speeds with and without native code, each in a process of its own."""
    found = {}
    for native in ("1", "0"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.gates.measures"],
            env=os.environ | {"JAXCNN_NATIVE": native},
            capture_output=True, text=True, check=True, timeout=600,
        )  # fmt: skip
        found |= json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
