"""Where what was found out about this machine is kept between processes."""

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
    """Whether ``folder`` is there, or now made, to be written by this user and by no one else.

    What lies in a cache is run: no one else may put code into it.
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
    """The machine and what it computes sums of floats by, as ``"x86_64 avx avx2 fma"``.

    Processors of several makes may have the same. Where the system does not list them (macOS,
    Windows), it is the machine alone.
    """
    words = {
        word for line in _cpuinfo() if not line.startswith("model name") for word in line.split()
    }
    return " ".join([platform.machine(), *sorted(words & _ARITHMETIC)])


def _cpuinfo() -> list[str]:
    """What Linux says of the first processor's kind and instructions."""
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
    """The user's folder of caches; one of all users for a user who has no home."""
    if os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(os.environ["XDG_CACHE_HOME"])
    try:
        return pathlib.Path.home() / ".cache"
    except RuntimeError:
        return pathlib.Path(tempfile.gettempdir())
