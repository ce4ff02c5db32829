"""The folder for files that are kept between processes, and a name for this processor."""

import functools
import hashlib
import os
import pathlib
import platform
import tempfile

_ARITHMETIC = frozenset(
    {
        *("avx", "avx2", "fma", "avx512f", "avx512_bf16", "avx512_fp16"),
        *("amx_tile", "amx_bf16", "amx_fp16"),
        *("asimd", "asimdhp", "bf16", "sme", "sve", "sve2"),
    }
)
"""The instructions, of x86 and of ARM as Linux calls them, that widen or round sums of floats."""


def folder() -> pathlib.Path:
    """``$JAXCNN_CACHE_DIR``, else ``jaxcnn`` under ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    own = os.environ.get("JAXCNN_CACHE_DIR")
    return pathlib.Path(own) if own else _caches() / "jaxcnn"


def private(folder: pathlib.Path) -> bool:
    """Make ``folder`` if there is none, and tell whether only this user can write to it.

    Files from a cache are run as code, so no one else may put any there.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError:
        return False
    ours = status.st_uid == os.getuid() and not status.st_mode & 0o002
    return ours and os.access(folder, os.W_OK)


@functools.cache
def processor() -> str:
    """A name for the kind of processor, its instructions included."""
    name = "\n".join([platform.machine(), platform.processor(), *_cpuinfo()])
    return hashlib.sha256(name.encode()).hexdigest()


@functools.cache
def instructions() -> str:
    """The machine and its instructions for sums of floats, as ``"x86_64 avx avx2 fma"``.

    Processors of several makes may have the same. Where the system does not list them (macOS,
    Windows), it is the machine alone.
    """
    words = {
        word for line in _cpuinfo() if not line.startswith("model name") for word in line.split()
    }
    return " ".join([platform.machine(), *sorted(words & _ARITHMETIC)])


def _cpuinfo() -> list[str]:
    """The lines in which Linux describes the first processor and its instructions."""
    lines: list[str] = []
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("model name", "flags", "Features")):
                lines.append(line)
            elif lines and not line:
                break
    except OSError:
        pass
    return lines


def _caches() -> pathlib.Path:
    """The user's folder for caches; the folder for temporary files where the user has no home."""
    if os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(os.environ["XDG_CACHE_HOME"])
    try:
        return pathlib.Path.home() / ".cache"
    except RuntimeError:
        return pathlib.Path(tempfile.gettempdir())
