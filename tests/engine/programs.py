"""Convolutions with random options, for tests of the engine."""

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


class Drawn(NamedTuple):
    """A convolution as a function of its operands, and the operands."""

    options: dict[str, Any]
    x: jax.Array
    kernel: jax.Array

    def __call__(self, x: Any, kernel: Any) -> Any:
        """`lax`'s convolution."""
        return lax.conv_general_dilated(x, kernel, **self.options)

    def tasks(self) -> dict[str, tuple[Callable[..., Any], tuple[Any, Any]]]:
        """The result and both gradients, each as a function that has one convolution."""
        y = jax.eval_shape(self, self.x, self.kernel)
        t = jnp.asarray(np.random.default_rng(2).standard_normal(y.shape), y.dtype)

        def of_x(t: Any, kernel: Any) -> Any:
            return jax.linear_transpose(lambda x: self(x, kernel), self.x)(t)[0]

        def of_kernel(t: Any, x: Any) -> Any:
            return jax.linear_transpose(lambda kernel: self(x, kernel), self.kernel)(t)[0]

        return {
            "result": (self, (self.x, self.kernel)),
            "input gradient": (of_x, (t, self.kernel)),
            "kernel gradient": (of_kernel, (t, self.x)),
        }


def draw(seed: int) -> Drawn:
    """A convolution of up to 3 axes with any stride, padding, dilation, groups and layout."""
    some = random.Random(seed)
    rank = some.choice([1, 2, 2, 3])
    groups = some.choice([1, 1, 2, 3])
    into, out = some.choice([1, 2, 3]), some.choice([1, 2, 3])

    def per_axis(values: list[int], ones: float) -> list[int]:
        return [1] * rank if some.random() < ones else [some.choice(values) for _ in range(rank)]

    window = [3] * rank if some.random() < 0.4 else per_axis([1, 2, 3, 4], 0.1)
    spatial = "DHW"[:rank]
    layout = some.choice([f"N{spatial}C", f"NC{spatial}", f"C{spatial}N"])
    kernel_layout = some.choice([f"{spatial}IO", f"OI{spatial}"])
    sizes = {"N": some.choice([1, 2, 3]), "C": groups * into}
    sizes |= {axis: some.randint(7, 11) for axis in spatial}
    sides = {"I": into, "O": groups * out, **dict(zip(spatial, window, strict=True))}
    options = {
        "window_strides": per_axis([1, 2, 3], 0.5),
        "padding": [(some.randint(-1, 3), some.randint(-1, 3)) for _ in range(rank)],
        "lhs_dilation": per_axis([1, 2, 3], 0.6),
        "rhs_dilation": per_axis([1, 2], 0.6),
        "dimension_numbers": (layout, kernel_layout, some.choice([layout, f"N{spatial}C"])),
        "feature_group_count": groups,
    }
    random_numbers = np.random.default_rng(seed)
    x = random_numbers.standard_normal([sizes[axis] for axis in layout])
    kernel = random_numbers.standard_normal([sides[axis] for axis in kernel_layout])
    return Drawn(options, jnp.asarray(x), jnp.asarray(kernel))
