"""Compiled programs are kept from one start to the next, and nothing depends on them."""

import os
import shutil
import subprocess
import sys
import warnings

import jax
import pytest

from jaxcnn.cli import main
from jaxcnn.cli.caching import keep_compiled, mend_when_damaged, shrink
from jaxcnn.engine import caches

CHOSEN = ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "JAXCNN_COMPILE_CACHE")  # fmt: skip


@pytest.fixture
def words(tiny, tmp_path):
    """A run of a second or two."""
    return ["train", "--dataset", "fashion_mnist", "--data-dir", str(tiny), "--epochs", "1",
            "--run-dir", str(tmp_path / "run"), "--overwrite"]  # fmt: skip


@pytest.fixture
def start(words, tmp_path):
    """Starts that share a cache; the native code comes from where the other tests have it."""
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    for path in caches.folder().glob("native-*"):
        shutil.copy(path, cache)
    rest = {name: value for name, value in os.environ.items() if name not in CHOSEN}

    def begin():
        done = subprocess.run(
            [sys.executable, "-m", "jaxcnn", *words],
            env=rest | {"JAXCNN_CACHE_DIR": str(cache), "JAX_LOG_COMPILES": "1"},
            capture_output=True, text=True, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        mine = [line for line in done.stderr.splitlines() if line.startswith("jaxcnn:")]
        digest = next(x for x in done.stdout.splitlines() if x.startswith("parameters sha256"))
        return digest, mine, done.stderr

    return begin, cache


@pytest.mark.slow
def test_a_second_start_reads_what_the_first_compiled(start):
    """Also where one program was written only in part."""
    begin, cache = start
    first, said, _ = begin()
    assert said == []
    (folder,) = cache.glob("xla-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    (damaged,) = folder.glob("jit_scored-*-cache")
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:1000])
    second, said, log = begin()
    assert second == first
    assert "Persistent compilation cache hit for 'jit_span'" in log
    (line,) = said
    assert line.startswith(f"jaxcnn: warning: a compiled program in {folder} could not be read, ")
    assert len(damaged.read_bytes()) > 1000


@pytest.mark.deep
def test_native_code_that_was_deleted_meanwhile(start):
    """The kept programs call it by the name that it has again when it is compiled anew."""
    begin, cache = start
    first, _, _ = begin()
    for path in cache.glob("native-*"):
        path.unlink()
    second, said, log = begin()
    assert (second, said) == (first, [])
    assert "Persistent compilation cache hit for 'jit_span'" in log


@pytest.fixture
def fresh(monkeypatch):
    """A process in which nobody has chosen a cache."""
    for name in CHOSEN:
        monkeypatch.delenv(name, raising=False)
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    show = warnings.showwarning
    jax.config.update("jax_compilation_cache_dir", None)
    yield monkeypatch
    for name, value in before.items():
        jax.config.update(name, value)
    warnings.showwarning = show


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_one_line(fresh, words, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    fresh.setenv("JAXCNN_CACHE_DIR", str(tmp_path / "file" / "cache"))
    main(words)
    output = capsys.readouterr()
    assert output.err.startswith(f"jaxcnn: warning: compiled programs are not kept: {tmp_path}")
    assert output.err.count("\n") == 1
    assert "parameters sha256: " in output.out
    assert jax.config.jax_compilation_cache_dir is None


def test_a_cache_that_others_may_write_is_not_used(fresh, tmp_path, capsys):
    """What lies in it is run."""
    fresh.setenv("JAXCNN_CACHE_DIR", str(tmp_path))
    folder = tmp_path / f"xla-{caches.processor()[:16]}"
    folder.mkdir()
    folder.chmod(0o777)
    keep_compiled()
    assert "cannot be written by this user alone" in capsys.readouterr().err
    assert jax.config.jax_compilation_cache_dir is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("JAXCNN_COMPILE_CACHE", "0"), ("JAX_COMPILATION_CACHE_DIR", "/elsewhere"), ("JAX_COMPILATION_CACHE_DIR", "")],
)  # fmt: skip
def test_the_user_chooses(name, value, fresh, tmp_path, capsys):
    fresh.setenv("JAXCNN_CACHE_DIR", str(tmp_path / "cache"))
    fresh.setenv(name, value)
    keep_compiled()
    assert jax.config.jax_compilation_cache_dir is None
    assert not (tmp_path / "cache").exists()
    assert capsys.readouterr().err == ""


def test_the_oldest_programs_go_first(tmp_path):
    for age, size in enumerate((40, 30, 20, 10)):
        path = tmp_path / f"jit_{age}-cache"
        path.write_bytes(bytes(size))
        os.utime(path, (1000 - age, 1000 - age))
    (tmp_path / "other").write_bytes(bytes(1000))
    shrink(tmp_path, 75)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"jit_0-cache", "jit_1-cache", "other"}


def test_other_warnings_are_shown_as_ever(fresh, tmp_path, capsys):
    shown = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        fresh.setattr(warnings, "showwarning", lambda message, *_: shown.append(str(message)))
        mend_when_damaged(tmp_path)
        warnings.warn("something else", stacklevel=1)
        for name in ("jit_f", "jit_g"):
            (tmp_path / f"{name}-123-cache").write_bytes(b"")
        message = "Error writing persistent compilation cache entry for 'jit_f': OSError: full"
        warnings.warn(message, stacklevel=1)
    assert shown == ["something else"]
    line = f"jaxcnn: warning: a compiled program in {tmp_path} could not be kept: OSError: full\n"
    assert capsys.readouterr().err == line
    assert [path.name for path in tmp_path.iterdir()] == ["jit_g-123-cache"]
