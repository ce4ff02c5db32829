"""Keeps compiled programs on disk, so that the next start of a command is faster."""

import functools
import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from jaxcnn.engine import caches
from jaxcnn.runs.log import warn

LIMIT = 1 << 30
"""The most bytes of compiled programs that are kept; the oldest are deleted first."""

LEAST_SECONDS = 0.1
"""Programs that compile faster than this are not kept."""

_NOT_KEPT = (
    "compiled programs are not kept: {folder} cannot be written by this user alone "
    "(JAXCNN_COMPILE_CACHE=0 does without)"
)
_TROUBLE = re.compile(r"Error (reading|writing) persistent compilation cache entry for '(.+?)': ")


def keep_compiled() -> None:
    """Keep compiled programs in the user's cache folder, separately for each processor.

    ``JAXCNN_COMPILE_CACHE=0`` does without. A folder that was chosen by JAX's own
    ``JAX_COMPILATION_CACHE_DIR`` stays as it is; empty, that does without, too.
    """
    if os.environ.get("JAXCNN_COMPILE_CACHE") == "0":
        return
    chosen = jax.config.values["jax_compilation_cache_dir"]
    if "JAX_COMPILATION_CACHE_DIR" in os.environ or chosen:
        return
    # A home may be shared by machines whose processors have other instructions.
    folder = caches.folder() / f"xla-{caches.processor()[:16]}"
    if not caches.private(folder):
        warn(_NOT_KEPT.format(folder=folder))
        return
    shrink(folder, LIMIT)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", LEAST_SECONDS)
    mend_when_damaged(folder)


def shrink(folder: Path, limit: int) -> None:
    """Delete the oldest files in ``folder`` until it has at most ``limit`` bytes."""
    files = sorted(((s.st_mtime, s.st_size, p) for p, s in _sizes(folder)), reverse=True)
    total = 0
    for _, size, path in files:
        total += size
        if total > limit:
            path.unlink(missing_ok=True)


def _sizes(folder: Path) -> list[tuple[Path, os.stat_result]]:
    found = []
    for path in folder.glob("*-cache"):
        try:
            found.append((path, path.stat()))
        except FileNotFoundError:  # another process has deleted it
            continue
    return found


def mend_when_damaged(folder: Path) -> None:
    """Delete a damaged file of the cache and warn once; JAX would warn at every start.

    JAX writes its files in place: a process that is killed, or a disk that is full, leaves a
    part of one. It is noticed when it is read, and the program is compiled anew.
    """
    warnings.showwarning = functools.partial(_mended, folder, warnings.showwarning)


def _mended(
    folder: Path, show: Callable[..., None], message: Any, *facts: Any, **more: Any
) -> None:
    """Show a warning; one that tells of a damaged file deletes it, and has other words."""
    found = _TROUBLE.match(str(message))
    if found is None:
        show(message, *facts, **more)
        return
    for path in folder.glob(f"{found[2]}-*-cache"):
        path.unlink(missing_ok=True)
    reason = str(message)[found.end() :]
    warn(f"a compiled program in {folder} could not be {_DONE[found[1]]}: {reason}")


_DONE = {"reading": "read, and is compiled anew", "writing": "kept"}
