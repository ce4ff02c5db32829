"""Which devices a run uses."""

import collections
import contextlib
import os
from collections.abc import Sequence
from typing import Protocol

import jax

from jaxcnn.errors import UserError
from jaxcnn.runs import processes
from jaxcnn.runs.log import say
from jaxcnn.training.spread import ALONE, Devices, first_devices, spread_over

_SIMULATED = "xla_force_host_platform_device_count"

MOST_SIMULATED = 512
"""The most CPU devices that are simulated; each has threads of its own."""


class Wanted(Protocol):
    """The settings of a run that say which devices it uses."""

    @property
    def devices(self) -> str | None:
        """How many: a number, ``"all"``, or what suits the machine."""

    @property
    def fsdp(self) -> bool:
        """Whether each keeps only its share of the parameters."""

    @property
    def batch_norm(self) -> str:
        """``"synchronized"`` or ``"local"``."""

    @property
    def accumulate(self) -> int:
        """In how many parts a batch is computed."""


def use_platform(platform: str | None, devices: str | None = None) -> None:
    """Make JAX use ``platform``; ``None`` leaves the choice to JAX.

    Args:
        platform: ``"cpu"``, ``"gpu"`` or ``"tpu"``.
        devices: how many devices are wanted, in all processes together. So many are simulated on
            the CPU, if JAX has not begun to work and nothing else is said of them in ``XLA_FLAGS``.

    Raises:
        UserError: if this machine, or this installation of JAX, does not have it.
    """
    if platform is not None:
        jax.config.update("jax_platforms", platform)
    if devices not in (None, "1", "all") and _SIMULATED not in os.environ.get("XLA_FLAGS", ""):
        _simulate(-(-int(devices) // processes.count()))
    try:
        found = jax.default_backend()
    except (RuntimeError, AssertionError):  # the latter where a plugin is missing
        raise _not_available(platform) from None
    if platform is not None and found != platform:
        raise UserError(f"--platform {platform} came too late: JAX already uses {found}")


def _simulate(count: int) -> None:
    """Have so many CPU devices, if there can be."""
    if count > MOST_SIMULATED:
        return
    # Once JAX is at work this comes too late; whether it has enough is looked at later.
    with contextlib.suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", count)


def _not_available(platform: str | None) -> UserError:
    asked = f"--platform {platform}" if platform else "the platform in JAX_PLATFORMS"
    return UserError(
        f"{asked} is not available: no such device here, or this jax is installed without "
        f"support for it"
    )


def devices_for(config: Wanted, batch_size: int, *, of: str = "") -> Devices:
    """The devices that share each batch of a run.

    Args:
        config: says how many.
        batch_size: the examples of a batch.
        of: what is said of the batch in an error, where it is smaller than was asked for.

    Raises:
        UserError: if there are not so many, or they do not divide a batch.
    """
    there, part = len(jax.devices()), part_of(batch_size, config.accumulate)
    several = processes.count()
    if config.devices is None:
        usual = several if jax.default_backend() == "cpu" else there
        counts = range(usual, 0, -several)
        count = next((count for count in counts if part % count == 0), several)
        if count < usual:
            say(f"note: of {usual} devices, {count} divide a batch of {part} images and are used")
    else:
        count = there if config.devices == "all" else int(config.devices)
    _check_count(count, there, part, config.accumulate, of)
    if count > 1:
        return spread_over(count, fsdp=config.fsdp, local_batch_norm=config.batch_norm == "local")
    if config.fsdp or config.batch_norm == "local":
        what = "--fsdp" if config.fsdp else "--batch-norm local"
        say(f"note: {what} changes nothing on one device")
    return ALONE


def part_of(batch_size: int, parts: int) -> int:
    """How many examples of a batch are computed at once, where it is cut into so many parts."""
    return -(-batch_size // parts)


def _check_count(count: int, there: int, part: int, parts: int, note: str) -> None:
    if count > there:
        kind = jax.devices()[0].platform
        found = f"is only one {kind} device" if there == 1 else f"are only {there} {kind} devices"
        raise UserError(f"--devices {count}: there {found} here")
    if count % processes.count():
        raise UserError(
            f"--devices must be a multiple of the {processes.count()} processes, got {count}"
        )
    if part % count:
        of = "" if parts == 1 else f" / --accumulate {parts}"
        raise UserError(
            f"--batch-size{of} must be a multiple of the {count} devices, which share each batch, "
            f"got {part}{note}"
        )


def named(count: int) -> list[str]:
    """What the first so many devices are, of each process equally many."""
    return [f"{device.platform}: {device.device_kind}" for device in first_devices(count)]


def peak_memory() -> dict[str, int]:
    """The most memory that the device has held, in bytes; nothing where it does not say (CPUs)."""
    stats = jax.local_devices()[0].memory_stats() or {}
    peak = stats.get("peak_bytes_in_use")
    return {} if peak is None else {"device_memory_bytes": peak}


def counted(names: Sequence[str]) -> str:
    """What `named` gives in one line, equal ones together.

    >>> counted(["cpu: cpu", "cpu: cpu"]), counted(["gpu: NVIDIA H100"])
    ('2 × cpu', '1 × gpu (NVIDIA H100)')
    """
    parts = []
    for name, count in collections.Counter(names).items():
        platform, _, kind = name.partition(": ")
        parts.append(f"{count} × {platform}" + ("" if kind in ("", platform) else f" ({kind})"))
    return ", ".join(parts)


def describe_devices() -> str:
    """The devices in one line, e.g. ``2 × cpu``."""
    return counted(named(len(jax.devices())))
