"""Where what was found out about this machine is kept between processes."""

import functools
import hashlib
import os
import pathlib
import platform
import tempfile


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
    lines = []
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("model name", "flags", "Features")):
                lines.append(line)
            elif lines and not line:
                break
    except OSError:
        pass
    name = "\n".join([platform.machine(), platform.processor(), *lines])
    return hashlib.sha256(name.encode()).hexdigest()


def _caches() -> pathlib.Path:
    """The user's folder of caches; one of all users for a user who has no home."""
    if os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(os.environ["XDG_CACHE_HOME"])
    try:
        return pathlib.Path.home() / ".cache"
    except RuntimeError:
        return pathlib.Path(tempfile.gettempdir())
