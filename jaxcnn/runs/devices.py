"""Which devices a run uses."""

import collections

import jax

from jaxcnn.errors import UserError


def use_platform(platform: str | None) -> None:
    """Make JAX use ``platform``; ``None`` leaves the choice to JAX.

    Raises:
        UserError: if this machine, or this installation of JAX, does not have it.
    """
    if platform is not None:
        jax.config.update("jax_platforms", platform)
    try:
        found = jax.default_backend()
    except (RuntimeError, AssertionError):  # the latter where a plugin is missing
        raise _not_available(platform) from None
    if platform is not None and found != platform:
        raise UserError(f"--platform {platform} came too late: JAX already uses {found}")


def _not_available(platform: str | None) -> UserError:
    asked = f"--platform {platform}" if platform else "the platform in JAX_PLATFORMS"
    return UserError(
        f"{asked} is not available: no such device here, or this jax is installed without "
        f"support for it"
    )


def peak_memory() -> dict[str, int]:
    """The most memory that the device has held, in bytes; nothing where it does not say (CPUs)."""
    stats = jax.local_devices()[0].memory_stats() or {}
    peak = stats.get("peak_bytes_in_use")
    return {} if peak is None else {"device_memory_bytes": peak}


def describe_devices() -> str:
    """The devices in one line, e.g. ``2 × cpu``."""
    counts = collections.Counter(
        device.platform
        if device.platform == device.device_kind
        else f"{device.platform} ({device.device_kind})"
        for device in jax.devices()
    )
    return ", ".join(f"{count} × {name}" for name, count in counts.items())
