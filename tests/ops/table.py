"""Write docs/ops.md from what the tests of this run found: ``python -m tests.ops.table``."""

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

"""


def page(recorder: Recorder) -> str:
    """The whole of docs/ops.md."""
    # pytest wants to import first what it rewrites.
    from tests.ops import suite

    ops = sorted({case.op for case in suite.CASES})
    lines = [
        "| op | cases | " + " | ".join(PROPERTIES.values()) + " |",
        "|---|" + "---|" * (len(PROPERTIES) + 1),
    ]
    for op in ops:
        cases = sum(case.op == op for case in suite.CASES)
        cells = [recorder.count(op, name) for name in PROPERTIES]
        lines.append(f"| `{op}` | {cases} | " + " | ".join(cells) + " |")
    return INTRODUCTION + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Run every property of every case (or what ``arguments`` select) and write the page."""
    recorder = Recorder()
    tests = str(pathlib.Path(__file__).parent / "test_cases.py")
    status = pytest.main([tests, "-q", "-m", "", *arguments], plugins=[recorder])
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(recorder))
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
