"""Times poolings of well-known networks, forward and backward: jaxcnn, lax and torch.

``python -m benchmarks.pools`` prints the table and writes ``benchmarks/pools.json``.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.command import WITH_TORCH, keep, options
from benchmarks.comparison import Row, compared, header, line, mean_ratio, timed, times_ours
from benchmarks.pool_cases import POOLS, Pool

TASKS = ("forward", "backward")
OTHERS = ("lax", "torch")
HEADER = header(["pooling", "task", "jaxcnn ms", *OTHERS])


def by_jax(fn: Callable[[Any], Any], pool: Pool, task: str) -> Callable[[], Any]:
    """One task of a pooling, compiled; the backward task starts from the images."""
    x = pool.images()
    if task == "forward":
        return functools.partial(jax.jit(fn), x)
    shape = jax.eval_shape(fn, x).shape
    t = jnp.asarray(np.random.default_rng(1).standard_normal(shape), jnp.float32)
    return functools.partial(jax.jit(lambda x, t: jax.vjp(fn, x)[1](t)[0]), x, t)


def by_torch(pool: Pool, task: str) -> Callable[[], None]:
    """One task in torch, in its layout; its backward task reuses results of the forward one."""
    import torch

    x = torch.tensor(np.moveaxis(np.asarray(pool.images()), -1, 1).copy())
    if task == "forward":

        def forward() -> None:
            with torch.no_grad():
                pool.torch(x)

        return forward
    y = pool.torch(x.requires_grad_())
    t = torch.randn_like(y)

    def backward() -> None:
        torch.autograd.grad(y, x, t, retain_graph=True)

    return backward


def calls_of(pool: Pool, task: str) -> dict[str, Callable[[], Any]]:
    """The row of one task of a pooling in each library."""
    calls: dict[str, Callable[[], Any]] = {
        "jaxcnn": by_jax(pool.ours, pool, task),
        "lax": by_jax(pool.lax, pool, task),
    }
    if WITH_TORCH:
        calls["torch"] = by_torch(pool, task)
    return calls


def cells(row: Row) -> list[str]:
    """A row of the Markdown table."""
    ours = [row["pooling"], row["task"], f"{row['jaxcnn']:.2f}"]
    return ours + [times_ours(row, other) for other in OTHERS]


def main() -> None:
    """Measure and print the table, and write it to its file."""
    wanted = options(__doc__, POOLS, rounds=9)
    print(HEADER)
    rows = []
    for name in wanted.names:
        for task in TASKS:
            row = compared(calls_of(POOLS[name], task), wanted.rounds)
            rows.append({"pooling": name, "task": task} | row)
            print(line(cells(rows[-1])), flush=True)
    for other in timed(rows, OTHERS):
        print(f"geometric mean over {other}: {mean_ratio(rows, other):.2f}")
    if wanted.complete:
        keep("pools", rows, wanted.rounds)


if __name__ == "__main__":
    main()
