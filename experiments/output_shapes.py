"""Shows how padding and stride determine the size of the output.

Shows: floor((size + 2 · padding − window) / stride) + 1 on each axis, for the book's examples
on an 8×8 image, computed by the formula and by the convolution itself.

Command: python experiments/output_shapes.py

Result: 8×8, 8×8, 4×4 and 2×2; formula and convolution agree.

Source: *Dive into Deep Learning* (2023), section 7.3.
"""

from typing import NamedTuple

import jax.numpy as jnp

import jaxcnn as jc
from jaxcnn.cli import demonstration

IMAGE = (8, 8)


class Setting(NamedTuple):
    """The options of one convolution; (rows, columns)."""

    window: tuple[int, int]
    padding: tuple[int, int]
    stride: tuple[int, int]


SETTINGS = (
    Setting(window=(3, 3), padding=(1, 1), stride=(1, 1)),
    Setting(window=(5, 3), padding=(2, 1), stride=(1, 1)),
    Setting(window=(3, 3), padding=(1, 1), stride=(2, 2)),
    Setting(window=(3, 5), padding=(0, 1), stride=(3, 4)),
)


def by_formula(setting: Setting) -> tuple[int, ...]:
    """The output's size from the formula."""
    return tuple(
        (size + 2 * padding - window) // stride + 1
        for size, window, padding, stride in zip(IMAGE, *setting, strict=True)
    )


def by_convolution(setting: Setting) -> tuple[int, ...]:
    """The output's size from `jaxcnn.conv2d`."""
    x, kernel = jnp.ones((1, *IMAGE, 1)), jnp.ones((*setting.window, 1, 1))
    return jc.conv2d(x, kernel, padding=setting.padding, stride=setting.stride).shape[1:3]


def main() -> None:
    """Print both sizes for every setting."""
    print(f"{'window':8} {'padding':8} {'stride':8} {'formula':8} convolution")
    for setting in SETTINGS:
        cells = (*setting, by_formula(setting), by_convolution(setting))
        print(" ".join(f"{cell!s:8}" for cell in cells).rstrip())


if __name__ == "__main__":
    demonstration(main, __doc__)
