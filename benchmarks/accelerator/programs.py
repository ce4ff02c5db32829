"""Compiles programs in a dtype and precision, and times them."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from benchmarks.comparison import Row, summarized
from benchmarks.timing import interleaved, spread


class Mode(NamedTuple):
    """The dtype and precision of a computation.

    Attributes:
        dtype: the dtype of images and kernels.
        precision: JAX's ``jax_default_matmul_precision``; ``None`` leaves it to the chip.
    """

    dtype: str
    precision: str | None


MODES = {
    "float32": Mode("float32", None),
    "bfloat16": Mode("bfloat16", None),
    "float32 highest": Mode("float32", "highest"),
}
"""The modes by name; "highest" forbids TensorFloat-32 on GPUs and bfloat16 products on TPUs."""


class Program(NamedTuple):
    """A function, with the shapes, dtypes and shardings of its arguments.

    Attributes:
        function: what `jax.jit` has made.
        shapes: its arguments as `jax.ShapeDtypeStruct`.
        mode: what it computes with.
    """

    function: Any
    shapes: tuple[Any, ...]
    mode: Mode

    def traced(self) -> Any:
        """The function traced in its precision; its `lower` makes the program for a platform."""
        with jax.default_matmul_precision(self.mode.precision):
            return self.function.trace(*self.shapes)

    def compiled(self) -> tuple[Callable[..., Any], float]:
        """The program compiled for this machine, and the seconds that this took."""
        start = time.perf_counter()
        with jax.default_matmul_precision(self.mode.precision):
            compiled = self.function.lower(*self.shapes).compile()
        return compiled, time.perf_counter() - start


def drawn(shape: jax.ShapeDtypeStruct) -> jax.Array:
    """An array of normally distributed numbers, which repeat after the first million."""
    numbers = np.random.default_rng(0).standard_normal(2**20, np.float32)
    array = jax.device_put(np.resize(numbers, shape.shape), shape.sharding)
    return array.astype(shape.dtype)


class Sampling(NamedTuple):
    """The number of samples, and the least time of each.

    Attributes:
        rounds: samples of each call.
        least: seconds that a sample lasts at least.
    """

    rounds: int
    least: float


def timings(
    calls: dict[str, Callable[[], Any]], seconds: dict[str, float], sampling: Sampling
) -> Row:
    """Time calls in turn, in milliseconds: medians, ratios, spreads and all samples.

    Args:
        calls: what to time, by library.
        seconds: how long each took to compile.
        sampling: how often.
    """
    samples = interleaved(calls, *sampling)
    return summarized(samples) | {
        "libraries": list(calls),
        "spread": {library: spread(times) for library, times in samples.items()},
        "compile_seconds": seconds,
        "samples": samples,
    }
