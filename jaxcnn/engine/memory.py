"""Keeps the memory that one training step frees for the next step."""

import ctypes
import os
import sys

# The numbers of <malloc.h>; a new setting of each.
_SETTINGS = {
    -4: 0,  # M_MMAP_MAX: no block has a mapping of its own, which a free would give back
    -1: -1,  # M_TRIM_THRESHOLD: the end of the heap is never given back
    -2: 1 << 28,  # M_TOP_PAD: the heap grows by 256 MB
    -8: 1,  # M_ARENA_MAX: one heap for all threads; others give their pages back all the same
}

_CHOSEN = (
    "MALLOC_MMAP_MAX_",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_TOP_PAD_",
    "MALLOC_ARENA_MAX",
    "GLIBC_TUNABLES",
)
"""The variables by which a user chooses such settings."""


def keep_memory() -> bool:
    """Let this process keep the memory that it frees, so that it is not cleared anew.

    A training step on a CPU allocates its intermediate results in each step. glibc gives large
    blocks back to the system when they are freed, and the system clears each page before it gives
    it out again. With this, the process holds what it has needed at most until it ends, and the
    gaps between blocks: 1.7 times as much memory for ResNet-20 (docs/performance.md).

    The ``jaxcnn`` command calls this; ``import jaxcnn`` does not. Call it before the first
    computation. It changes how the whole process allocates memory, and it cannot be taken back.

    Returns:
        Whether the settings were made: not without glibc (macOS, Windows, Alpine), nor where the
        environment has settings of the user's (``MALLOC_ARENA_MAX``, ``GLIBC_TUNABLES``, …).

    >>> isinstance(keep_memory(), bool)
    True

    Source: the settings are those of `mallopt(3)` in the Linux manual.
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in _CHOSEN):
        return False
    process = ctypes.CDLL(None)
    if not hasattr(process, "gnu_get_libc_version"):
        return False
    return all(process.mallopt(name, value) == 1 for name, value in _SETTINGS.items())
