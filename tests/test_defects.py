"""Tests the search for known defects of jax, and its verdicts: right, wrong, crashes, hangs."""

import io
import platform
import subprocess
import sys

import jax
import pytest
from rich.console import Console

import jaxcnn.check.defects as defects
from jaxcnn.check import Finding, known_defects
from jaxcnn.check.probes import PROBES, WRONG
from jaxcnn.check.tables import run_check

PROGRAMS = {
    "right": "",
    "wrong": f"raise SystemExit({WRONG})",
    "crashes": "import os; os.abort()",
    "hangs": "import threading; print('on', flush=True); threading.Event().wait()",
    "not tried": "raise RuntimeError('jax has no such function')",
}


@pytest.mark.parametrize(("verdict", "program"), PROGRAMS.items())
def test_verdicts(verdict, program):
    seconds = 1.0 if verdict == "hangs" else 60.0
    detail = {
        "crashes": "SIGABRT",
        "hangs": "no result after 1 seconds",
        "not tried": "RuntimeError: jax has no such function",
    }
    assert defects.tried(["-c", program], seconds) == (verdict, detail.get(verdict, ""))


def test_a_finding_is_one_line():
    line = "jax #39103: sums of fused reductions: "
    assert str(Finding("jax #39103", "sums of fused reductions", "wrong")) == f"{line}wrong"
    finding = Finding("jax #39103", "sums of fused reductions", "crashes", "SIGSEGV")
    assert str(finding) == f"{line}crashes (SIGSEGV)"


def test_the_programs_run_on_a_cpu_and_see_the_flags(monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "tpu")
    monkeypatch.setenv("XLA_FLAGS", "--some_flag")
    text = "import os; raise SystemExit([os.environ[n] for n in ('JAX_PLATFORMS', 'XLA_FLAGS')])"
    assert defects.tried(["-c", text]) == ("not tried", "['cpu', '--some_flag']")


def test_every_program_belongs_to_a_defect():
    names = [probe.__name__ for probe in PROBES]
    assert [defect.probe.__name__ for defect in defects.DEFECTS] == names


@pytest.mark.slow
def test_the_installed_jax():
    """Each program runs to a verdict; the silent defects of jax 0.10.2 are seen, and mended later."""
    findings = {finding.issue: finding for finding in known_defects()}
    assert list(findings) == [defect.issue for defect in defects.DEFECTS]
    assert not [str(f) for f in findings.values() if f.verdict in ("hangs", "not tried")]
    if jax.__version_info__ >= (0, 12):
        assert findings["jax #39103"].verdict == "right"
        assert findings["xla #48713"].verdict == "right"
    elif jax.__version_info__ == (0, 10, 2) and platform.machine() == "x86_64":
        assert findings["jax #39103"].verdict == "wrong"


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("verdict", ["right", "wrong", "crashes", "hangs", "not tried"])
def test_the_status_follows_the_defects_only_if_strict(verdict, strict, monkeypatch):
    monkeypatch.setattr(defects, "DEFECTS", defects.DEFECTS[:1])
    monkeypatch.setattr(defects, "tried", lambda words: (verdict, ""))
    text = io.StringIO()
    status = run_check(
        ["corr1d"], ["float32"], strict=strict, console=Console(file=text, width=120)
    )
    assert status == (1 if strict and verdict != "right" else 0)
    assert f"jax #39103: sums of fused reductions: {verdict}\n" in text.getvalue()


@pytest.mark.slow
def test_the_programs_need_nothing_of_jaxcnn():
    """A defect must not hide behind the convolutions of jaxcnn, or end the process at its import."""
    text = f"import runpy, sys; runpy.run_path({defects.probes.__file__!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "jaxcnn" not in done.stdout.split()
