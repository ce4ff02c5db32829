"""Lowers convolutions for GPUs and TPUs, where XLA's own are computed."""

import functools
from typing import Any

import numpy as np
from jax import lax
from jax.interpreters import mlir

from jaxcnn.engine.partitioned_convolution import on_parts
from jaxcnn.engine.primitive import conv_p, reversed_window
from jaxcnn.engine.single_device import devices_of, lower


def _on_accelerators(
    x: Any, kernel: Any, *, algorithm: str, written_out: bool, flipped: bool, **params: Any
) -> Any:
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


def _lower(ctx: Any, x: Any, kernel: Any, **params: Any) -> Any:
    # Where types say how arrays are sharded; XLA's partitioner would gather the images.
    groups = max(params["feature_group_count"], params["batch_group_count"])
    if groups > 1 and devices_of(ctx) == "several devices":
        return on_parts(ctx, conv_p.bind, x, kernel, **params)
    return lower(ctx, functools.partial(_on_accelerators, **params), x, kernel)


mlir.register_lowering(conv_p, _lower)
