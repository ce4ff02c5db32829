"""Times layers of well-known networks, forward and both gradients, beside lax and torch."""

import functools
import importlib.util
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.accelerator.programs import MODES, Program, Sampling, drawn, timings
from benchmarks.cases import ConvolutionCase
from benchmarks.comparison import Row
from benchmarks.layers import by_torch, task_of
from benchmarks.work import products

REWRITES = ("tap_products", "im2col", "shifted_taps")
"""Algorithms of jaxcnn that may be faster than XLA's convolutions of groups, or transposed ones."""


def rewrites(case: ConvolutionCase) -> tuple[str, ...]:
    """Those of `REWRITES` that are tried for a layer."""
    if case.groups == case.channels > 1 and not case.transposed:
        return REWRITES
    return REWRITES[:2] if case.groups > 1 or case.transposed else ()


def program(case: ConvolutionCase, library: str, task: str, mode: str) -> Program:
    """The program of one task of a layer on one device.

    Args:
        case: the layer.
        library: ``"jaxcnn"``, ``"lax"``, or one of `REWRITES`.
        task: the result or one of the gradients.
        mode: a name of `MODES`.
    """
    place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    shapes = case.shapes(jnp.dtype(MODES[mode].dtype))
    compute = {"jaxcnn": case.ours, "lax": case.lax}.get(library)
    compute = compute or functools.partial(case.ours, algorithm=library)
    function, taken = task_of(compute, *shapes, task)
    placed = (jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=place) for shape in taken)
    return Program(jax.jit(function), tuple(placed), MODES[mode])


def torch_on_gpu() -> bool:
    """Whether torch is installed and can use a GPU."""
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    # As XLA does: cuDNN tries its algorithms and takes the fastest.
    torch.backends.cudnn.benchmark = True
    return bool(torch.cuda.is_available())


def timed_task(case: ConvolutionCase, task: str, mode: str, sampling: Sampling) -> Row:
    """The row of one task in each library."""
    calls: dict[str, Callable[[], Any]] = {}
    seconds = {}
    libraries = ("jaxcnn", "lax", *rewrites(case))
    made = {library: program(case, library, task, mode) for library in libraries}
    arguments = [drawn(shape) for shape in made["jaxcnn"].shapes]
    for library, each in made.items():
        compiled, seconds[library] = each.compiled()
        calls[library] = functools.partial(compiled, *arguments)
    if jax.default_backend() == "gpu" and torch_on_gpu():
        calls["torch"] = by_torch(case, task, device="cuda", dtype=MODES[mode].dtype)
    return {
        "task": task,
        "mode": mode,
        "batch": case.batch,
        "gflop": sum(products(case.lax, *case.shapes())),
        **timings(calls, seconds, sampling),
    }
