"""``jaxcnn check``: compares every op on this device with the NumPy reference."""

import dataclasses
from typing import Annotated, Literal

import jax

from jaxcnn.check import checkable
from jaxcnn.check.tables import run_check
from jaxcnn.cli.flags import Operand
from jaxcnn.names import unknown
from jaxcnn.runs import UserError
from jaxcnn.runs.config import Platform
from jaxcnn.runs.devices import use_platform


@dataclasses.dataclass(frozen=True)
class CheckConfig:
    """Compare every op on this device with the NumPy reference, and test jax for known defects.

    Attributes:
        ops: The ops to check; left out, all.
        dtypes: The dtypes to check; left out, float32, bfloat16 and float16.
        gradients: Check the gradients too.
        defects: Test jax for its known defects on CPUs too.
        strict: Exit with status 1 also if the installed jax has one of these defects.
        platform: cpu, gpu or tpu; left out, the best that JAX finds.
    """

    ops: Annotated[tuple[str, ...], Operand("OP")] = ()
    dtypes: tuple[Literal["float64", "float32", "bfloat16", "float16"], ...] = ()
    gradients: bool = True
    defects: bool = True
    strict: bool = False
    platform: Platform | None = None


def check_command(command: CheckConfig) -> int:
    """Run ``jaxcnn check``, and return its exit status."""
    for name in command.ops:
        if name not in checkable():
            raise UserError(unknown("op", name, checkable()))
    if command.strict and not command.defects:
        raise UserError("--strict and --no-defects contradict each other: give one of them")
    use_platform(command.platform)
    # Double precision is off in JAX unless it is asked for, and then on for the whole process.
    if "float64" in command.dtypes:
        jax.config.update("jax_enable_x64", True)
    return run_check(
        command.ops or None,
        command.dtypes or None,
        gradients=command.gradients,
        defects=command.defects,
        strict=command.strict,
    )
