"""Times networks for inference: compiled as they are, prepared, and prepared with joined steps.

The steps are joined by `jaxcnn.fuse`, and prepared is by `jaxcnn.engine.prepare`.

``python -m benchmarks.prepared`` prints the table of docs/performance.md: medians of calls in turn
in one process, ± half the distance between the quartiles.
"""

import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxcnn as jc
from benchmarks.command import options
from benchmarks.comparison import header, line
from benchmarks.timing import interleaved, machine, spread

HEADER = header(
    [
        "network",
        "images",
        "as it is, ms",
        "prepared, ms",
        "joined and prepared, ms",
        "times as fast",
    ]
)


class Network(NamedTuple):
    """A model by its name, and the shape of the images of a call."""

    model: str
    images: tuple[int, int, int, int]


NETWORKS = {
    f"{network.model} {network.images[0]}x{network.images[1]}": network
    for network in (
        Network("resnet18", (1, 64, 64, 3)),
        Network("resnet18", (1, 224, 224, 3)),
        Network("resnet18", (16, 64, 64, 3)),
        Network("resnet50", (1, 224, 224, 3)),
        Network("mobilenet_v2", (1, 224, 224, 3)),
    )
}


def calls_of(network: Network) -> dict[str, Callable[[], jax.Array]]:
    """The network as it is, prepared, and joined and prepared, as functions without arguments.

    Raises:
        RuntimeError: if their bits differ.
    """
    model = jc.models.MODELS[network.model](1000)
    params, state = drawn(model, network.images)
    x = jnp.asarray(np.random.default_rng(1).standard_normal(network.images), jnp.float32)

    def logits(params: Any, state: Any, x: Any) -> jax.Array:
        return model.apply(params, state, x)[0]

    compiled, prepared = jax.jit(logits), jc.engine.prepare(logits, params, state)
    if not np.array_equal(compiled(params, state, x), prepared(x)):
        raise RuntimeError(f"{network.model}: the bits of the prepared network are other ones")
    joined = jc.engine.prepare(jc.fuse(logits), params, state)
    return {
        "as it is": lambda: compiled(params, state, x),
        "prepared": lambda: prepared(x),
        "joined": lambda: joined(x),
    }


def drawn(model: Any, shape: tuple[int, ...]) -> Any:
    """Parameters and a state that keep numbers in the range of a trained network's."""
    types = jax.eval_shape(lambda: model.init(jax.random.key(0), shape))
    random = np.random.default_rng(0)

    def one(leaf: Any) -> jax.Array:
        if len(leaf.shape) < 2:  # scales, biases and statistics
            return jnp.asarray(random.uniform(0.5, 1.0, leaf.shape), leaf.dtype)
        deviation = (2 / np.prod(leaf.shape[:-1])) ** 0.5
        return jnp.asarray(deviation * random.standard_normal(leaf.shape), leaf.dtype)

    return jax.tree.map(one, types)


def cells(name: str, times: dict[str, list[float]]) -> list[str]:
    """A row of the table."""
    model, _, images = name.partition(" ")
    rates = [a / b for a, b in zip(times["as it is"], times["joined"], strict=True)]
    ratio = statistics.median(times["as it is"]) / statistics.median(times["joined"])
    return [
        *(model, images.replace("x", " × ") + "²"),
        *(with_spread(statistics.median(times[way]), times[way], 1) for way in times),
        with_spread(ratio, rates, 2),
    ]


def with_spread(middle: float, values: list[float], digits: int) -> str:
    """A number with the spread of the values that it is from."""
    width = spread(values)
    return f"{middle:.{digits}f}" + ("" if width is None else f" ± {width:.{digits}f}")


def main() -> None:
    """Measure and print the table, and the machine."""
    wanted = options(__doc__, NETWORKS, rounds=51)
    print(HEADER, flush=True)
    for name in wanted.names:
        print(line(cells(name, interleaved(calls_of(NETWORKS[name]), wanted.rounds))), flush=True)
    print(", ".join(f"{key} {value}" for key, value in machine().items()))


if __name__ == "__main__":
    main()
