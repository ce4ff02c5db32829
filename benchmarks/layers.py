"""Times layers of well-known networks, forward and both gradients: jaxcnn, lax and torch.

``python -m benchmarks.layers`` prints the table and writes ``benchmarks/layers.json``.
"""

import functools
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.cases import LAYERS, ConvolutionCase
from benchmarks.command import WITH_TORCH, keep, options
from benchmarks.comparison import Row, compared, header, line, mean_ratio, speed, timed, times_ours
from benchmarks.work import gemm_speed, products

TASKS = ("forward", "dx", "dw")
OTHERS = ("lax", "torch")
HEADER = header(["layer", "task", "jaxcnn ms", "GFLOP/s", "of the GEMM", *OTHERS])
SLOW = "ResNeXt"
"""Kernel gradients that take `lax` ten seconds and more are timed without it."""


def task_of(
    fn: Callable[..., Any], x: Any, kernel: Any, task: str
) -> tuple[Callable[..., Any], tuple[Any, Any]]:
    """One task of a layer as a function, and the shapes of its two arguments.

    Args:
        fn: the layer, of images and a kernel.
        x: images, or their shape.
        kernel: a kernel, or its shape.
        task: one of `TASKS`.
    """
    if task == "forward":
        return fn, (x, kernel)
    y = jax.eval_shape(fn, x, kernel)
    if task == "dx":
        return lambda t, k: jax.linear_transpose(lambda x: fn(x, k), x)(t)[0], (y, kernel)
    return lambda t, x: jax.linear_transpose(lambda k: fn(x, k), kernel)(t)[0], (y, x)


def by_jax(fn: Callable[..., Any], case: ConvolutionCase, task: str) -> Callable[[], Any]:
    """One task of a layer, compiled by JAX."""
    function, (first, second) = task_of(fn, *case.operands(), task)
    if task != "forward":
        first = jnp.asarray(np.random.default_rng(1).standard_normal(first.shape), jnp.float32)
    return functools.partial(jax.jit(function), first, second)


def by_torch(
    case: ConvolutionCase, task: str, *, device: str = "cpu", dtype: str = "float32"
) -> Callable[[], Any]:
    """One task of a layer in torch, in its own layout."""
    import torch

    # What a call on a GPU gives is not there yet: `jax.block_until_ready` waits through this.
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    done = types.SimpleNamespace(block_until_ready=wait)
    where = {"device": device, "dtype": getattr(torch, dtype)}
    x, kernel = (shape.shape for shape in case.shapes())
    order = (case.rank, case.rank + 1) if case.transposed else (case.rank + 1, case.rank)
    images = torch.randn((x[0], x[-1], *x[1:-1]), **where)
    weight = 0.1 * torch.randn([kernel[axis] for axis in (*order, *range(case.rank))], **where)
    if task == "forward":

        def forward() -> Any:
            with torch.no_grad():
                case.torch(images, weight)
            return done

        return forward
    leaf = (images if task == "dx" else weight).requires_grad_()
    y = case.torch(images, weight)
    t = torch.randn_like(y)

    def backward() -> Any:
        torch.autograd.grad(y, leaf, t, retain_graph=True)
        return done

    return backward


def calls_of(name: str, task: str) -> dict[str, Callable[[], Any]]:
    """The row of one task of a layer in each library."""
    case = LAYERS[name]
    calls: dict[str, Callable[[], Any]] = {"jaxcnn": by_jax(case.ours, case, task)}
    if not (task == "dw" and name.startswith(SLOW)):
        calls["lax"] = by_jax(case.lax, case, task)
    if WITH_TORCH:
        calls["torch"] = by_torch(case, task)
    return calls


def cells(row: Row, gemm: float | None) -> list[str]:
    """A row of the Markdown table."""
    ours = [row["layer"], row["task"], f"{row['jaxcnn']:.2f}", *speed(row, gemm)]
    return ours + [times_ours(row, other) for other in OTHERS]


def main() -> None:
    """Measure and print the table, and write it to its file."""
    wanted = options(__doc__, LAYERS, rounds=9)
    gemm = gemm_speed(wanted.rounds)
    print(f"GEMM: {gemm:.0f} GFLOP/s\n{HEADER}", flush=True)
    rows = []
    for name in wanted.names:
        case = LAYERS[name]
        gflop = sum(products(case.lax, *case.operands()))
        for task in TASKS:
            row: Row = {"layer": name, "task": task, "gflop": gflop}
            rows.append(row | compared(calls_of(name, task), wanted.rounds))
            print(line(cells(rows[-1], gemm)), flush=True)
    for other in timed(rows, OTHERS):
        print(f"geometric mean over {other}: {mean_ratio(rows, other):.2f}")
    if wanted.complete:
        keep("layers", rows, wanted.rounds, gemm)


if __name__ == "__main__":
    main()
