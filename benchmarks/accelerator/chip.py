"""Describes the GPU or TPU, its driver and the installed software."""

import contextlib
import os
import subprocess
import time
from typing import Any

import jax

from benchmarks.timing import machine, versions

PACKAGES = ("jaxlib", "jaxcnn", "libtpu", "jax-cuda13-plugin", "jax-cuda12-plugin")


def facts() -> dict[str, Any]:
    """The name and number of devices, the driver if known, and the versions of the software."""
    device = jax.devices()[0]
    memory = (device.memory_stats() or {}).get("bytes_limit")
    return {
        "chip": device.device_kind,
        "platform": device.platform,
        "devices": jax.device_count(),
        "memory_gib": None if memory is None else round(memory / 2**30, 1),
        "driver": driver(),
        "runtime": ", ".join(device.client.platform_version.split("\n")),
        "machine": machine() | versions(*PACKAGES),
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
        "begun": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def driver() -> str | None:
    """The version of NVIDIA's driver, or ``None``."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.split("\n")[0].strip() or None
    return None
