"""Padding of the spatial axes, in the four ways that convolutions and pools share."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Num, Shaped

from jaxcnn.ops.arguments import (
    PADDING_MODES,
    AnyArray,
    Layout,
    Padding,
    PaddingMode,
    Pairs,
    as_array,
    choice,
    parse_any_layout,
    parse_padding,
)

_NUMPY_MODE = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(
    x: Shaped[AnyArray, "n *spatial c"],
    padding: Padding,
    *,
    mode: PaddingMode = "zeros",
    value: float | Num[AnyArray, ""] = 0,
    layout: str | None = None,
) -> Shaped[Array, "n *padded c"]:
    """Add a border to every spatial axis.

    Args:
        x: images, signals or volumes in ``layout``.
        padding: elements to add: an int for every side, one int per spatial axis, or one
            ``(low, high)`` pair per spatial axis. Not negative.
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
            ``"reflect"`` takes less than the axis, ``"circular"`` at most the axis; a ``value``
            that the dtype of ``x`` cannot hold, or beside another mode than ``"zeros"``.

    Unlike ``torch.nn.functional.pad``, whose flat list starts at the last axis, the padding is
    listed first axis first.

    >>> pad(jnp.arange(1.0, 4.0).reshape(1, 3, 1), 2, mode="reflect").ravel()
    Array([3., 2., 1., 2., 3., 2., 1.], dtype=float32)
    """
    x = as_array("pad", "x", x)
    axes = parse_any_layout("pad", layout, x.ndim)
    _check_value(x, value, mode)
    if isinstance(padding, str):
        raise ValueError(f"pad: `padding` must be ints or pairs, got {padding!r}")
    ones = (1,) * len(axes.spatial)
    pairs = parse_padding("pad", padding, axes.sizes(x.shape), ones, ones)
    return pad_spatial("pad", x, pairs, mode=mode, value=value, layout=axes)


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


def pad_spatial(
    op: str, x: Any, pairs: Pairs, *, mode: str, layout: Layout, value: ArrayLike = 0
) -> Any:
    """`pad`, with the arguments parsed already and the name of the op that a user called."""
    choice(op, "mode" if op == "pad" else "padding_mode", mode, PADDING_MODES)
    check_padding_fits(op, layout.sizes(x.shape), pairs, mode)
    if all(pair == (0, 0) for pair in pairs):
        return x
    widths = [(0, 0)] * x.ndim
    for axis, pair in zip(layout.spatial, pairs, strict=True):
        widths[axis] = pair
    if mode == "zeros":
        return jnp.pad(x, widths, constant_values=value)
    return jnp.pad(x, widths, mode=_NUMPY_MODE[mode])


def check_padding_fits(op: str, sizes: tuple[int, ...], pairs: Pairs, mode: str) -> None:
    """Refuse a border for which the input has too few elements to copy."""
    spare = {"reflect": -1, "circular": 0}.get(mode)
    for size, pair in zip(sizes, pairs, strict=True):
        if spare is not None and max(pair) > size + spare:
            raise ValueError(
                f"{op}: {mode} padding can be at most {size + spare} for an axis of {size}, "
                f"got {pair}"
            )
        if mode == "replicate" and size == 0 and max(pair) > 0:
            raise ValueError(f"{op}: replicate padding needs an axis that is not empty")
