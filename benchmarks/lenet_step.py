"""A training step of LeNet, batch 256: jaxcnn, the same network on lax, torch and torch.compile.

``python -m benchmarks.lenet_step`` prints the table and writes ``benchmarks/lenet_step.json``.
torch.compile needs a C++ compiler and is left out where it fails.
"""

import json
import pathlib
import statistics
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

import jaxcnn as jc
from benchmarks.timing import interleaved, machine, ratio

BATCH, ROUNDS = 256, 25
SHAPES = {
    "conv1": (5, 5, 1, 6),
    "conv2": (5, 5, 6, 16),
    "1": (400, 120),
    "2": (120, 84),
    "3": (84, 10),
}


def network(conv: Callable[..., Any], pool: Callable[..., Any], p: Any, x: Any) -> Any:
    """LeNet with sigmoids and average pooling."""
    x = pool(jax.nn.sigmoid(conv(x, p["conv1"]["kernel"], 2) + p["conv1"]["bias"]))
    x = pool(jax.nn.sigmoid(conv(x, p["conv2"]["kernel"], 0) + p["conv2"]["bias"]))
    x = x.reshape(x.shape[0], -1)
    for name in ("1", "2"):
        x = jax.nn.sigmoid(x @ p[name]["kernel"] + p[name]["bias"])
    return x @ p["3"]["kernel"] + p["3"]["bias"]


def by_jax(conv: Callable[..., Any], pool: Callable[..., Any]) -> Callable[[], Any]:
    """A compiled step of SGD that gives its parameters back."""
    random = np.random.default_rng(0)

    def loss(p: Any, x: Any, labels: Any) -> Any:
        logits = network(conv, pool, p, x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    def step(p: Any, x: Any, labels: Any) -> Any:
        value, g = jax.value_and_grad(loss)(p, x, labels)
        return jax.tree.map(lambda a, b: a - 0.1 * b, p, g), value

    compiled = jax.jit(step, donate_argnums=0)
    state = {}
    for name, shape in SHAPES.items():
        kernel = jnp.asarray(0.1 * random.standard_normal(shape), jnp.float32)
        state[name] = {"kernel": kernel, "bias": jnp.zeros(shape[-1])}
    x = jnp.asarray(random.standard_normal((BATCH, 28, 28, 1)), jnp.float32)
    labels = jnp.asarray(random.integers(0, 10, BATCH))
    held = [state]

    def call() -> Any:
        held[0], value = compiled(held[0], x, labels)
        return value

    return call


def lax_conv(x: Any, kernel: Any, padding: int) -> Any:
    """What Flax's `Conv` calls."""
    axes = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, kernel, (1, 1), [(padding,) * 2] * 2, dimension_numbers=axes)


def lax_pool(x: Any) -> Any:
    """What Flax's `avg_pool` calls."""
    return lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4


def by_torch(*, compiled: bool) -> Callable[[], None]:
    """A step of SGD in torch."""
    import torch
    from torch import nn

    model: Any = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, labels = torch.randn(BATCH, 1, 28, 28), torch.randint(0, 10, (BATCH,))
    forward = torch.compile(model) if compiled else model

    def call() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(forward(x), labels).backward()
        optimizer.step()

    return call


def main() -> None:
    """Print the table, and keep it."""
    calls: dict[str, Callable[[], Any]] = {
        "jaxcnn": by_jax(lambda x, k, p: jc.conv2d(x, k, padding=p), lambda x: jc.avg_pool2d(x, 2)),
        "lax": by_jax(lax_conv, lax_pool),
        "torch": by_torch(compiled=False),
    }
    try:
        compiled = by_torch(compiled=True)
        compiled()
        calls["torch.compile"] = compiled
    except Exception as error:  # what inductor raises without a compiler is not documented
        print(f"torch.compile is left out: {str(error).splitlines()[0]}")
    times = interleaved(calls, ROUNDS)
    rows = {}
    print("| | ms | images/s | times jaxcnn's |\n|---|---|---|---|")
    for name, values in times.items():
        milliseconds = statistics.median(values)
        factor, spread = ratio(times, name)
        rows[name] = {"ms": milliseconds, "ratio": factor, "spread": spread}
        rate = 1e3 * BATCH / milliseconds
        print(f"| {name} | {milliseconds:.1f} | {rate:,.0f} | {factor:.2f} ± {spread:.2f} |")
    path = pathlib.Path(__file__).parent / "lenet_step.json"
    path.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
