"""Times several functions in one process, in turn."""

import contextlib
import importlib.metadata
import math
import os
import pathlib
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax

PAUSE = 0.01
"""Seconds between two calls, since the threads of another library spin for a while."""


MOST = 100
"""The most calls in one sample."""


def interleaved(
    calls: dict[str, Callable[[], Any]], rounds: int, least: float = 0.0
) -> dict[str, list[float]]:
    """Milliseconds of each call, ``rounds`` times in random order, after two calls unmeasured.

    Args:
        calls: what to time, by name.
        rounds: how many samples to take of each.
        least: seconds that a sample lasts at least. A call that is shorter is made several times
            in a row and waited for once, since an accelerator works while Python makes the next
            call. With 0 each sample is one call.
    """
    order = random.Random(0)
    times: dict[str, list[float]] = {name: [] for name in calls}
    repeats = {name: _repeats(call, least) for name, call in calls.items()}
    for _ in range(rounds):
        names = list(calls)
        order.shuffle(names)
        for name in names:
            time.sleep(PAUSE)
            times[name].append(1e3 * _seconds(calls[name], repeats[name]))
    return times


def _repeats(call: Callable[[], Any], least: float) -> int:
    """The number of calls in a sample, from the time of the two warm-up calls."""
    _seconds(call, 1)
    return max(1, min(MOST, math.ceil(least / _seconds(call, 1))))


def _seconds(call: Callable[[], Any], repeats: int) -> float:
    """The mean time of consecutive calls."""
    start = time.perf_counter()
    for _ in range(repeats - 1):
        call()
    jax.block_until_ready(call())
    return (time.perf_counter() - start) / repeats


def spread(values: list[float]) -> float | None:
    """Half the distance between the quartiles; a single value has no spread."""
    if len(values) == 1:
        return None
    quarters = statistics.quantiles(values, n=4)
    return (quarters[2] - quarters[0]) / 2


def ratio(times: dict[str, list[float]], over: str) -> tuple[float, float | None]:
    """How many times jaxcnn's time ``over`` takes, and the spread: half the middle half of rounds.

    A single round has no spread.
    """
    ours = "jaxcnn"
    ratios = [a / b for a, b in zip(times[over], times[ours], strict=True)]
    return statistics.median(times[over]) / statistics.median(times[ours]), spread(ratios)


def machine() -> dict[str, Any]:
    """A description of this machine."""
    model = "unknown"
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return {"processor": model, "cores": os.cpu_count()} | versions(
        "jax", "flax", "torch", "onnxruntime", "openvino"
    )


def versions(*packages: str) -> dict[str, str]:
    """The versions of the given packages that are installed."""
    found = {}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found
