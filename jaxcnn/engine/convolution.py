"""The convolution that `jaxcnn.ops` calls, after it has checked the arguments."""

from collections.abc import Sequence
from typing import Any

import jax
from jax import lax

from jaxcnn.engine import choice
from jaxcnn.engine.primitive import convolution
from jaxcnn.engine.task import as_task


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

    Args:
        op: the name that an error gives.
        x: images in ``layout``.
        kernel: spatial-first, ``(*window, in_channels // groups, out_channels)``.
        stride: one int per spatial axis.
        padding: one ``(low, high)`` pair per spatial axis; a negative number crops.
        dilation: one int per spatial axis.
        groups: the number of groups of channels.
        layout: the axes of ``x`` and of the result, e.g. ``"NHWC"``.
        input_dilation: the distance between neighbouring pixels, with zeros between them; left
            out, there is none.
        algorithm: one of `ALGORITHMS`.
        precision: as in `jax.lax.conv_general_dilated`.
        preferred_element_type: as in `jax.lax.conv_general_dilated`.

    Returns:
        The result in ``layout``.

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
