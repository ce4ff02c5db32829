"""The tests of JAX, Flax and Equinox, plain and under `accelerate`: which fail with it alone?

    python -m tests.peers --jax DIR --flax DIR --equinox DIR

Each DIR is a checkout of that library's sources, at about the version that is installed; one or
two of them will do. The tests need `absl-py`, `beartype` and `cloudpickle` beside what
`make test` installs.
"""

import argparse
import collections
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from typing import NamedTuple

REPOSITORY = pathlib.Path(__file__).parents[2]
SECONDS = 3600
"""The longest that the tests of one file, or folder, may take."""


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
    sys.exit(1 if any([broken(name, folder) for name, folder in checkouts.items()]) else 0)


def broken(name: str, checkout: pathlib.Path) -> list[str]:
    """Print what fails without and with `accelerate`; the tests that fail only with it."""
    plain, fast = {}, {}
    for path in PEERS[name].paths:
        plain |= outcomes(checkout, path, PEERS[name].select, accelerated=False)
        fast |= outcomes(checkout, path, PEERS[name].select, accelerated=True)
    if plain.keys() != fast.keys():
        raise SystemExit(f"{name}: not the same tests ran both times")
    without = sorted(test for test in plain if plain[test] == "failed")
    only = sorted(test for test in fast if fast[test] == "failed" and test not in without)
    counts = collections.Counter(fast.values())
    print(f"\n{name}: {len(fast)} tests, {counts['skipped']} skipped")
    for title, tests in (("fail without accelerate", without), ("fail only with it", only)):
        print(f"  {len(tests)} {title}", *tests, sep="\n    ", flush=True)
    return only


def outcomes(
    checkout: pathlib.Path, path: str, select: str, *, accelerated: bool
) -> dict[str, str]:
    """Run tests in a process of their own: for each, "passed", "failed" or "skipped"."""
    here = [str(REPOSITORY), str(REPOSITORY / "tests" / "peers" / "plugins")]
    environment = {
        **os.environ,
        "JAX_NUM_GENERATED_CASES": "40",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([*here, os.environ.get("PYTHONPATH", "")]),
    }
    with tempfile.TemporaryDirectory() as folder:
        results = pathlib.Path(folder) / "results.xml"
        command = [sys.executable, "-P", "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider"]
        command += ["--import-mode=importlib", "-k", select, f"--junitxml={results}", path]
        if accelerated:
            command += ["-p", "accelerating"]
        subprocess.run(command, cwd=checkout, env=environment, timeout=SECONDS, check=False)
        if not results.exists():
            raise SystemExit(f"{checkout / path}: pytest wrote no results")
        return {
            f"{path}::{case.get('classname')}::{case.get('name')}": outcome(case)
            for case in ET.parse(results).iter("testcase")
        }


def outcome(case: ET.Element) -> str:
    """What became of a test, from pytest's record of it."""
    kinds = {child.tag for child in case}
    if kinds & {"failure", "error"}:
        return "failed"
    return "skipped" if "skipped" in kinds else "passed"


if __name__ == "__main__":
    main()
