"""Direct convolution in C++ (``native/``): each result is summed up in registers.

No windows are written to memory. XLA calls the C++ code with the threads of its own pool. It
handles strides, dilation, input dilation and groups, and reads images where they lie.

See Zhang, Franchetti and Low, "High Performance Zero-Memory Overhead Direct Convolutions", 2018.
"""

import ctypes
import dataclasses
from collections.abc import Hashable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.engine import compiler
from jaxcnn.engine.algorithm import Algorithm, Epilogue, Order, Packing
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


def run(
    problem: Problem,
    x: jax.Array,
    kernel: jax.Array,
    order: Order = Order.PLAIN,
    epilogue: Epilogue | None = None,
) -> jax.Array:
    """Compute the convolution, and complete its results while they are in the cache."""
    packing = _packing(problem)
    if packing is None:
        return convolved("convolution", problem, x, kernel, order, epilogue)
    if order == Order.MIRRORED:
        kernel, order = unmirrored(kernel), Order.PLAIN
    if order == Order.PLAIN:
        kernel = packing.spread(kernel)
    if epilogue is not None:
        factor, offset = (jnp.tile(a, packing.many) for a in (epilogue.factor, epilogue.offset))
        epilogue = epilogue._replace(factor=factor, offset=offset)
    y = convolved("convolution", packing.wide, x, kernel, order, epilogue)
    return y.reshape(problem.result_shape)


def gradient(problem: Problem, x: jax.Array, cotangent: jax.Array) -> jax.Array:
    """Compute the gradient in the kernel."""
    packing = _packing(problem)
    if packing is None:
        return called("jaxcnn_kernel_gradient", problem, problem.kernel_shape, x, cotangent)
    wide = packing.wide
    sums = called("jaxcnn_kernel_gradient", wide, wide.kernel_shape, x, cotangent)
    return packing.gathered(sums)


def pack(problem: Problem, kernel: jax.Array) -> jax.Array:
    """The kernel in panels, in the order in which the C++ code reads its numbers."""
    packing = _packing(problem)
    wide = problem if packing is None else packing.wide
    sizes = _sizes(wide).ctypes.data_as(ctypes.POINTER(ctypes.c_int64))
    numbers = compiler.native().packed_size(sizes)
    spread = kernel if packing is None else packing.spread(kernel)
    return called("jaxcnn_pack", wide, (numbers,), spread)


def unmirrored(kernel: jax.Array) -> jax.Array:
    """A mirrored kernel as a plain one."""
    return jnp.swapaxes(jnp.flip(kernel, tuple(range(kernel.ndim - 2))), -1, -2)


def _packing(problem: Problem) -> RowPacking | None:
    """How results are packed into the features of one; None where vectors are full anyway."""
    return None if problem.features % LANES == 0 else RowPacking(problem)


def _kind(problem: Problem) -> Hashable:
    """Without an input dilation, kernels of many features lie in one order for all images."""
    if problem.features % LANES == 0 and not problem.input_dilated:
        return problem.groups
    return dataclasses.replace(problem, batch=1)


def convolved(
    method: str,
    problem: Problem,
    x: jax.Array,
    kernel: jax.Array,
    order: Order,
    epilogue: Epilogue | None,
) -> jax.Array:
    """Call a handler that convolves, by direct sums or by Winograd's method."""
    number, shape = np.int64(order), problem.result_shape
    if epilogue is None:
        return called(f"jaxcnn_{method}", problem, shape, x, kernel, order=number)
    # An array of no numbers stands for no residual.
    added = jnp.zeros((0,), jnp.float32) if epilogue.residual is None else epilogue.residual
    bounds = {"low": np.float32(epilogue.low), "high": np.float32(epilogue.high)}
    operands = (x, kernel, epilogue.factor, epilogue.offset, added)
    return called(f"jaxcnn_completed_{method}", problem, shape, *operands, order=number, **bounds)


def called(
    handler: str, problem: Problem, shape: tuple[int, ...], *operands: jax.Array, **further: Any
) -> jax.Array:
    """Call a handler of ``native/handlers.cc``, which gives an array of ``shape``."""
    result = jax.ShapeDtypeStruct(shape, jnp.float32)
    call = jax.ffi.ffi_call(compiler.native().targets[handler], result)
    y: jax.Array = call(*operands, sizes=_sizes(problem), **further)
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
    packing=Packing(pack, _kind),
    ordered=run,
)
