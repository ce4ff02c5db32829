"""Times the train steps of Flax models without and with `jaxcnn.accelerate`.

``python -m benchmarks.accelerated`` prints the table and writes ``benchmarks/accelerated.json``.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

import jaxcnn as jc
from benchmarks.command import keep, options
from benchmarks.comparison import Row, compared, header, line, times_ours

HEADER = header(
    ["Flax model", "plain ms", "accelerated ms", "times as fast", "compile time, times plain"]
)


class MobileNetV2(nn.Module):
    """Inverted residuals as in Sandler et al. (2018), at a third of the depth."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Logits of images ``(n, 96, 96, 3)``."""
        x = nn.relu6(nn.Conv(32, (3, 3), strides=2)(x))
        for features, stride in ((16, 1), (24, 2), (32, 2), (64, 2), (96, 1), (160, 2)):
            wide = 6 * x.shape[-1]
            y = nn.relu6(nn.Conv(wide, (1, 1))(x))
            y = nn.relu6(nn.Conv(wide, (3, 3), strides=stride, feature_group_count=wide)(y))
            y = nn.Conv(features, (1, 1))(y)
            x = x + y if x.shape == y.shape else y
        return nn.Dense(10)(x.mean((1, 2)))


class ConvNeXt(nn.Module):
    """Blocks as in Liu et al. (2022), two per stage."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Logits of images ``(n, 96, 96, 3)``."""
        for features, patch in ((48, 4), (96, 2), (192, 2)):
            x = nn.Conv(features, (patch, patch), strides=patch, padding="VALID")(x)
            for _ in range(2):
                y = nn.Conv(features, (7, 7), feature_group_count=features)(x)
                y = nn.gelu(nn.Dense(4 * features)(nn.LayerNorm()(y)))
                x = x + nn.Dense(features)(y)
        return nn.Dense(10)(x.mean((1, 2)))


class ResNet18(nn.Module):
    """As in He et al. (2016), normalized by groups."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Logits of images ``(n, 96, 96, 3)``."""
        x = nn.relu(nn.GroupNorm()(nn.Conv(64, (7, 7), strides=2)(x)))
        x = nn.max_pool(x, (3, 3), (2, 2), "SAME")
        for i, features in enumerate((64, 64, 128, 128, 256, 256, 512, 512)):
            stride = 2 if i in (2, 4, 6) else 1
            y = nn.relu(nn.GroupNorm()(nn.Conv(features, (3, 3), strides=stride)(x)))
            y = nn.GroupNorm()(nn.Conv(features, (3, 3))(y))
            if x.shape != y.shape:
                x = nn.Conv(features, (1, 1), strides=stride)(x)
            x = nn.relu(x + y)
        return nn.Dense(10)(x.mean((1, 2)))


MODELS = {
    "MobileNetV2": (MobileNetV2(), 16),
    "ConvNeXt": (ConvNeXt(), 16),
    "ResNet18": (ResNet18(), 8),
}
"""The models, with their batch sizes."""


def step_of(model: nn.Module, batch: int) -> tuple[Callable[[], Any], float]:
    """A compiled step of SGD, and the seconds that its compilation took."""
    x = jnp.asarray(np.random.default_rng(0).standard_normal((batch, 96, 96, 3)), jnp.float32)
    labels = jnp.arange(batch) % 10
    variables = model.init(jax.random.key(0), x)

    def loss(variables: Any) -> Any:
        logits = jax.nn.log_softmax(model.apply(variables, x))
        return -logits[jnp.arange(batch), labels].mean()

    def step(variables: Any) -> Any:
        value, g = jax.value_and_grad(loss)(variables)
        return value, jax.tree.map(lambda a, b: a - 0.01 * b, variables, g)

    lowered = jax.jit(step).lower(variables)
    start = time.perf_counter()
    compiled = lowered.compile()
    return functools.partial(compiled, variables), time.perf_counter() - start


def timed(model: nn.Module, batch: int, rounds: int) -> Row:
    """The row of one model: both step times, and the ratio of the compile times."""
    plain, before = step_of(model, batch)
    with jc.accelerate():
        fast, after = step_of(model, batch)
    times = compared({"jaxcnn": fast, "plain": plain}, rounds)
    return {
        "model": type(model).__name__,
        "compile": after,
        "compile ratio": after / before,
    } | times


def cells(row: Row) -> list[str]:
    """A row of the Markdown table."""
    times = [f"{row[name]:.0f}" for name in ("plain", "jaxcnn")]
    return [row["model"], *times, times_ours(row, "plain"), f"{row['compile ratio']:.2f}"]


def main() -> None:
    """Measure and print the table, and write it to its file."""
    wanted = options(__doc__, MODELS, rounds=9)
    print(HEADER)
    rows = []
    for name in wanted.names:
        rows.append(timed(*MODELS[name], wanted.rounds))
        print(line(cells(rows[-1])), flush=True)
    if wanted.complete:
        keep("accelerated", rows, wanted.rounds)


if __name__ == "__main__":
    main()
