"""Every op and its gradients with its batch sharded over eight devices.

Under a mesh with explicit axes, with automatic axes, and inside a `jax.shard_map`; for
convolutions also with a kernel that is sharded over its output channels; with native code and
without. `tests.ops.eight_devices` computes it in a process that has eight devices.
"""

import json
import os
import pathlib
import select
import subprocess
import sys
from collections.abc import Iterator

import pytest

from jaxcnn.reference.cases import Case
from tests.ops import suite

FLAGS = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"

PATIENCE = 300
"""Seconds after which an answer is given up."""


class EightDevices:
    """The process with eight devices: started when it is first asked, and again if it has died."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.errors = folder / "errors.txt"

    def ask(self, line: str) -> dict[str, str]:
        """What went wrong with a case, by the kind of sharding; nothing where all is well."""
        if self.process is None:
            with self.errors.open("wb") as errors:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "tests.ops.eight_devices"],
                    bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                    env=os.environ | {"XLA_FLAGS": FLAGS},
                )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n".encode())
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        answer = self.process.stdout.readline() if ready else b""
        if not answer:
            self.end()
            return {"the process": self.errors.read_text()[-2000:] or "no answer in time"}
        return json.loads(answer)

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate(timeout=PATIENCE)
            self.process = None


FIRSTS = suite.firsts()


@pytest.fixture(scope="session")
def eight_devices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EightDevices]:
    process = EightDevices(tmp_path_factory.mktemp("eight"))
    yield process
    process.end()


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case, id=str(case), marks=pytest.mark.slow if str(case) in FIRSTS else pytest.mark.deep
        )
        for case in suite.CASES
    ],
)
def test_sharded(
    case: Case, eight_devices: EightDevices, request: pytest.FixtureRequest, record_property
) -> None:
    short = request.config.getoption("-m") != ""  # all of it is left to `make test-all`
    found = eight_devices.ask(f"{case} {'short' if short else 'whole'}")
    wrong = {kind: said for kind, said in found.items() if said}
    record_property("sharded", f"{case.op} {'failed' if wrong else 'held'}")
    assert wrong == {}
    assert len(found) >= 3


@pytest.mark.slow
def test_a_case_that_is_wrong_is_told(eight_devices: EightDevices) -> None:
    found = eight_devices.ask("conv2d-bias wrong")
    assert all(said.startswith("result 0 is off by ") for said in found.values()), found
    assert set(found) >= {"explicit, native", "automatic, native", "shard_map, native"}
