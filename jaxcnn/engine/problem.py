"""Reads XLA's general convolution as a task: a convolution, or the gradient in its kernel.

A `Problem` is a cross-correlation of images ``(n, *sizes, channels)`` with a kernel
``(*window, channels // groups, features)``, all sizes known: what every algorithm takes.

The gradients of a convolution are convolutions too, with their axes swapped: the gradient in the
kernel sums over the batch, and its window is as large as the image. No algorithm is fast for such
a window, but each can compute the gradient in a small kernel. So a task says which of the two is
meant, and in which order the axes of the operands are.
"""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


@dataclasses.dataclass(frozen=True)
class Problem:
    """The static part of a convolution; one entry per spatial axis where it is a tuple.

    Attributes:
        batch: the number of images.
        sizes: the spatial sizes of the images.
        channels: the channels of an image, of all groups together.
        window: the spatial sizes of the kernel.
        features: the channels of the result, of all groups together.
        stride: the distance between neighbouring windows.
        padding: ``(low, high)`` zeros around the image; a negative number crops.
        dilation: the distance between neighbouring elements of the kernel.
        input_dilation: the distance between neighbouring pixels, with zeros between them: more
            than 1 in the input gradient of a strided convolution.
        groups: the number of groups of channels; each is convolved by itself.
        dtype: the type of the numbers, which is float32 for those of 16 bits.
        exact: whether sums have to be as exact as products and sums in ``dtype`` are, which
            ``precision="highest"`` asks for.
    """

    batch: int
    sizes: tuple[int, ...]
    channels: int
    window: tuple[int, ...]
    features: int
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    input_dilation: tuple[int, ...]
    groups: int
    dtype: Any
    exact: bool = False

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.sizes)

    @property
    def span(self) -> tuple[int, ...]:
        """How many pixels a window reaches over."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.window, self.dilation, strict=True))

    @property
    def padded(self) -> tuple[int, ...]:
        """The spatial sizes of the images with input dilation and padding."""
        return tuple(
            max((size - 1) * step + 1, 0) + low + high
            for size, step, (low, high) in zip(
                self.sizes, self.input_dilation, self.padding, strict=True
            )
        )

    @property
    def out(self) -> tuple[int, ...]:
        """The spatial sizes of the result."""
        return tuple(
            max((size - span) // step + 1, 0)
            for size, span, step in zip(self.padded, self.span, self.stride, strict=True)
        )

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """The shape of the kernel."""
        return (*self.window, self.channels // self.groups, self.features)

    @property
    def result_shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return (self.batch, *self.out, self.features)

    @property
    def taps(self) -> int:
        """The number of elements of a window."""
        return math.prod(self.window)

    @property
    def positions(self) -> int:
        """The number of windows in all images."""
        return self.batch * math.prod(self.out)

    @property
    def input_dilated(self) -> bool:
        """Whether there are zeros between neighbouring pixels."""
        return any(step > 1 for step in self.input_dilation)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to compute."""
        sizes = (self.batch, *self.sizes, self.channels, self.features, *self.out)
        return min(sizes) <= 0

    def key(self, gradient: bool) -> str:
        """The problem, or the gradient in its kernel, as the file of `tune` names it."""
        kind = "kernel gradient" if gradient else "result"
        return f"{'exact ' if self.exact else ''}{kind} {dataclasses.astuple(self)[:-1]}"


class Task(NamedTuple):
    """A convolution or a gradient in its kernel, and the orders of the axes of its arrays.

    Attributes:
        problem: the convolution.
        gradient: whether the gradient in its kernel is meant.
        x: the axes of the left operand, ordered as ``(n, *sizes, channels)``.
        other: the axes of the right operand, ordered as the kernel or the cotangent of the result.
        y: the axes of the task's result, ordered as those of XLA's result.
    """

    problem: Problem
    gradient: bool
    x: tuple[int, ...]
    other: tuple[int, ...]
    y: tuple[int, ...]


def as_task(x: Any, kernel: Any, params: dict[str, Any]) -> Task:
    """Read a convolution of these operands (or their types) with the parameters of ``lax``."""
    left, right, result = params["dimension_numbers"]
    batch_groups = params["batch_group_count"]
    forward = Problem(
        batch=x.shape[left[0]],
        sizes=tuple(x.shape[i] for i in left[2:]),
        channels=x.shape[left[1]],
        window=tuple(kernel.shape[i] for i in right[2:]),
        features=kernel.shape[right[0]],
        stride=tuple(params["window_strides"]),
        padding=tuple((int(low), int(high)) for low, high in params["padding"]),
        dilation=tuple(params["rhs_dilation"]),
        input_dilation=tuple(params["lhs_dilation"]),
        groups=params["feature_group_count"],
        dtype=summed_in(np.dtype(params.get("preferred_element_type") or x.dtype)),
        exact=_highest(params.get("precision")),
    )
    swapped = left[1] < left[0] and forward.taps >= math.prod(forward.out)
    far = forward.taps > 8 * math.prod(forward.out)
    if batch_groups == 1 and (forward.groups > 1 or not (swapped or far)):
        return Task(
            forward,
            False,
            (left[0], *left[2:], left[1]),
            (*right[2:], right[1], right[0]),
            _inverse((result[0], *result[2:], result[1])),
        )
    # (n, *out, f) is now (channels, *window, features).
    order = (*result[2:], result[0], result[1])
    return Task(
        _whose_gradient(forward, batch_groups),
        True,
        (left[1], *left[2:], left[0]),
        (right[1], *right[2:], right[0]),
        _inverse(order),
    )


def summed_in(dtype: Any) -> Any:
    """The type in which numbers of another type are summed up."""
    half = jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize == 2
    return np.dtype(np.float32) if half else dtype


def _highest(precision: Any) -> bool:
    """Whether a ``precision`` of ``lax``, one or one per operand, asks for all that there is."""
    if precision is None:
        return jax.config.jax_default_matmul_precision in ("highest", "float32", "F32_F32_F32")
    each = precision if isinstance(precision, tuple) else (precision,)
    return lax.Precision.HIGHEST in each


def _whose_gradient(forward: Problem, batch_groups: int) -> Problem:
    """The problem of which a convolution is the gradient in the kernel."""
    axes = zip(
        forward.padding, forward.padded, forward.span, forward.out, forward.stride, strict=True
    )
    return dataclasses.replace(
        forward,
        batch=forward.channels,
        channels=forward.batch,
        window=forward.out,
        stride=forward.dilation,
        # Without the pixels that no window reaches.
        padding=tuple(
            (low, high + span + (out - 1) * step - padded)
            for (low, high), padded, span, out, step in axes
        ),
        dilation=forward.stride,
        groups=batch_groups,
    )


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes ``order``."""
    return tuple(order.index(i) for i in range(len(order)))
