"""Finds vertical edges with a convolution kernel.

Shows: the cross-correlation of a 6×8 black-and-white image with the kernel [1, −1] is 1 where
white turns black, −1 where black turns white, and 0 elsewhere; horizontal edges are not seen.

Command: python experiments/edge_detection.py

Result: every row of the first matrix is 0 1 0 0 0 −1 0, the second matrix is all zeros.

Source: *Dive into Deep Learning* (2023), section 7.2.3.
"""

import jax
import jax.numpy as jnp

import jaxcnn as jc
from jaxcnn.cli import demonstration

KERNEL = jnp.array([[1.0, -1.0]])


def image() -> jax.Array:
    """A white 6×8 image with a black band over its middle four columns."""
    return jnp.ones((6, 8)).at[:, 2:6].set(0)


def edges(x: jax.Array) -> jax.Array:
    """Where the brightness of neighbouring columns differs."""
    return jc.corr2d(x, KERNEL)


def main() -> None:
    """Print the image, its vertical edges, and those of the transposed image."""
    x = image()
    for title, matrix in (
        ("image", x),
        ("edges of the image", edges(x)),
        ("edges of the transposed image", edges(x.T)),
    ):
        print(f"{title} {matrix.shape}:\n{matrix.astype(int)}\n")


if __name__ == "__main__":
    demonstration(main, __doc__)
