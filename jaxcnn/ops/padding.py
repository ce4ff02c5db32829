"""Padding of the spatial axes, in the four ways that convolutions and pools share."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Num, Shaped

from jaxcnn.ops.any_layout import parse_any_layout
from jaxcnn.ops.argument_types import PADDING_MODES, AnyArray, Padding, PaddingMode, Pairs
from jaxcnn.ops.arguments import Layout, as_array, choice, per_axis
from jaxcnn.ops.padding_arguments import CROPS_FIRST, check_padding_fits, pairs_of


def pad(
    x: Shaped[AnyArray, "n *spatial c"],
    padding: Padding,
    *,
    mode: PaddingMode = "zeros",
    value: float | Num[AnyArray, ""] = 0,
    layout: str | None = None,
) -> Shaped[Array, "n *padded c"]:
    """Add a border to every spatial axis, or crop it.

    Args:
        x: images, signals or volumes in ``layout``.
        padding: elements to add: an int for every side, one int per spatial axis, or one
            ``(low, high)`` pair per spatial axis. A negative number crops: first, so that
            ``"circular"`` wraps what is left; ``"reflect"`` and ``"replicate"`` continue the
            whole axis.
        mode: ``"zeros"`` (the border is ``value``), ``"reflect"`` (mirrored, the edge not
            repeated), ``"replicate"`` (the edge repeated) or ``"circular"`` (wrapped around).
        value: what ``"zeros"`` fills the border with.
        layout: the axes of ``x``; channels last where it is left out.

    Returns:
        The padded array, same layout and dtype.

    Raises:
        TypeError: if ``x`` is not an array, ``padding`` is not made of ints, or ``value`` is
            not a real number.
        ValueError: if the rank of ``x``, the layout, the mode or the padding does not fit;
            ``"reflect"`` takes less than the axis, ``"circular"`` at most what is left of it,
            and no more can be cropped than there is; a ``value`` that the dtype of ``x``
            cannot hold, or beside another mode than ``"zeros"``.

    Unlike ``torch.nn.functional.pad``, whose flat list starts at the last axis, the padding is
    listed first axis first. PyTorch refuses to crop an axis to nothing in some modes and ranks;
    here the result is empty.

    >>> pad(jnp.arange(1.0, 4.0).reshape(1, 3, 1), ((-1, 2),)).ravel()
    Array([2., 3., 0., 0.], dtype=float32)
    >>> pad(jnp.arange(1.0, 4.0).reshape(1, 3, 1), 2, mode="reflect").ravel()
    Array([3., 2., 1., 2., 3., 2., 1.], dtype=float32)
    """
    x = as_array("pad", "x", x)
    axes = parse_any_layout("pad", layout, x.ndim)
    _check_value(x, value, mode)
    if isinstance(padding, str):
        raise ValueError(f"pad: `padding` must be ints or pairs, got {padding!r}")
    pairs = _parse(padding, len(axes.spatial))
    return pad_spatial("pad", x, pairs, mode=mode, value=value, layout=axes)


def _parse(padding: Any, rank: int) -> Pairs:
    if isinstance(padding, Sequence) and any(isinstance(item, Sequence) for item in padding):
        return pairs_of("pad", padding, rank, minimum=None)
    return tuple((p, p) for p in per_axis("pad", "padding", padding, rank, minimum=None))


def _check_value(x: Any, value: Any, mode: str) -> None:
    if isinstance(value, jax.core.Tracer) and value.ndim == 0:
        return
    if not (isinstance(value, int | float | np.generic | np.ndarray | jax.Array)):
        raise TypeError(f"pad: `value` must be a real number, got {value!r}")
    number = np.asarray(value)
    if number.ndim or number.dtype.kind == "c":
        raise TypeError(f"pad: `value` must be a real number, got {value!r}")
    if mode != "zeros" and number != 0:
        raise ValueError(f"pad: `value` goes with mode 'zeros' only, got {value!r} and {mode!r}")
    if jnp.issubdtype(x.dtype, jnp.floating):
        return
    low, high = (0, 1) if x.dtype == jnp.bool_ else (jnp.iinfo(x.dtype).min, jnp.iinfo(x.dtype).max)
    if not (low <= number <= high and number == np.floor(number)):
        raise ValueError(f"pad: `value` must be a number that {x.dtype} holds, got {value!r}")


def pad_spatial(op: str, x: Any, pairs: Pairs, *, mode: str, layout: Layout, value: Any = 0) -> Any:
    """`pad`, with the arguments parsed already and the name of the op that a user called."""
    choice(op, "mode" if op == "pad" else "padding_mode", mode, PADDING_MODES)
    check_padding_fits(op, layout.sizes(x.shape), pairs, mode)
    if all(pair == (0, 0) for pair in pairs):
        return x
    if mode in CROPS_FIRST:
        x = _cropped(x, pairs, layout)
    widths = [(0, 0)] * x.ndim
    for axis, (low, high) in zip(layout.spatial, pairs, strict=True):
        widths[axis] = (max(low, 0), max(high, 0))
    if mode == "zeros":
        return jnp.pad(x, widths, constant_values=value)
    for axis in layout.spatial:
        x = _bordered(x, axis, *widths[axis], mode)
    return x if mode in CROPS_FIRST else _cropped(x, pairs, layout)


def _bordered(x: Any, axis: int, low: int, high: int, mode: str) -> Any:
    """``x`` with copies of its own elements before and after one axis.

    `jax.numpy.pad` slices every axis, also those without a border, which JAX refuses where one is
    sharded over explicit axes of a mesh.
    """
    size = x.shape[axis]
    if not (low or high):
        return x

    def taken(start: int, stop: int) -> Any:
        return lax.slice_in_dim(x, start, stop, axis=axis)

    def repeated(edge: int, count: int) -> Any:
        shape = [n if i != axis else count for i, n in enumerate(x.shape)]
        return jnp.broadcast_to(taken(edge, edge + 1), shape)

    if mode == "replicate":
        before, after = repeated(0, low), repeated(size - 1, high)
    elif mode == "circular":
        before, after = taken(size - low, size), taken(0, high)
    else:
        before = lax.rev(taken(1, low + 1), (axis,))
        after = lax.rev(taken(size - 1 - high, size - 1), (axis,))
    return jnp.concatenate([before, x, after], axis)


def _cropped(x: Any, pairs: Pairs, layout: Layout) -> Any:
    """``x`` without what the negative numbers of ``pairs`` take away."""
    for axis, (low, high) in zip(layout.spatial, pairs, strict=True):
        if min(low, high) < 0:
            x = lax.slice_in_dim(x, max(-low, 0), x.shape[axis] - max(-high, 0), axis=axis)
    return x
