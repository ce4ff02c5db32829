"""The convolution that `jaxcnn.ops` calls, after it has checked the arguments."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
from jax import lax

from jaxcnn.engine import choice, partitioned_convolution
from jaxcnn.engine.primitive import like_lax
from jaxcnn.engine.problem import as_task
from jaxcnn.engine.single_device import sharded


def convolve(
    op: str,
    x: jax.Array,
    kernel: jax.Array,
    *,
    layout: str,
    algorithm: str,
    lhs_dilation: Sequence[int] = (),
    rounded: bool = False,
    **options: Any,
) -> jax.Array:
    """Compute the cross-correlation of ``x`` with ``kernel``; all other arguments are right.

    The ``options`` are those of `jax.lax.conv_general_dilated`, with one int, or one
    ``(low, high)`` pair of padding, per spatial axis. ``lhs_dilation`` is what this package calls
    the input dilation; left out, there is none. ``rounded`` says that the caller rounds a wider
    result to the operands' type. ``op`` is the name that an error gives.

    Raises:
        ValueError: if ``algorithm`` cannot do the case.
    """
    spatial = layout.replace("N", "").replace("C", "")
    axes = lax.conv_dimension_numbers(x.shape, kernel.shape, (layout, spatial + "IO", layout))
    options["lhs_dilation"] = tuple(lhs_dilation) or (1,) * len(spatial)
    options |= {"dimension_numbers": axes, "batch_group_count": 1}
    if algorithm != "auto":
        # It is asked about the operands' own dtype, also where sums are kept in a wider one.
        problem = dataclasses.replace(as_task(x, kernel, options).problem, dtype=x.dtype)
        if reason := choice.refuses(problem, algorithm):
            raise ValueError(
                f"{op}: `algorithm` {algorithm!r} cannot do this convolution: {reason}"
            )
    if sharded(jax.typeof(x)) or sharded(jax.typeof(kernel)):
        x, kernel = partitioned_convolution.placed(x, kernel, options)
    own = {"algorithm": algorithm, "written_out": bool(lhs_dilation), "flipped": False}
    own["rounded"] = rounded
    y: jax.Array = like_lax(lax.conv_general_dilated, {**own, **options}, x, kernel)
    return y
