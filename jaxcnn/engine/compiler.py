"""Compiles the C++ code of this package at first use, and loads it.

The compiler is ``$CXX``, or the first of ``c++``, ``g++`` and ``clang++`` on the path. The library
is kept in `jaxcnn.engine.caches.folder` with its digest, for as long as the sources, the compiler,
jaxlib and the processor are the same; it may be deleted at any time. Without a compiler, or with
``JAXCNN_NATIVE=0``, everything is computed by XLA's operations instead. That a machine is slower
for want of a compiler is logged once in a process, as a warning of the logger ``jaxcnn.engine``.
"""

import ctypes
import functools
import hashlib
import logging
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jaxlib.version

from jaxcnn.engine import caches

SOURCES = pathlib.Path(__file__).parent / "native"

FLAGS = (
    *("-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-fPIC", "-shared"),
    # GCC would not fuse some sums where it tunes for Zen: other bits on the same instruction set.
    *("--param", "avoid-fma-max-bits=0"),
)

HANDLERS = (
    "jaxcnn_convolution",
    "jaxcnn_kernel_gradient",
    "jaxcnn_winograd",
    "jaxcnn_winograd_gradient",
    "jaxcnn_completed_convolution",
    "jaxcnn_completed_winograd",
    "jaxcnn_pack",
    "jaxcnn_winograd_pack",
    "jaxcnn_max_pool",
    "jaxcnn_max_pool_gradient",
    "jaxcnn_sum_pool",
    "jaxcnn_sum_pool_gradient",
    "jaxcnn_moments",
    "jaxcnn_channel_sums",
)

COMPILERS = ("c++", "g++", "clang++")

PATIENCE = 300
"""Seconds after which a compiler is stopped."""

_LOGGER = logging.getLogger("jaxcnn.engine")

LOSS = "convolutions on this CPU run by JAX's own operations (ResNet-18 takes about a third longer)"


class Native(NamedTuple):
    """The compiled library, or the reason why there is none.

    Attributes:
        targets: the names under which XLA knows the library's handlers, by their names in C++;
            empty where there is no library.
        reason: why there is no library; empty where there is one.
        packed_size: how many numbers a packed kernel has, from a pointer to the problem's sizes.
    """

    targets: dict[str, str]
    reason: str
    packed_size: Callable[[Any], int] = lambda sizes: 0


@functools.cache
def native() -> Native:
    """Compile and load the library at the first call, and return it."""
    if os.environ.get("JAXCNN_NATIVE", "1") == "0":
        return Native({}, "JAXCNN_NATIVE=0 turns native code off")
    if platform.system() == "Windows":
        return Native({}, "native code is not compiled on Windows")
    compiler = _compiler()
    if compiler is None:
        return _without("no C++ compiler was found", "install g++ or clang++")
    try:
        path, key = _compiled(compiler)
        library = ctypes.CDLL(str(path))
        targets = {}
        for name in HANDLERS:
            targets[name] = f"{name}_{key}"
            handler = jax.ffi.pycapsule(getattr(library, name))
            jax.ffi.register_ffi_target(targets[name], handler, platform="cpu")
        packed_size = library.jaxcnn_packed_size
        packed_size.restype = ctypes.c_int64
    except (OSError, subprocess.SubprocessError, AttributeError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
        lines = [line for line in said.splitlines() if "error" in line] or said.splitlines()
        why = f"native code could not be compiled: {(lines or [compiler])[0]}"
        return _without(why, "JAXCNN_NATIVE=0 leaves this message out")
    return Native(targets, "", packed_size)


def sources() -> str:
    """A digest of the C++ sources and of the flags that they are compiled with."""
    parts = [file.read_bytes() for file in sorted(SOURCES.iterdir()) if file.is_file()]
    parts += [flag.encode() for flag in FLAGS]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _without(reason: str, remedy: str) -> Native:
    """Log why there is no library: a Python warning would end programs under ``-W error``."""
    _LOGGER.warning("%s: %s; %s", reason, LOSS, remedy)
    return Native({}, reason)


def _compiler() -> str | None:
    named = os.environ.get("CXX")
    return next(filter(None, map(shutil.which, [named] if named else COMPILERS)), None)


def _compiled(compiler: str) -> tuple[pathlib.Path, str]:
    """The path of the compiled library, and the key of what it is made from."""
    key = _key(compiler)
    folder = _private(caches.folder())
    path = folder / f"native-{key}.so"
    digest = path.with_suffix(".sha256")
    # A damaged library would end the process.
    if not _sound(path, digest):
        content = _compile(compiler)
        _write(path, content)
        _write(digest, hashlib.sha256(content).hexdigest().encode())
    return path, key


def _key(compiler: str) -> str:
    version = subprocess.run(
        [compiler, "--version"], capture_output=True, check=True, timeout=PATIENCE
    ).stdout
    made_of = (sources(), jaxlib.version.__version__, caches.processor())
    parts = [version, *(word.encode() for word in made_of)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _compile(compiler: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder) / "native.so"
        words = [
            compiler,
            *FLAGS,
            "-isystem",
            jax.ffi.include_dir(),
            "handlers.cc",
            "-o",
            str(made),
        ]
        subprocess.run(
            words, cwd=SOURCES, capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        return made.read_bytes()


def _sound(path: pathlib.Path, digest: pathlib.Path) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == digest.read_text()
    except (OSError, ValueError):
        return False


def _private(folder: pathlib.Path) -> pathlib.Path:
    """The folder if no one else can write to it, otherwise a temporary one of this process."""
    return folder if caches.private(folder) else pathlib.Path(_temporary().name)


@functools.cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="jaxcnn-")


def _write(path: pathlib.Path, content: bytes) -> None:
    """Write a file so that no process ever reads a part of it."""
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.write_bytes(content)
    draft.replace(path)
