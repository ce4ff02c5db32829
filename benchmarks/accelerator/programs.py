"""What is compiled, in which dtype and precision, and how it is timed."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from benchmarks.comparison import Row, summarized
from benchmarks.timing import interleaved, spread


class Mode(NamedTuple):
    """What numbers are computed with.

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
"""By name; "highest" forbids TensorFloat-32 on GPUs and bfloat16 products on TPUs."""


class Program(NamedTuple):
    """A function to be compiled, and the shapes, dtypes and shardings of its arguments.

    Attributes:
        function: what `jax.jit` has made.
        shapes: its arguments as `jax.ShapeDtypeStruct`.
        mode: what it computes with.
    """

    function: Any
    shapes: tuple[Any, ...]
    mode: Mode

    def traced(self) -> Any:
        """The function traced in its precision, which `lower` makes a platform's program of."""
        with jax.default_matmul_precision(self.mode.precision):
            return self.function.trace(*self.shapes)

    def compiled(self) -> tuple[Callable[..., Any], float]:
        """The program of this machine, and how many seconds it took to trace and compile it."""
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
    """How often a call is timed.

    Attributes:
        rounds: samples of each call.
        least: seconds that a sample lasts at least.
    """

    rounds: int
    least: float


def timings(
    calls: dict[str, Callable[[], Any]], seconds: dict[str, float], sampling: Sampling
) -> Row:
    """Milliseconds of calls taken in turn: medians, ratios, spreads and every sample.

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
