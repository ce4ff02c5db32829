"""XLA's general convolution, read as a task of the engine.

The gradients of a convolution are convolutions whose axes are swapped: in the kernel gradient
the batch is summed over and the channels are counted through. Read in that way an algorithm
would see a window as large as the image. Here it is told what the task is: the result of a
`Problem` or the gradient in its kernel.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from jaxcnn.engine.problem import Problem


class Reading(NamedTuple):
    """A task, and the axes of the operands in the order that it wants them.

    Attributes:
        problem: the convolution, or the one whose kernel gradient is meant.
        gradient: whether it is the kernel gradient.
        x: the axes of the left operand as ``(n, *sizes, channels)``.
        other: those of the right operand as the kernel, or as the cotangent of the result.
        y: the axes of XLA's result, from those of the task.
    """

    problem: Problem
    gradient: bool
    x: tuple[int, ...]
    other: tuple[int, ...]
    y: tuple[int, ...]


def read(x: Any, kernel: Any, params: dict[str, Any]) -> Reading:
    """What a convolution with these operands (or their types) and ``lax``'s parameters asks."""
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
        spacing=tuple(params["lhs_dilation"]),
        groups=params["feature_group_count"],
        dtype=np.dtype(params.get("preferred_element_type") or x.dtype),
    )
    swapped = left[1] < left[0] and forward.taps >= math.prod(forward.out)
    far = forward.taps > 8 * math.prod(forward.out)
    if batch_groups == 1 and (forward.groups > 1 or not (swapped or far)):
        return Reading(
            forward,
            False,
            (left[0], *left[2:], left[1]),
            (*right[2:], right[1], right[0]),
            _inverse((result[0], *result[2:], result[1])),
        )
    # (n, *out, f) is now (channels, *window, features).
    order = (*result[2:], result[0], result[1])
    return Reading(
        _whose_gradient(forward, batch_groups),
        True,
        (left[1], *left[2:], left[0]),
        (right[1], *right[2:], right[0]),
        _inverse(order),
    )


def _whose_gradient(forward: Problem, batch_groups: int) -> Problem:
    """The problem whose kernel gradient a convolution is."""
    padding = []
    for i in range(forward.rank):
        low = forward.padding[i][0]
        spaced = (forward.sizes[i] - 1) * forward.spacing[i] + 1
        reach = (forward.window[i] - 1) * forward.dilation[i]
        reach += (forward.out[i] - 1) * forward.stride[i] + 1
        padding.append((low, reach - spaced - low))
    return Problem(
        batch=forward.channels,
        sizes=forward.sizes,
        channels=forward.batch,
        window=forward.out,
        features=forward.features,
        stride=forward.dilation,
        padding=tuple(padding),
        dilation=forward.stride,
        spacing=forward.spacing,
        groups=batch_groups,
        dtype=forward.dtype,
    )


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes ``order``."""
    return tuple(order.index(i) for i in range(len(order)))
