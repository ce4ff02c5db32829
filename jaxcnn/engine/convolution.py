"""The convolutions that `jaxcnn.ops` asks for, their arguments already checked."""

from collections.abc import Sequence
from typing import Any

import jax
from jax import lax

from jaxcnn.engine import choice
from jaxcnn.engine.primitive import convolution
from jaxcnn.engine.reading import read


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
    spacing: Sequence[int] = (),
    algorithm: str = "auto",
    precision: Any = None,
    preferred_element_type: Any = None,
) -> jax.Array:
    """The cross-correlation of ``x`` with ``kernel``, all arguments already checked.

    Args:
        op: the name that an error gives.
        x: images in ``layout``.
        kernel: spatial-first, ``(*window, in_channels // groups, out_channels)``.
        stride: one int per spatial axis.
        padding: one ``(low, high)`` pair per spatial axis; a negative number crops.
        dilation: one int per spatial axis.
        groups: the number of groups of channels.
        layout: the axes of ``x`` and of the result, e.g. ``"NHWC"``.
        spacing: how far apart the pixels are, with zeros between; 1 where it is left out.
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
        "lhs_dilation": tuple(spacing) or (1,) * len(spatial),
        "rhs_dilation": tuple(dilation),
        "dimension_numbers": axes,
        "feature_group_count": groups,
        "batch_group_count": 1,
    }
    reason = choice.refuses(read(x, kernel, geometry).problem, algorithm)
    if reason:
        raise ValueError(f"{op}: `algorithm` {algorithm!r} cannot do this convolution: {reason}")
    y: jax.Array = convolution(
        x,
        kernel,
        algorithm=algorithm,
        written_out=bool(spacing),
        precision=precision,
        preferred_element_type=preferred_element_type,
        **geometry,
    )
    return y
