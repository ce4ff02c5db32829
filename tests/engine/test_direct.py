"""The C++ convolution against XLA's, and machines without a compiler."""

import functools
import hashlib
import os
import pathlib
import platform
import subprocess
import sys

import hypothesis
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

import jaxcnn as jc
from jaxcnn.engine import compiler, explain, row_packing, survey
from jaxcnn.engine.choice import refuses
from tests.engine.programs import draw
from tests.engine.test_algorithms import by
from tests.sweep import sweep

X86 = platform.machine() in ("x86_64", "AMD64")

NATIVE = not compiler.native().reason


@sweep(10)
@hypothesis.given(seed=st.integers(0, 10**6))
def test_equals_xla(seed):
    drawn = draw(seed)
    if 0 in jax.eval_shape(drawn, drawn.x, drawn.kernel).shape:
        return
    for task, (fn, args) in drawn.tasks().items():
        args = [jnp.asarray(a, jnp.float32) for a in args]
        expected = np.asarray(jax.jit(lambda *args, fn=fn: fn(*args))(*args))
        result = by("direct", fn, args)
        if not NATIVE:
            assert result is None
        if result is None:
            continue
        assert result.shape == expected.shape
        scale = max(1.0, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(result, expected, rtol=0, atol=3e-6 * scale, err_msg=task)


# Shapes that reach what random small ones do not: several blocks of pixels, vectors and slices.
LARGE = {
    "rows in blocks": ((1, 150, 150, 24), (3, 3, 24, 40), {"padding": 1}),
    "long rows": ((1, 20000, 12), (9, 12, 33), {"padding": 4, "stride": 2}),
    "a kernel in slices": ((2, 5, 5, 300), (3, 3, 300, 500), {"padding": 1}),
    "groups in vectors": ((2, 30, 30, 120), (3, 3, 4, 120), {"padding": 1, "groups": 30}),
    "two features per channel": ((2, 30, 30, 40), (5, 5, 1, 80), {"padding": 2, "groups": 40}),
    "more channels than lanes": ((2, 9, 9, 120), (3, 3, 20, 18), {"groups": 6}),
    "short rows, two at a time": ((2, 7, 6, 20), (5, 3, 20, 48), {"padding": (4, 1)}),
    "planes beyond the border": ((1, 3, 5, 5, 9), (3, 3, 3, 9, 20), {"padding": 2}),
    "results together": ((2, 28, 28, 16), (5, 5, 16, 6), {"padding": 4}),
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.slow
def test_equals_xla_in_large(name):
    shape, kernel_shape, options = LARGE[name]
    random = np.random.default_rng(0)
    x, kernel = (random.standard_normal(s, np.float32) for s in (shape, kernel_shape))
    conv = {3: jc.conv1d, 4: jc.conv2d, 5: jc.conv3d}[len(shape)]

    def results(algorithm):
        fn = functools.partial(conv, **options, algorithm=algorithm)
        y, pull = jax.vjp(fn, x, kernel)
        return y, *pull(np.cos(np.arange(y.size, dtype=np.float32)).reshape(y.shape))

    expected = jax.jit(functools.partial(results, "lax"))()
    algorithm = "direct" if NATIVE else "auto"
    for result, wanted in zip(
        jax.jit(functools.partial(results, algorithm))(), expected, strict=True
    ):
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(result, wanted, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize(("features", "packed"), [(4, True), (6, True), (16, False), (48, False)])
def test_only_few_features_are_packed_together(features, packed):
    """Full vectors are never packed, which `direct.run` relies on."""
    operands = jnp.ones((1, 8, 12, 4)), jnp.ones((3, 3, 4, features))
    ((task, *_),) = survey._tasks(jc.conv2d, operands)
    assert (row_packing.together(task.problem) > 1) == packed


def test_the_same_numbers_again():
    random = np.random.default_rng(0)
    x = jnp.asarray(random.standard_normal((32, 28, 28, 6), np.float32))
    kernel = jnp.asarray(random.standard_normal((5, 5, 6, 16), np.float32))
    gradient = jax.jit(jax.grad(lambda k: (jc.conv2d(x, k) ** 2).sum()))
    first = np.asarray(gradient(kernel))
    assert all((np.asarray(gradient(kernel)) == first).all() for _ in range(20))


def test_an_infinity_stays_within_its_windows():
    x = np.zeros((1, 9, 9, 16), np.float32)
    x[0, 4, 4] = np.inf
    kernel = np.ones((3, 3, 16, 16), np.float32)
    y = np.asarray(jc.conv2d(x, kernel, algorithm="direct" if NATIVE else "lax"))
    expected = np.zeros_like(y)
    expected[0, 2:5, 2:5] = np.inf
    np.testing.assert_array_equal(y, expected)


def loss(x, kernel):
    return (jc.conv2d(x, kernel, padding=1) ** 2).sum()


X, KERNEL = jnp.ones((8, 6, 6, 4)), jnp.ones((3, 3, 4, 4))


def test_is_called_within_one_device_only():
    gradient = jax.jit(jax.grad(loss))
    assert ("jaxcnn_convolution" in gradient.lower(X, KERNEL).as_text()) == NATIVE
    exported = jax.export.export(gradient, platforms=["cpu"])(X, KERNEL)
    assert "custom_call" not in exported.mlir_module()


def run(program, *words, **environment):
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=300,
        env={**os.environ, "JAXCNN_NATIVE": "1", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


NARROW = """
import sys
import jax, numpy as np, jaxcnn as jc
from jaxcnn.engine import compiler
compiler.FLAGS = (*(flag for flag in compiler.FLAGS if flag != "-march=native"), *sys.argv[1:])
random = np.random.default_rng(0)
for groups, features in ((1, 6), (1, 40), (12, 12), (6, 24)):
    x = random.standard_normal((3, 19, 17, 12), np.float32)
    k = random.standard_normal((3, 5, 12 // groups, features), np.float32)
    def all_of(algorithm):
        conv = lambda x, k: jc.conv2d(x, k, stride=(1, 2), padding=2, groups=groups, algorithm=algorithm)
        y, pull = jax.vjp(conv, x, k)
        return y, *pull(np.cos(y))
    for a, b in zip(all_of("direct"), all_of("lax")):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())
x, k = (random.standard_normal(s, np.float32) for s in ((3, 9, 6, 32), (3, 3, 32, 48)))
def all_of(algorithm):
    y, pull = jax.vjp(lambda x, k: jc.conv2d(x, k, padding=1, algorithm=algorithm), x, k)
    return y, *pull(np.cos(np.arange(y.size, dtype=np.float32)).reshape(y.shape))
for a, b in zip(all_of("winograd_tiles"), all_of("lax")):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())
x = random.standard_normal((9, 7, 6, 21), np.float32)
for a, b in zip(jax.nn.standardize(x, (0, 1, 2), epsilon=1e-5)[0, 0, 0],
                jc.batch_norm(x, np.zeros(21, np.float32), np.ones(21, np.float32), train=True)[0][0, 0, 0]):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
x = random.integers(-3, 4, (2, 9, 9, 21)).astype(np.float32)
pool = lambda x: (jc.max_pool2d(x, 3, stride=2, padding=1) ** 2).sum()
gradient = jax.grad(pool)
sums = np.zeros(x.shape, np.float32)
for i, j in np.ndindex(5, 5):
    rows, columns = slice(max(2 * i - 1, 0), 2 * i + 2), slice(max(2 * j - 1, 0), 2 * j + 2)
    window = x[:, rows, columns].reshape(2, -1, 21)
    first = np.arange(window.shape[1])[None, :, None] == window.argmax(1)[:, None]
    sums[:, rows, columns] += (2 * window * first).reshape(x[:, rows, columns].shape)
assert "@jaxcnn_max_pool_gradient" in jax.jit(gradient).lower(x).as_text()
np.testing.assert_allclose(gradient(x), sums)
print("equal")
"""


@pytest.mark.deep
@pytest.mark.parametrize("flags", [[], ["-mavx2", "-mfma"]] if X86 else [[]])
def test_processors_with_narrower_vectors(flags, tmp_path):
    assert NATIVE
    assert run(NARROW, *flags, JAXCNN_CACHE_DIR=str(tmp_path)) == "equal\n"


WHY = """
import jax, jaxcnn as jc
from jaxcnn.engine.compiler import native
assert jc.conv2d(jax.numpy.ones((2, 8, 8, 4)), jax.numpy.ones((3, 3, 4, 4))).sum() == 10368
print(native().reason)
"""


@pytest.mark.slow
def test_without_a_compiler():
    assert run(WHY, JAXCNN_NATIVE="0") == "JAXCNN_NATIVE=0 turns native code off\n"
    assert run(WHY, CXX="no-such-compiler") == "no C++ compiler was found\n"


@pytest.mark.slow
def test_a_compiler_that_fails(tmp_path):
    fails = tmp_path / "c++"
    fails.write_text("#!/bin/sh\n[ $1 = --version ] && exit\necho 'error: no space' >&2\nexit 1\n")
    fails.chmod(0o755)
    said = run(WHY, CXX=str(fails), JAXCNN_CACHE_DIR=str(tmp_path / "cache"))
    assert said == "native code could not be compiled: error: no space\n"


def test_a_damaged_library_is_made_anew(tmp_path, monkeypatch):
    made = iter([b"good", b"good again"])
    monkeypatch.setenv("JAXCNN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiler, "_compile", lambda _: next(made))
    path, _ = compiler._compiled(sys.executable)
    assert (compiler._compiled(sys.executable)[0], path.read_bytes()) == (path, b"good")
    assert path.with_suffix(".sha256").read_text() == hashlib.sha256(b"good").hexdigest()
    path.write_bytes(b"goo")
    compiler._compiled(sys.executable)
    assert path.read_bytes() == b"good again"
    assert len(list(tmp_path.iterdir())) == 2


def test_code_is_kept_where_no_one_else_can_write(tmp_path):
    assert compiler._private(tmp_path / "own") == tmp_path / "own"
    (tmp_path / "own").chmod(0o777)
    other = compiler._private(tmp_path / "own")
    assert other != tmp_path / "own"
    assert other.stat().st_mode & 0o077 == 0
    assert compiler._private(pathlib.Path("/dev/null/x")) == other


def test_refuses():
    (found,) = explain(jc.conv2d, X, KERNEL)
    assert (found.algorithm == "direct") == NATIVE
    for dtype in (jnp.int32, jnp.bfloat16):  # sums of bfloat16 are kept in float32
        operands = jnp.ones((1, 3, 3, 1), dtype), jnp.ones((3, 3, 1, 1), dtype)
        with pytest.raises(
            ValueError, match="'direct' cannot do this convolution: it computes in float32"
        ):
            jc.conv2d(*operands, algorithm="direct")
    (task,) = (task for task, *_ in survey._tasks(jc.conv2d, (X, KERNEL)))
    assert refuses(task.problem, "direct", portable=True) == "its code is of this machine alone"
