"""Write docs/ops.md from what the tests of this run found: ``python -m tests.ops.table``.

A run of some of the tests (``-k "resize or sharded"``) writes the cells of what it tried anew and
leaves the others as they are: run whole ops, since a cell counts the cases of this run.
"""

import collections
import pathlib
import sys

import pytest

from tests.outcomes import Recorder

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "ops.md"

PROPERTIES = {
    "torch": "torch",
    "reference": "reference",
    "jit": "jit",
    "no recompilation": "compiled once",
    "vmap": "vmap",
    "grad": "grad",
    "jvp": "jvp",
    "hessian": "hessian",
    "checkpoint": "checkpoint",
    "export": "export",
    "bfloat16": "bf16",
    "float16": "f16",
    "layout": "layouts",
    "sharded": "sharded",
}

INTRODUCTION = """# What was tested of each op

Written by `python -m tests.ops.table` from the outcomes of the tests; not edited by hand.
A number says in how many cases of the op the property held; `n/m` says that it held in n of m,
and — that it was not tried: torch has no such op, the op has no `layout`, the inputs are
integers, or (the expensive properties) a short run tried the first case only.

- **torch**: results and gradients equal torch's, to 1e-12 in float64 and 1e-5 in float32.
- **reference**: equal to the NumPy twin in float64, to 1e-12.
- **jit**: equal to the eager call; **compiled once**: a second call compiles nothing.
- **vmap**: over each batched input, results and gradients, equal to a loop.
- **grad**: equal to finite differences; **jvp**: consistent with the gradient.
- **hessian**: equal to differences of the gradient; **checkpoint**: the same gradient.
- **export**: result and derivatives lower for cpu, cuda, rocm and tpu.
- **bf16**, **f16**: the dtype is kept, and the result is the wide one rounded once.
- **layouts**: channels first and channels last agree.
- **sharded**: results and gradients on eight devices, the batch sharded, equal those of one: under
  a mesh with explicit axes, with automatic axes and inside `shard_map`, with native code and
  without; for convolutions also with a kernel sharded over its output channels.

"""


def page(recorder: Recorder, old: str) -> str:
    """The whole of docs/ops.md, from what it was."""
    # pytest wants to import first what it rewrites.
    from tests.ops import suite

    cases = collections.Counter(sorted(case.op for case in suite.CASES))
    return INTRODUCTION + recorder.table("op", cases, PROPERTIES, old)


def main(arguments: list[str]) -> int:
    """Run every property of every case (or what ``arguments`` select) and write the page."""
    recorder = Recorder()
    folder = pathlib.Path(__file__).parent
    tests = [str(folder / name) for name in ("test_cases.py", "test_sharded.py")]
    status = pytest.main([*tests, "-q", "-m", "", *arguments], plugins=[recorder])
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(recorder, PAGE.read_text() if PAGE.exists() else ""))
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
