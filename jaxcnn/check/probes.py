"""Small programs that some releases of jaxlib compute wrongly, or crash on, on a CPU.

``python -P probes.py NAME`` runs one of them: the exit status is 0 where the result is right and
3 where it is wrong. Each has a process of its own (`jaxcnn.check.defects`), since some end it. So
this file imports nothing of jaxcnn.
"""

import contextlib
import sys
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

WRONG = 3
"""The exit status of a program whose result is wrong."""

IMAGES = ("NHWC", "HWIO", "NHWC")


def fused_sums() -> bool:
    """Sums of the squared rows of a matrix product with more than 2 to the 15 rows."""
    last = 2**15
    rows = jnp.zeros((last + 1, 3)).at[:, 0].set(jnp.arange(last + 1.0))
    lengths = jax.jit(jax.vmap(lambda row: jnp.square(jnp.eye(3) @ row).sum()))
    return bool(lengths(rows)[last] == float(last) ** 2)


def cropped_convolution() -> bool:
    """A convolution that crops 2 columns on the left and pads 2 with zeros on the right."""
    x = np.arange(1.0, 1 + 2 * 15 * 8 * 4, dtype=np.float32).reshape(2, 15, 8, 4)
    kernel = jnp.ones((3, 3, 4, 1))
    convolve = jax.jit(
        lambda x: lax.conv_general_dilated(
            x, kernel, (1, 1), ((0, 0), (-2, 2)), dimension_numbers=IMAGES
        )
    )
    summed = np.pad(x[:, :, 2:], ((0, 0), (0, 0), (0, 2), (0, 0))).sum(-1)
    windows = np.lib.stride_tricks.sliding_window_view(summed, (3, 3), (1, 2))
    return np.allclose(convolve(x)[..., 0], windows.sum((-1, -2)), rtol=1e-5)


def pooled_dilation() -> bool:
    """Max pooling of two rows of an input that is dilated along its columns."""
    x = np.arange(64 * 128, dtype=np.float32).reshape(64, 128)
    pooled = lax.reduce_window(x, -np.inf, lax.max, (2, 1), (2, 1), "VALID", base_dilation=(1, 2))
    wanted = np.full((32, 255), -np.inf, np.float32)
    wanted[:, ::2] = x[1::2]
    return np.array_equal(pooled, wanted)


def pooled_crop() -> bool:
    """Sums of two columns of an input that one operation crops and dilates, and the next pads."""
    x = np.arange(1.0, 9.0, dtype=np.float32).reshape(1, 8)

    @jax.jit
    def sums(x: jax.Array) -> jax.Array:
        cropped = lax.pad(x, 0.0, ((0, 0, 1), (-1, 0, 0)))
        return lax.reduce_window(cropped, 0.0, lax.add, (1, 2), (1, 1), ((0, 0), (1, 0)))

    return np.array_equal(sums(x), [[2, 5, 7, 9, 11, 13, 15]])


def seven_dimensions() -> bool:
    """A sum of products over one of seven dimensions, another of which is 1."""
    x = jnp.ones((3, 1, 2, 2, 8, 8, 8))
    return bool((jax.jit(lambda a, b: (a * b).sum(3))(x, x) == 2).all())


def eight_dimensions() -> bool:
    """A sum of products of three dimensions with eight."""
    a, b = jnp.ones((10, 4, 6)), jnp.ones((10, 4, 6, 9, 9, 9, 9, 9))
    summed = jax.jit(lambda a, b: jnp.log((a.reshape(10, 4, 6, 1, 1, 1, 1, 1) * b).sum(2)))
    return np.allclose(summed(a, b), np.log(6.0))


def single_pixels() -> bool:
    """Windows of one pixel with a negative padding that crops the first row."""
    x = np.arange(32, dtype=np.float32).reshape(8, 4)
    crop = jax.jit(lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 1), (1, 1), ((-1, 0), (0, 0))))
    return np.array_equal(crop(x), x[1:])


PROBES: tuple[Callable[[], bool], ...] = (
    fused_sums,
    cropped_convolution,
    pooled_dilation,
    pooled_crop,
    seven_dimensions,
    eight_dimensions,
    single_pixels,
)


def _without_core_dump() -> None:
    with contextlib.suppress(ImportError):  # there is none on Windows, and no dump either
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _without_core_dump()
    chosen = {probe.__name__: probe for probe in PROBES}[sys.argv[1]]
    sys.exit(0 if chosen() else WRONG)
