"""Memory that a step frees is kept for the next one, where it was asked for."""

import os
import platform
import subprocess
import sys

import pytest

import jaxcnn.cli

PROGRAM = """
import resource, sys
import jax, jax.numpy as jnp
import jaxcnn
if "keep" in sys.argv:
    print(jaxcnn.engine.keep_memory())
x = jnp.ones((4000, 4000))  # glibc keeps blocks below 32 MB anyway, at times
@jax.jit
def step(x):
    return x + 1
def fetched():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        step(x).block_until_ready()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
# The heap grows now and then until each block finds its place: the calmest steps count.
print(min(fetched() for _ in range(10)))
"""

GLIBC = platform.libc_ver()[0] == "glibc"
"""No other library of C gives pages back and can be told not to."""


def words(*args, **variables):
    rest = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *args],
        env=rest | variables, capture_output=True, text=True, timeout=240, check=True,
    )  # fmt: skip
    return done.stdout.split()


@pytest.mark.slow
def test_a_warm_step_fetches_no_pages():
    """64 MB are 16,000 pages of 4 KB in each step; huge pages are fewer."""
    (fetched,) = words()
    switched, kept = words("keep")
    assert switched == str(GLIBC)
    if GLIBC:
        assert int(fetched) > 100
        assert int(kept) < 0.1 * int(fetched)


@pytest.mark.slow
def test_settings_of_the_user_stay():
    assert words("keep", MALLOC_ARENA_MAX="2")[0] == "False"


def test_the_command_keeps_memory(monkeypatch, capsys):
    called = []
    monkeypatch.setattr(jaxcnn.cli, "keep_memory", lambda: called.append(True))
    jaxcnn.cli.main(["models"])
    assert called == [True]
    assert "lenet" in capsys.readouterr().out
