"""The identity of the engine: when it changes, and the warning on machines without a compiler."""

import os
import shutil
import stat
import subprocess
import sys

import pytest

from jaxcnn import engine
from jaxcnn.engine import Identity, caches, compiler, tuned
from jaxcnn.engine.compiler import Native
from jaxcnn.engine.survey import _tasks
from tests.engine.test_choice import images, winners  # noqa: F401  (a fixture)
from tests.engine.test_direct import NATIVE, X86, run

SECONDS = 300


def test_it_says_what_computes_here():
    here = engine.identity("cpu")
    assert here == engine.identity()
    assert here.kind == ("native" if NATIVE else "portable")
    assert bool(here.sources) == NATIVE
    assert here.reason == compiler.native().reason
    assert here.instructions == caches.instructions()
    assert Identity(**here._asdict()).same(here)


@pytest.mark.parametrize("platform", ["gpu", "tpu"])
def test_accelerators_have_xlas_own(platform, monkeypatch):
    monkeypatch.setattr(compiler, "native", lambda: pytest.fail("nothing is compiled for it"))
    assert engine.identity(platform) == Identity("xla")
    assert str(engine.identity(platform)) == "XLA's own convolutions"


def test_the_same_bits_or_others():
    here = Identity("native", "x86_64 avx2 fma", "0123", "", "")
    assert not here.same(here._replace(instructions="x86_64 avx"))
    assert not here.same(here._replace(sources="4567"))
    assert not here.same(here._replace(measured="89ab"))
    slow = Identity("portable", "x86_64 avx2 fma", reason="no C++ compiler was found")
    assert not here.same(slow)
    assert slow.same(slow._replace(reason="JAXCNN_NATIVE=0 turns native code off"))


def test_it_reads_as_a_part_of_a_sentence():
    assert str(Identity("native", "x86_64 avx2 fma", "0123", "89ab")) == (
        "native code 0123 on x86_64 (avx2, fma) with the measurements 89ab"
    )
    assert str(Identity("portable", "arm64", reason="no C++ compiler was found")) == (
        "JAX's own operations on arm64, since no C++ compiler was found"
    )


def test_sources_and_flags_are_in_it(tmp_path, monkeypatch):
    monkeypatch.setattr(compiler, "native", lambda: Native({"any": "target"}, ""))
    before = engine.identity("cpu")
    monkeypatch.setattr(compiler, "SOURCES", shutil.copytree(compiler.SOURCES, tmp_path / "native"))
    assert engine.identity("cpu") == before
    with (tmp_path / "native" / "pools.h").open("a") as file:
        file.write("// changed\n")
    changed = engine.identity("cpu")
    assert not changed.same(before)
    monkeypatch.setattr(compiler, "FLAGS", (*compiler.FLAGS, "-ffast-math"))
    assert not engine.identity("cpu").same(changed)


def test_measurements_are_in_it(winners):  # noqa: F811
    before = engine.identity("cpu")
    assert before.measured == ""
    ((task, *_),) = _tasks(engine_call, (images(2, 8, 8, 4), images(3, 3, 4, 4)))
    tuned.keep({(task.problem, task.gradient): "im2col"})
    tuned.forget()
    assert engine.identity("cpu").measured
    assert not engine.identity("cpu").same(before)


def engine_call(x, kernel):
    import jaxcnn as jc

    return jc.conv2d(x, kernel)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["model name : A 9", "flags : fpu avx2 sse fma avx512f"], "avx2 avx512f fma"),
        (["model name : B 7 fma", "flags : fma avx512f avx2 fpu ibrs"], "avx2 avx512f fma"),
        (["Features : fp asimd sve2 sve"], "asimd sve sve2"),
        ([], ""),
    ],
)
def test_instructions_and_not_the_processors_name(lines, found, monkeypatch):
    monkeypatch.setattr(caches, "_cpuinfo", lambda: lines)
    assert caches.instructions.__wrapped__().split()[1:] == found.split()


IMPORT = "import jaxcnn, jaxcnn.training, jaxcnn.cli; print('imported')"


@pytest.mark.slow
def test_importing_asks_no_compiler(tmp_path):
    spy = tmp_path / "c++"
    spy.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\nexit 1\n")
    spy.chmod(spy.stat().st_mode | stat.S_IXUSR)
    assert run(IMPORT, CXX=str(spy), JAXCNN_CACHE_DIR=str(tmp_path / "cache")) == "imported\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c++"]


