"""Lowers convolutions for GPUs and TPUs, where XLA's own are computed.

An algorithm that is named, of those written in JAX's own operations, is taken there as well: where
XLA's gradients of grouped or transposed convolutions are slow, products may be faster.
"""

import functools
import math
from typing import Any

import numpy as np
from jax import lax
from jax.interpreters import mlir

from jaxcnn.engine.choice import refuses
from jaxcnn.engine.lowering import computation
from jaxcnn.engine.partitioned_convolution import on_parts
from jaxcnn.engine.portable import PORTABLE
from jaxcnn.engine.primitive import conv_p, reversed_window
from jaxcnn.engine.problem import as_task
from jaxcnn.engine.single_device import devices_of, lower

_NAMES = frozenset(algorithm.name for algorithm in PORTABLE) - {"lax"}


def _on_accelerators(
    x: Any,
    kernel: Any,
    *,
    algorithm: str,
    written_out: bool,
    flipped: bool,
    rounded: bool,
    **params: Any,
) -> Any:
    if algorithm in _NAMES and _computes(x, kernel, algorithm, params):
        compute = computation(as_task(x, kernel, params), algorithm, portable=True)
        if compute is not None:
            dtype = params["preferred_element_type"] or x.dtype
            return compute(x, kernel, dtype=dtype, flipped=flipped)
    if flipped:
        kernel = reversed_window(kernel, params)
    gaps = params["lhs_dilation"]
    if written_out and set(gaps) != {1}:
        widths = [(0, 0, 0)] * x.ndim
        for axis, gap in zip(params["dimension_numbers"].lhs_spec[2:], gaps, strict=True):
            widths[axis] = (0, 0, gap - 1)
        x = lax.pad(x, np.zeros((), x.dtype), widths)
        params["lhs_dilation"] = (1,) * len(gaps)
    return lax.conv_general_dilated_p.bind(x, kernel, **params)


def _computes(x: Any, kernel: Any, algorithm: str, params: dict[str, Any]) -> bool:
    """Whether an algorithm can compute a convolution, whose sizes must be known for it."""
    known = all(isinstance(size, int) for size in (*x.shape, *kernel.shape))
    if not known or not math.prod((*x.shape, *kernel.shape)):
        return False
    return not refuses(as_task(x, kernel, params).problem, algorithm, portable=True)


def _lower(ctx: Any, x: Any, kernel: Any, **params: Any) -> Any:
    # Where types say how arrays are sharded; XLA's partitioner would gather the images.
    groups = max(params["feature_group_count"], params["batch_group_count"])
    if groups > 1 and devices_of(ctx) == "several devices":
        return on_parts(ctx, conv_p.bind, x, kernel, **params)
    return lower(ctx, functools.partial(_on_accelerators, **params), x, kernel)


mlir.register_lowering(conv_p, _lower)
