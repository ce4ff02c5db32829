"""The convolution that `jaxcnn.ops` calls, after it has checked the arguments."""

import functools
from collections.abc import Callable, Sequence
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
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
    layout: str,
    input_dilation: Sequence[int] = (),
    algorithm: str = "auto",
    **numbers: Any,
) -> jax.Array:
    """Compute the cross-correlation of ``x`` with ``kernel``; all other arguments are right.

    The options mean what those of `jaxcnn.conv2d` mean, with one int, or one ``(low, high)`` pair
    of padding, per spatial axis. ``input_dilation`` is the distance between neighbouring pixels,
    with zeros between them; left out, there are none. ``op`` is the name that an error gives.
    ``numbers`` are ``precision`` and ``preferred_element_type``.

    Raises:
        ValueError: if ``algorithm`` cannot do the case.
    """
    spatial = layout.replace("N", "").replace("C", "")
    axes = lax.conv_dimension_numbers(x.shape, kernel.shape, (layout, spatial + "IO", layout))
    params = {
        "window_strides": tuple(stride),
        "padding": tuple(padding),
        "lhs_dilation": tuple(input_dilation) or (1,) * len(spatial),
        "rhs_dilation": tuple(dilation),
        "dimension_numbers": axes,
        "feature_group_count": groups,
        "batch_group_count": 1,
    }
    asked = algorithm != "auto"
    if asked and (reason := choice.refuses(as_task(x, kernel, params).problem, algorithm)):
        raise ValueError(f"{op}: `algorithm` {algorithm!r} cannot do this convolution: {reason}")
    if sharded(jax.typeof(x)) or sharded(jax.typeof(kernel)):
        x, kernel = partitioned_convolution.placed(x, kernel, params)
    own = {"algorithm": algorithm, "written_out": bool(input_dilation)}
    y: jax.Array = like_lax(_forward, {**own, **params, **numbers}, x, kernel)
    return y


def _forward(**params: Any) -> Callable[..., Any]:
    return functools.partial(lax.conv_general_dilated, **params)
