"""The convolution that `jaxcnn.ops` calls, after it has checked the arguments."""

from collections.abc import Sequence
from typing import Any

import jax
from jax import lax

from jaxcnn.engine import choice
from jaxcnn.engine.primitive import convolution
from jaxcnn.engine.problem import as_task


def convolve(
    op: str,
    x: jax.Array,
    kernel: jax.Array,
    *,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
    layout: str,
    input_dilation: Sequence[int] = (),
    algorithm: str = "auto",
    precision: Any = None,
    preferred_element_type: Any = None,
) -> jax.Array:
    """Compute the cross-correlation of ``x`` with ``kernel``; all other arguments are right.

    The options mean what those of `jaxcnn.conv2d` mean, with one int, or one ``(low, high)`` pair
    of padding, per spatial axis. ``input_dilation`` is the distance between neighbouring pixels,
    with zeros between them; left out, there are none. ``op`` is the name that an error gives.

    Raises:
        ValueError: if ``algorithm`` cannot do the case.
    """
    spatial = layout.replace("N", "").replace("C", "")
    axes = lax.conv_dimension_numbers(x.shape, kernel.shape, (layout, spatial + "IO", layout))
    geometry = {
        "window_strides": tuple(stride),
        "padding": tuple(padding),
        "lhs_dilation": tuple(input_dilation) or (1,) * len(spatial),
        "rhs_dilation": tuple(dilation),
        "dimension_numbers": axes,
        "feature_group_count": groups,
        "batch_group_count": 1,
    }
    reason = choice.refuses(as_task(x, kernel, geometry).problem, algorithm)
    if reason:
        raise ValueError(f"{op}: `algorithm` {algorithm!r} cannot do this convolution: {reason}")
    y: jax.Array = convolution(
        x,
        kernel,
        algorithm=algorithm,
        written_out=bool(input_dilation),
        precision=precision,
        preferred_element_type=preferred_element_type,
        **geometry,
    )
    return y
