"""Checks the arguments of the ops, and says in one sentence what is wrong with them.

Every public op calls these before it touches an array. Each function takes the op's name
first, so that the message says which function was called wrongly.
"""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.ops import habits

LAYOUTS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}
"""The layouts of an op with 1, 2 or 3 spatial axes; the first is the default."""


class Layout(NamedTuple):
    """The places of the channel and of the spatial axes in a batch of images."""

    name: str
    channel: int
    spatial: tuple[int, ...]

    def sizes(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The spatial sizes in ``shape``."""
        return tuple(shape[axis] for axis in self.spatial)

    def per_channel(self, vector: jax.Array) -> jax.Array:
        """A vector of one number per channel, shaped to broadcast against the images."""
        shape = [1] * (len(self.spatial) + 2)
        shape[self.channel] = vector.shape[0]
        return vector.reshape(shape)


def parse_layout(op: str, layout: str | None, rank: int) -> Layout:
    """The axes that ``layout`` names, for ``rank`` spatial axes; ``None`` is channels last."""
    allowed = LAYOUTS[rank]
    name = allowed[0] if layout is None else layout
    if name not in allowed:
        raise ValueError(f"{op}: `layout` must be one of {allowed}, got {layout!r}")
    if name.endswith("C"):
        return Layout(name, rank + 1, tuple(range(1, rank + 1)))
    return Layout(name, 1, tuple(range(2, rank + 2)))


def as_array(
    op: str, name: str, value: Any, *, ndim: int | None = None, axes: str = "", one_less: str = ""
) -> jax.Array:
    """``value`` as a JAX array, which must have ``ndim`` axes.

    ``one_less`` ends the message about an array with one axis less.
    """
    if not isinstance(value, jax.Array | np.ndarray | np.generic):
        foreign = habits.foreign_array(name, value)
        raise TypeError(f"{op}: `{name}` must be an array, got {type(value).__name__}{foreign}")
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "OSUMm":
        raise TypeError(f"{op}: `{name}` must hold numbers, got {value.dtype}")
    array = jnp.asarray(value)
    if ndim is not None and array.ndim != ndim:
        wanted = f" ({axes})" if axes else ""
        raise ValueError(
            f"{op}: `{name}` must have {ndim} axes{wanted}, got {array.ndim} in shape "
            f"{array.shape}{one_less if array.ndim == ndim - 1 else ''}"
        )
    return array


def images(op: str, x: Any, layout: Layout) -> jax.Array:
    """``x`` as an array whose axes are the ones of ``layout``."""
    batch = "; `x[None]` adds a batch axis"
    return as_array(op, "x", x, ndim=len(layout.name), axes=layout.name, one_less=batch)


def same_dtype(op: str, name: str, array: Any, x: Any) -> None:
    """Refuse silent promotion between ``x`` and another operand."""
    if array.dtype != x.dtype:
        mixed = jnp.issubdtype(array.dtype, jnp.floating)
        real = habits.picture_of_integers("x", x.dtype) if mixed else ""
        raise TypeError(
            f"{op}: `{name}` must have the dtype of `x`, got {array.dtype} and {x.dtype}{real}"
        )


def as_int(op: str, name: str, value: Any, *, minimum: int | None) -> int:
    """``value`` as an int of at least ``minimum``, or any int where that is ``None``."""
    try:
        number = operator.index(value)
        if isinstance(value, bool):
            raise TypeError
    except TypeError:
        raise TypeError(f"{op}: `{name}` must be an int, got {value!r}") from None
    if minimum is not None and number < minimum:
        raise ValueError(f"{op}: `{name}` must be at least {minimum}, got {number}")
    return number


def per_axis(op: str, name: str, value: Any, rank: int, *, minimum: int | None) -> tuple[int, ...]:
    """``value`` as one int per spatial axis."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != rank:
            raise ValueError(
                f"{op}: `{name}` must be an int or {rank} ints, got {len(value)} values: {value!r}"
            )
        return tuple(as_int(op, name, item, minimum=minimum) for item in value)
    return (as_int(op, name, value, minimum=minimum),) * rank


def choice(op: str, name: str, value: Any, allowed: Sequence[str]) -> Any:
    """``value``, which must be one of ``allowed``."""
    if value not in allowed:
        spelled = habits.spelling(value, allowed)
        raise ValueError(f"{op}: `{name}` must be one of {tuple(allowed)}, got {value!r}{spelled}")
    return value


def check_numbers(op: str, name: str, array: Any) -> None:
    """Refuse booleans, which cannot be added up."""
    if array.dtype == jnp.bool_:
        raise TypeError(f"{op}: `{name}` must hold numbers, got bool")


def check_kernel(op: str, kernel: Any, window: Sequence[int], x: Any) -> None:
    """Refuse booleans, a kernel of another dtype than ``x``, and a window without elements."""
    check_numbers(op, "x", x)
    same_dtype(op, "kernel", kernel, x)
    if 0 in window:
        raise ValueError(f"{op}: `kernel` has an empty window {tuple(window)}")


def accumulator(dtype: Any) -> Any:
    """The dtype for sums: float32 for the 16-bit floats, ``None`` (their own) for others."""
    return jnp.float32 if dtype in (jnp.bfloat16, jnp.float16) else None
