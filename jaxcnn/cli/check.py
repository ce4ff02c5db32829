"""``jaxcnn check``: every op on this device beside the NumPy reference."""

import dataclasses
from typing import Annotated, Literal

import jax
import tyro

from jaxcnn.check import checkable, run_check
from jaxcnn.training import UserError
from jaxcnn.training.config import Platform
from jaxcnn.training.devices import use_platform
from jaxcnn.training.names import unknown


@dataclasses.dataclass(frozen=True)
class CheckConfig:
    """Run every op on this device and compare it with the NumPy reference.

    Attributes:
        ops: The ops to check; all, where it is left out.
        dtypes: The dtypes to check; left out, float32, bfloat16 and float16.
        gradients: Whether to check the gradients too.
        platform: cpu, gpu or tpu; left out, the best that JAX finds.
    """

    ops: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    dtypes: tuple[Literal["float64", "float32", "bfloat16", "float16"], ...] = ()
    gradients: bool = True
    platform: Platform | None = None


def check_command(command: CheckConfig) -> int:
    """Check what ``jaxcnn check`` names; the exit status."""
    for name in command.ops:
        if name not in checkable():
            raise UserError(unknown("op", name, checkable()))
    use_platform(command.platform)
    # Double precision is off in JAX unless it is asked for, and then on for the whole process.
    if "float64" in command.dtypes:
        jax.config.update("jax_enable_x64", True)
    return run_check(command.ops or None, command.dtypes or None, gradients=command.gradients)
