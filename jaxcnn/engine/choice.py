"""One file that chooses: which algorithm computes a convolution."""

from collections.abc import Sequence
from typing import Any

import jax
from jax import lax

ALGORITHMS = ("auto", "lax")
"""What the ``algorithm`` of a convolution may be; ``"auto"`` picks one of the others."""


def convolve(
    x: jax.Array,
    kernel: jax.Array,
    *,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
    layout: str,
    algorithm: str = "auto",
    precision: Any = None,
    preferred_element_type: Any = None,
) -> jax.Array:
    """The cross-correlation of ``x`` with ``kernel``, all arguments already checked.

    Args:
        x: images in ``layout``.
        kernel: spatial-first, ``(*window, in_channels // groups, out_channels)``.
        stride: one int per spatial axis.
        padding: one ``(low, high)`` pair per spatial axis.
        dilation: one int per spatial axis.
        groups: the number of groups of channels.
        layout: the axes of ``x`` and of the result, e.g. ``"NHWC"``.
        algorithm: one of `ALGORITHMS`.
        precision: as in `jax.lax.conv_general_dilated`.
        preferred_element_type: as in `jax.lax.conv_general_dilated`.

    Returns:
        The result in ``layout``.
    """
    spatial = layout.replace("N", "").replace("C", "")
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=tuple(stride),
        padding=tuple(padding),
        rhs_dilation=tuple(dilation),
        dimension_numbers=(layout, spatial + "IO", layout),
        feature_group_count=groups,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )
