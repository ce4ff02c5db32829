"""Direct convolution in C++ (``native/``): each result is summed up in registers.

No windows are written to memory. XLA calls the C++ code with the threads of its own pool. It
handles strides, dilation, input dilation and groups, and reads images where they lie.

See Zhang, Franchetti and Low, "High Performance Zero-Memory Overhead Direct Convolutions", 2018.
"""

import ctypes
import dataclasses
from collections.abc import Hashable

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.engine import compiler
from jaxcnn.engine.algorithm import Algorithm, Packing
from jaxcnn.engine.problem import Problem
from jaxcnn.engine.row_packing import LANES, RowPacking


def refuses(problem: Problem) -> str:
    """The reason why the algorithm cannot compute a problem; an empty string where it can."""
    if problem.dtype != np.float32:
        return "it computes in float32 only"
    if problem.rank > 3:
        return "it knows at most three spatial axes"
    if any(a > 1 < b for a, b in zip(problem.stride, problem.input_dilation, strict=True)):
        return "it does not know strides together with an input dilation"
    return compiler.native().reason


def run(problem: Problem, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Compute the convolution."""
    if problem.features % LANES == 0:
        return called("jaxcnn_convolution", problem, problem.result_shape, x, kernel)
    packing = RowPacking(problem)
    wide = packing.wide
    y = called("jaxcnn_convolution", wide, wide.result_shape, x, packing.spread(kernel))
    return y.reshape(problem.result_shape)


def gradient(problem: Problem, x: jax.Array, cotangent: jax.Array) -> jax.Array:
    """Compute the gradient in the kernel."""
    if problem.features % LANES == 0:
        return called("jaxcnn_kernel_gradient", problem, problem.kernel_shape, x, cotangent)
    packing = RowPacking(problem)
    wide = packing.wide
    sums = called("jaxcnn_kernel_gradient", wide, wide.kernel_shape, x, cotangent)
    return packing.gathered(sums)


def pack(problem: Problem, kernel: jax.Array) -> jax.Array:
    """The kernel in panels, in the order in which the C++ code reads its numbers."""
    packing = RowPacking(problem)
    sizes = _sizes(packing.wide).ctypes.data_as(ctypes.POINTER(ctypes.c_int64))
    numbers = compiler.native().packed_size(sizes)
    return called("jaxcnn_pack", packing.wide, (numbers,), packing.spread(kernel))


def run_packed(problem: Problem, x: jax.Array, packed: jax.Array) -> jax.Array:
    """Compute the convolution with a kernel of `pack`."""
    wide = RowPacking(problem).wide
    y = called("jaxcnn_packed_convolution", wide, wide.result_shape, x, packed)
    return y.reshape(problem.result_shape)


def _kind(problem: Problem) -> Hashable:
    """Without an input dilation, kernels of many features lie in one order for all images."""
    if problem.features % LANES == 0 and not problem.input_dilated:
        return problem.groups
    return dataclasses.replace(problem, batch=1)


def called(
    handler: str, problem: Problem, shape: tuple[int, ...], *operands: jax.Array
) -> jax.Array:
    """Call a handler of ``native/handlers.cc``, which gives an array of ``shape``."""
    result = jax.ShapeDtypeStruct(shape, jnp.float32)
    call = jax.ffi.ffi_call(compiler.native().targets[handler], result)
    y: jax.Array = call(*operands, sizes=_sizes(problem))
    return y


def _sizes(problem: Problem) -> np.ndarray:
    """The problem as a row of numbers for the C++ code, with three spatial axes."""
    axes = [(1, 1, 1, 0, 1, 1, 1)] * (3 - problem.rank)
    low = [low for low, _ in problem.padding]
    axes += zip(
        problem.sizes, problem.window, problem.stride, low, problem.dilation,
        problem.input_dilation, problem.out, strict=True,
    )  # fmt: skip
    own = (problem.batch, problem.channels, problem.features, problem.groups)
    return np.array([*own, *(number for axis in axes for number in axis)], np.int64)


DIRECT = Algorithm(
    "direct",
    run,
    gradient,
    refuses,
    handles_groups=True,
    handles_input_dilation=True,
    packing=Packing(pack, run_packed, _kind),
)
