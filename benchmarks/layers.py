"""Layers of well-known networks, forward and both gradients: jaxcnn, lax and torch.

``python -m benchmarks.layers`` prints the table and writes ``benchmarks/layers.json``; with
``--only TEXT`` it runs the rows whose name holds the text, and writes nothing.
"""

import argparse
import functools
import json
import math
import pathlib
import statistics
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.cases import LAYERS, Case
from benchmarks.timing import interleaved, machine, ratio

TASKS = ("forward", "dx", "dw")
SLOW = "ResNeXt"
"""Kernel gradients that take `lax` ten seconds and more are timed without it."""


def by_jax(fn: Callable[..., Any], case: Case, task: str) -> Callable[[], Any]:
    """One task of a layer, compiled."""
    x, kernel = case.operands()
    if task == "forward":
        return functools.partial(jax.jit(fn), x, kernel)
    y = jax.eval_shape(fn, x, kernel)
    t = jnp.asarray(np.random.default_rng(1).standard_normal(y.shape), jnp.float32)
    if task == "dx":
        gradient = jax.jit(lambda t, k: jax.linear_transpose(lambda x: fn(x, k), x)(t)[0])
        return functools.partial(gradient, t, kernel)
    gradient = jax.jit(lambda t, x: jax.linear_transpose(lambda k: fn(x, k), kernel)(t)[0])
    return functools.partial(gradient, t, x)


def by_torch(case: Case, task: str) -> Callable[[], None]:
    """The same in torch, in its own layout."""
    import torch

    x, kernel = case.operands()
    order = (case.rank, case.rank + 1) if case.transposed else (case.rank + 1, case.rank)
    images = torch.tensor(np.moveaxis(np.asarray(x), -1, 1).copy())
    weights = np.transpose(np.asarray(kernel), (*order, *range(case.rank)))
    weight = torch.tensor(np.ascontiguousarray(weights))
    if task == "forward":

        def forward() -> None:
            with torch.no_grad():
                case.torch(images, weight)

        return forward
    leaf = (images if task == "dx" else weight).requires_grad_()
    y = case.torch(images, weight)
    t = torch.randn_like(y)

    def backward() -> None:
        torch.autograd.grad(y, leaf, t, retain_graph=True)

    return backward


def row(name: str, task: str, rounds: int) -> dict[str, Any]:
    """Median milliseconds of each library for one task of one layer, and ratios with spread."""
    case = LAYERS[name]
    calls: dict[str, Callable[[], Any]] = {"jaxcnn": by_jax(case.ours, case, task)}
    if not (task == "dw" and name.startswith(SLOW)):
        calls["lax"] = by_jax(case.lax, case, task)
    calls["torch"] = by_torch(case, task)
    times = interleaved(calls, rounds)
    found: dict[str, Any] = {"layer": name, "task": task}
    found |= {library: statistics.median(values) for library, values in times.items()}
    for other in ("lax", "torch"):
        if other in times:
            found[f"{other} ratio"], found[f"{other} spread"] = ratio(times, other)
    return found


def line(found: dict[str, Any]) -> str:
    """A row of the table."""
    cells = [found["layer"], found["task"], f"{found['jaxcnn']:.2f}"]
    for other in ("lax", "torch"):
        value, spread = found.get(f"{other} ratio"), found.get(f"{other} spread")
        cells.append("—" if value is None else f"{value:.2f} ± {spread:.2f}")
    return "| " + " | ".join(cells) + " |"


def mean_ratio(rows: list[dict[str, Any]], other: str) -> float:
    """The geometric mean of how many times as long another library takes."""
    ratios = [r[f"{other} ratio"] for r in rows if f"{other} ratio" in r]
    return math.exp(statistics.fmean(map(math.log, ratios)))


def main() -> None:
    """Print the table, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--rounds", type=int, default=9)
    flags = parser.parse_args()
    rows = []
    print("| layer | task | jaxcnn ms | lax | torch |\n|---|---|---|---|---|")
    for name in LAYERS:
        for task in TASKS if flags.only in name else ():
            rows.append(row(name, task, flags.rounds))
            print(line(rows[-1]), flush=True)
    for other in ("lax", "torch"):
        print(f"geometric mean over {other}: {mean_ratio(rows, other):.2f}")
    if not flags.only:
        path = pathlib.Path(__file__).parent / "layers.json"
        path.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