CONVOLVE = """
import sys, jax, jaxcnn as jc
if sys.argv[1:]:
    import logging
    logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
jc.engine.identity("gpu")
print("not yet", file=sys.stderr)
for size in (3, 5):
    jax.jit(jax.grad(lambda k: jc.conv2d(jax.numpy.ones((2, 8, 8, 4)), k).sum()))(jax.numpy.ones((size, size, 4, 4)))
jc.engine.identity("cpu")
"""


def heard(*words, **environment):
    """What a program that convolves writes on standard error, where warnings are errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CONVOLVE, *words],
        capture_output=True, text=True, timeout=SECONDS,
        env={**os.environ, "JAXCNN_NATIVE": "1", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


LOSS = "convolutions on this CPU run by JAX's own operations (ResNet-18 takes about a third longer)"


@pytest.mark.slow
def test_a_machine_without_a_compiler_is_told_once():
    said = f"no C++ compiler was found: {LOSS}; install g++ or clang++\n"
    assert heard(CXX="no-such-compiler") == f"not yet\n{said}"
    assert heard("log", CXX="no-such-compiler") == f"not yet\njaxcnn.engine WARNING {said}"


@pytest.mark.slow
def test_a_choice_needs_no_message():
    assert heard(JAXCNN_NATIVE="0", CXX="no-such-compiler") == "not yet\n"


@pytest.mark.slow
def test_a_compiler_that_fails_is_told_once(tmp_path):
    fails = tmp_path / "c++"
    fails.write_text("#!/bin/sh\n[ $1 = --version ] && exit\necho 'error: no space' >&2\nexit 1\n")
    fails.chmod(0o755)
    assert heard(CXX=str(fails), JAXCNN_CACHE_DIR=str(tmp_path / "cache")) == (
        f"not yet\nnative code could not be compiled: error: no space: {LOSS}; "
        f"JAXCNN_NATIVE=0 leaves this message out\n"
    )


BITS = """
import hashlib, sys
import jax, numpy as np, jaxcnn as jc
from jaxcnn.engine import compiler
kept = [flag for flag in compiler.FLAGS if flag not in ("-march=native", "-O3")]
compiler.FLAGS = (*kept, *sys.argv[1:])
random = np.random.default_rng(0)
digest = hashlib.sha256()
for groups, features in ((1, 6), (1, 8), (1, 40), (12, 12), (6, 24)):
    x = random.standard_normal((3, 19, 17, 12), np.float32)
    k = random.standard_normal((3, 5, 12 // groups, features), np.float32)
    conv = lambda x, k: jc.conv2d(x, k, stride=(1, 2), padding=2, groups=groups, algorithm="direct")
    y, pull = jax.vjp(conv, x, k)
    for result in (y, *pull(np.cos(np.arange(y.size, dtype=np.float32)).reshape(y.shape))):
        digest.update(np.asarray(result).tobytes())
x, k = (random.standard_normal(s, np.float32) for s in ((3, 9, 6, 32), (3, 3, 32, 48)))
y, pull = jax.vjp(lambda x, k: jc.conv2d(x, k, padding=1, algorithm="winograd_tiles"), x, k)
numbers = np.zeros(48, np.float32), np.ones(48, np.float32)
norm = lambda y: jc.batch_norm_activation(y, *numbers, *numbers[::-1], train=True)[0]
z, back = jax.vjp(norm, y)
for result in (y, *pull(np.cos(np.arange(y.size, dtype=np.float32)).reshape(y.shape)), z, *back(y)):
    digest.update(np.asarray(result).tobytes())
assert not compiler.native().reason
print(digest.hexdigest())
"""


@pytest.mark.deep
def test_the_compiler_changes_no_bit(tmp_path):
    """Neither its tuning nor its optimization: the same instructions give the same numbers."""
    avx2 = ("-mavx2", "-mfma")
    ways = [("-O3",), ("-O2",)]
    if X86:
        ways = [(*avx2, "-O3", f"-mtune={tuning}") for tuning in ("haswell", "znver3")]
        ways.append((*avx2, "-O2", "-mtune=generic"))
    found = {
        run(BITS, *way, JAXCNN_CACHE_DIR=str(tmp_path / str(number)))
        for number, way in enumerate(ways)
    }
    assert len(found) == 1
