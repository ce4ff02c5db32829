"""Finds out whether the installed jax has any of the known defects of jax on CPUs.

The defects are XLA's, and no release of jax lists them. Each is tried in a process of its own with
a time limit, because some crash the process, and some never end.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from jaxcnn.check import probes

Verdict = Literal["right", "wrong", "crashes", "hangs", "not tried"]

SECONDS = 120.0
"""The time limit of one program in seconds; it takes one or two, most of them to import jax."""


class Defect(NamedTuple):
    """A known defect of jax, and the program that shows it.

    Attributes:
        issue: where it is reported: ``jax`` is jax-ml/jax, ``xla`` is openxla/xla.
        subject: the computations that are affected.
        probe: the function in `jaxcnn.check.probes` that is affected by it.
    """

    issue: str
    subject: str
    probe: Callable[[], bool]


DEFECTS = (
    Defect("jax #39103", "sums of fused reductions", probes.fused_sums),
    Defect("xla #48713", "convolutions that crop and pad", probes.cropped_convolution),
    Defect("xla #48714", "pooling of a dilated input", probes.pooled_dilation),
    Defect("xla #48715", "pooling after cropping and dilating", probes.pooled_crop),
    Defect("jax #40412", "sums of products of seven dimensions", probes.seven_dimensions),
    Defect("jax #39257", "sums of products of eight dimensions", probes.eight_dimensions),
    Defect("xla #48719", "pooling windows of one pixel that crop", probes.single_pixels),
)
"""The defects that a convolutional network can meet, seen on a release that jaxcnn supports."""


class Finding(NamedTuple):
    """The result of trying one known defect.

    Attributes:
        issue: where the defect is reported.
        subject: the computations that are affected.
        verdict: ``"right"``, ``"wrong"``, ``"crashes"``, ``"hangs"`` or ``"not tried"``.
        detail: the signal of a crash, the reason why it was not tried, or nothing.
    """

    issue: str
    subject: str
    verdict: Verdict
    detail: str = ""

    def __str__(self) -> str:
        """One line, such as ``jax #39103: sums of fused reductions: right``."""
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.issue}: {self.subject}: {self.verdict}{detail}"


def known_defects(*, watch: Callable[[Sequence[Defect]], Iterable[Defect]] = iter) -> list[Finding]:
    """Try the known defects of jax on this machine's CPU, each in a process of its own.

    Environment variables apply, so ``XLA_FLAGS`` that avoid a defect change the result.

    Args:
        watch: a function that wraps the defects, to show the progress of the run.

    Returns:
        A `Finding` for each.
    """
    return [
        Finding(
            defect.issue,
            defect.subject,
            *tried(["-P", str(Path(probes.__file__)), defect.probe.__name__]),
        )
        for defect in watch(DEFECTS)
    ]


def tried(words: Sequence[str], seconds: float = SECONDS) -> tuple[Verdict, str]:
    """Run Python with these arguments; returns how the process ended, and a detail or nothing."""
    try:
        done = subprocess.run(
            [sys.executable, *words],
            env=os.environ | {"JAX_PLATFORMS": "cpu"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return "hangs", f"no result after {seconds:g} seconds"
    if done.returncode == 0:
        return "right", ""
    if done.returncode == probes.WRONG:
        return "wrong", ""
    if done.returncode < 0:
        return "crashes", signal.Signals(-done.returncode).name
    last = done.stderr.strip().splitlines()[-1:]
    return "not tried", last[0] if last else f"exit status {done.returncode}"
