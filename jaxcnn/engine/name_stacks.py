"""Finds the layer that an operation belongs to, from the names that JAX gives it.

JAX names an operation by the scopes (`jax.named_scope`) and transformations around it, as
``"jit(loss)/transpose(jvp(block))/conv1/ffi_call"``. The names of the scopes are the layers'.
"""

import re
from typing import NamedTuple

RESULT, KERNEL_GRADIENT = "jaxcnn.result", "jaxcnn.kernel_gradient"
"""The scopes in which a convolution is computed, as two operations of the same layer differ."""

_WRAPPED = re.compile(r"(\w+)\((.*)\)")
_PROGRAMS = frozenset({"jit", "pjit", "pmap", "xla_call"})
_CONTROL_FLOW = re.compile(
    r"while|body|cond|scan|branch_\d+_fun|closed_call|eval_jaxpr|checkpoint|remat\d*|shard_map"
    r"|rematted_computation|custom_jvp_call|custom_vjp_call"
)


class Place(NamedTuple):
    """The layer that an operation belongs to, and its part in training.

    Attributes:
        layer: the scopes around it, as ``"block/conv1"``; nothing outside of all scopes.
        backward: whether it is a part of the backward pass.
        task: ``"result"`` or ``"kernel gradient"`` for what computes a convolution, else nothing.
    """

    layer: str
    backward: bool
    task: str = ""

    def __str__(self) -> str:
        """The layer, and which gradient of it, as ``"conv1 (kernel gradient)"``."""
        if not self.layer:
            return ""
        if self.task == "kernel gradient":
            return f"{self.layer} (kernel gradient)"
        if self.backward:
            return f"{self.layer} ({'input gradient' if self.task else 'gradient'})"
        return self.layer


def place(stack: str) -> Place:
    """Read the scopes and transformations around an operation.

    Args:
        stack: the names, joined by slashes, without that of the operation itself.

    >>> print(place("jit(loss)/jvp(block)/conv1"))
    block/conv1
    >>> print(place("jit(loss)/transpose(jvp(conv2))/jaxcnn.kernel_gradient"))
    conv2 (kernel gradient)
    """
    layers, task, backward = [], "", False
    for part in stack.split("/"):
        while (wrapped := _WRAPPED.fullmatch(part)) and wrapped[1] not in _PROGRAMS:
            backward |= wrapped[1] == "transpose"
            part = wrapped[2]
        # What is computed anew in the backward pass is a result.
        backward &= part != "rematted_computation"
        if part in (RESULT, KERNEL_GRADIENT):
            task = "result" if part == RESULT else "kernel gradient"
        elif part and not wrapped and not _CONTROL_FLOW.fullmatch(part):
            layers.append(part)
    return Place("/".join(layers), backward, task)
