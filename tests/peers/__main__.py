"""The tests of JAX, Flax and Equinox, plain and under `accelerate`: which fail with it alone?

    python -m tests.peers --jax DIR --flax DIR --equinox DIR

Each DIR is a checkout of that library's sources, at about the version that is installed, which is
the one that is tested; one or two of them will do. The tests need `absl-py`, `beartype` and
`cloudpickle` beside what `make test` installs. JAX's take about ten minutes each way on two cores,
the others one or two. The exit status is 1 if any test fails with `accelerate` alone.

Seen with jax 0.12.0.1, flax 0.12.12 and equinox 0.13.8, on a processor with AVX-512 and native
code; the checkouts were jax cec06d1 (August 2026), flax 18f8f31 (July 2026) and equinox v0.13.8:

    library    tests   skipped   fail without   fail with   fail with it alone
    jax         1329        15              0           0                    0
    flax         730         0              0           0                    0
    equinox       26         0              0           0                    0
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import NamedTuple
from xml.etree import ElementTree

REPOSITORY = pathlib.Path(__file__).parents[2]
SECONDS = 3600
"""The longest that the tests of one file, or folder, may take."""

WORST_FIRST = ("failed", "passed", "skipped")


class Peer(NamedTuple):
    """Which of a library's tests run: files or folders, and pytest's ``-k``."""

    paths: tuple[str, ...]
    select: str


PEERS = {
    "jax": Peer(
        ("tests/lax_test.py", "tests/lax_autodiff_test.py", "tests/lax_vmap_test.py"),
        "Conv or ReduceWindow or SelectAnd",
    ),
    "flax": Peer(("tests/linen", "tests/nnx"), "conv or pool"),
    "equinox": Peer(("tests/test_nn.py",), "conv or pool"),
}


def main() -> None:
    """Run the tests that the command line names and print the two lists of each library."""
    parser = argparse.ArgumentParser(prog="python -m tests.peers", description=__doc__)
    for name in PEERS:
        parser.add_argument(f"--{name}", type=pathlib.Path, metavar="DIR")
    args = vars(parser.parse_args())
    checkouts = {name: folder for name, folder in args.items() if folder}
    if not checkouts:
        parser.error("name at least one checkout: --jax, --flax or --equinox")
    for name, folder in checkouts.items():
        for path in PEERS[name].paths:
            if not (folder / path).exists():
                parser.error(f"--{name}: {folder} has no {path}; it must be a checkout of {name}")
    faults = [broken(name, folder) for name, folder in checkouts.items()]
    sys.exit(1 if any(faults) else 0)


def broken(name: str, checkout: pathlib.Path) -> list[str]:
    """Print what fails without and with `accelerate`; the tests that pass only without it."""
    plain, fast = {}, {}
    for path in PEERS[name].paths:
        plain |= outcomes(checkout, path, PEERS[name].select, accelerated=False)
        fast |= outcomes(checkout, path, PEERS[name].select, accelerated=True)
    if plain.keys() != fast.keys():
        raise SystemExit(f"{name}: not the same tests ran both times")
    without = [test for test in plain if plain[test] == "failed"]
    only = [test for test in plain if plain[test] == "passed" != fast[test]]
    both = [test for test in without if fast[test] == "failed"]
    skipped = list(plain.values()).count("skipped")
    print(f"\n{name}: {len(plain)} tests, {skipped} of them skipped")
    print(f"  {len(without)} fail without accelerate, {len(both)} of them with it too")
    print(*without, sep="\n", end="\n" if without else "")
    print(f"  {len(only)} fail with it alone")
    print(*only, sep="\n", end="\n" if only else "", flush=True)
    return only


def outcomes(
    checkout: pathlib.Path, path: str, select: str, *, accelerated: bool
) -> dict[str, str]:
    """Run tests in a process of their own: for each, "passed", "failed" or "skipped"."""
    found = [str(REPOSITORY), str(REPOSITORY / "tests" / "peers"), os.environ.get("PYTHONPATH")]
    environment = {
        **os.environ,
        "JAX_NUM_GENERATED_CASES": "40",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(filter(None, found)),
    }
    # The library that is installed is tested, not the one in the checkout: -P, importlib.
    command = [sys.executable, "-P", "-m", "pytest", "--import-mode=importlib", "-q", "--tb=short"]
    command += ["-p", "no:cacheprovider", "-k", select, path]
    if accelerated:
        command += ["-p", "accelerating"]
    with tempfile.TemporaryDirectory() as folder:
        results = pathlib.Path(folder) / "results.xml"
        command.append(f"--junitxml={results}")
        try:
            run = subprocess.run(
                command, cwd=checkout, env=environment, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise SystemExit(f"{checkout / path}: more than {SECONDS} seconds") from None
        # 1 is that tests failed; anything else that they did not run.
        if run.returncode not in (0, 1):
            raise SystemExit(f"{checkout / path}: pytest ended with status {run.returncode}")
        cases = list(ElementTree.parse(results).iter("testcase"))
    became: dict[str, str] = {}
    for case in cases:
        test = f"{path}::{case.get('classname')}::{case.get('name')}"
        # Parts of a test (subtests) have entries of their own: one that fails is enough.
        became[test] = min(became.get(test, "skipped"), outcome(case), key=WORST_FIRST.index)
    return became


def outcome(case: ElementTree.Element) -> str:
    """What became of a test, or of a part of one, from pytest's record of it."""
    marks = {child.tag for child in case}
    if marks & {"failure", "error"}:
        return "failed"
    return "skipped" if "skipped" in marks else "passed"


if __name__ == "__main__":
    main()
