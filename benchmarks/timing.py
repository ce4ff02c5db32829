"""Times of several ways to do one thing, in one process, taken in turn."""

import importlib.metadata
import importlib.util
import os
import pathlib
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax

PAUSE = 0.01
"""Seconds between two calls: the threads of another library spin on for a while."""


def interleaved(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each call, ``rounds`` times in random order, after two calls unmeasured."""
    order = random.Random(0)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(2):
            jax.block_until_ready(call())
    for _ in range(rounds):
        names = list(calls)
        order.shuffle(names)
        for name in names:
            time.sleep(PAUSE)
            start = time.perf_counter()
            jax.block_until_ready(calls[name]())
            times[name].append(1e3 * (time.perf_counter() - start))
    return times


def ratio(times: dict[str, list[float]], over: str) -> tuple[float, float | None]:
    """How many times jaxcnn's time ``over`` takes, and the spread: half the middle half of rounds.

    A single round has no spread.
    """
    ours = "jaxcnn"
    ratios = [a / b for a, b in zip(times[over], times[ours], strict=True)]
    median = statistics.median(times[over]) / statistics.median(times[ours])
    if len(ratios) == 1:
        return median, None
    quarters = statistics.quantiles(ratios, n=4)
    return median, (quarters[2] - quarters[0]) / 2


def machine() -> dict[str, Any]:
    """What the times were taken on."""
    model = "unknown"
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    installed = [name for name in ("jax", "flax", "torch") if importlib.util.find_spec(name)]
    versions = {name: importlib.metadata.version(name) for name in installed}
    return {"processor": model, "cores": os.cpu_count()} | versions
