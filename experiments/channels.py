"""Convolutions with several input and output channels, and the 1×1 convolution.

Shows: a multi-channel correlation is a sum of one-channel ones; every output channel has a
kernel of its own; a 1×1 convolution is a matrix product over the channels at every pixel.
The hand-written functions agree with `jaxcnn.conv2d`.

Command: python experiments/channels.py

Result: [[56, 72], [104, 120]] for two input channels; three output channels of 2×2; the largest
difference between the 1×1 product and the general form is 0 to float32 rounding.

Source: *Dive into Deep Learning* (2023), section 7.4.
"""

import jax
import jax.numpy as jnp

import jaxcnn as jc
from jaxcnn.cli import demonstration


def two_channels() -> tuple[jax.Array, jax.Array]:
    """The 3×3 image and 2×2 kernel of the book, with two channels each, channels last."""
    x = jnp.stack([jnp.arange(9.0).reshape(3, 3), jnp.arange(1.0, 10.0).reshape(3, 3)], axis=-1)
    kernel = jnp.stack([jnp.arange(4.0).reshape(2, 2), jnp.arange(1.0, 5.0).reshape(2, 2)], axis=-1)
    return x, kernel


def multi_in() -> jax.Array:
    """Two input channels, one output channel."""
    return jc.corr2d_multi_in(*two_channels())


def multi_in_out() -> jax.Array:
    """Two input channels, three output channels: the kernel, and it raised by 1 and 2."""
    x, kernel = two_channels()
    return jc.corr2d_multi_in_out(x, jnp.stack([kernel, kernel + 1, kernel + 2], axis=-1))


def one_by_one() -> jax.Array:
    """The largest difference between three ways to compute a 1×1 convolution."""
    x_key, kernel_key = jax.random.split(jax.random.key(0))
    x = jax.random.normal(x_key, (3, 3, 3))
    kernel = jax.random.normal(kernel_key, (1, 1, 3, 2))
    product = jc.corr2d_multi_in_out_1x1(x, kernel)
    others = jc.corr2d_multi_in_out(x, kernel), jc.conv2d(x[None], kernel)[0]
    return jnp.max(jnp.stack([jnp.abs(product - other).max() for other in others]))


def main() -> None:
    """Print the three results."""
    print(f"two input channels:\n{multi_in()}\n")
    y = multi_in_out()
    print(f"three output channels {y.shape}, channel by channel:\n{jnp.moveaxis(y, -1, 0)}\n")
    print(f"1×1: largest difference between product and correlation: {one_by_one():.1e}")


if __name__ == "__main__":
    demonstration(main, __doc__)
