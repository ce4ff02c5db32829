"""Times training steps of whole networks: jaxcnn, Flax, accelerated Flax, torch and torch.compile.

``python -m benchmarks.train_steps`` prints the table and writes ``benchmarks/train_steps.json``.
The seconds of compilation and the memory of each library are measured in processes of their own.
torch.compile needs a C++ compiler and is left out where it fails.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

import jaxcnn as jc
from benchmarks import costs
from benchmarks.command import keep, options
from benchmarks.comparison import (
    Row,
    compared,
    header,
    line,
    mean_line,
    our_time,
    speed,
    times_ours,
)
from benchmarks.libraries import (
    Make,
    Ready,
    calls,
    compiled_by_jax,
    compiled_by_torch,
    installed,
    ready,
)
from benchmarks.networks import NETWORKS, Network, in_flax
from benchmarks.networks.in_torch import images_of, twin
from benchmarks.processes import empty_caches
from benchmarks.work import gemm_speed, products, step_work

RATE, MOMENTUM = 0.01, 0.9
OTHERS = ("Flax", "Flax accelerated", "torch", "torch.compile")
HEADER = header(["network", "images", "jaxcnn ms", "GFLOP/s", "of the GEMM", *OTHERS])
COSTS_HEADER = header(["network", *costs.heads(OTHERS)])

Forward = Callable[[Any, Any, Any], tuple[Any, Any]]
"""A function from parameters, a state and images to logits and the next state."""


def by_jaxcnn(network: Network) -> Forward:
    """The forward function of the network in jaxcnn."""
    layer = network.layer
    return lambda params, state, x: layer.apply(params, state, x, train=True)


def by_flax(network: Network) -> Forward:
    """The forward function of the network in Flax, with the same parameters."""
    return in_flax.forward(network.layer, train=True)


def step_of(forward: Forward, dtype: Any = jnp.float32) -> Callable[..., Any]:
    """A training step: ``(held, images, labels) -> (held, loss)``, not compiled yet.

    Args:
        forward: the network.
        dtype: what the network is computed in. Parameters, statistics and loss are in float32.
    """
    optimizer = optax.sgd(RATE, MOMENTUM)

    def loss(params: Any, state: Any, x: Any, labels: Any) -> Any:
        inputs = jax.tree.map(lambda leaf: leaf.astype(dtype), (params, x))
        logits, state = forward(inputs[0], state, inputs[1])
        logits = logits.astype(jnp.float32)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean(), state

    def step(held: Any, x: Any, labels: Any) -> Any:
        params, state, memory = held
        (value, state), gradient = jax.value_and_grad(loss, has_aux=True)(params, state, x, labels)
        updates, memory = optimizer.update(gradient, memory)
        return (optax.apply_updates(params, updates), state, memory), value

    return step


def begun(network: Network) -> Any:
    """The arguments of the first step: parameters, network state and optimizer state."""
    params, state = network.start()
    return params, state, optax.sgd(RATE, MOMENTUM).init(params)


def going_on(step: Callable[..., Any], held: Any, x: Any, labels: Any) -> Callable[[], Any]:
    """A function that calls a step with the results of the last call."""
    kept = [held]

    def call() -> Any:
        kept[0], value = step(kept[0], x, labels)
        return value

    return call


def jax_step(network: Network, forward: Forward) -> Ready:
    """A compiled training step that continues from the results of its last call."""
    inputs = (begun(network), *map(jnp.asarray, network.data()))
    compiled, seconds = compiled_by_jax(step_of(forward), *inputs, donate_argnums=0)
    return Ready(going_on(compiled, *inputs), seconds)


def jaxcnn_step(network: Network) -> Ready:
    """The step in jaxcnn."""
    return jax_step(network, by_jaxcnn(network))


def flax_step(network: Network) -> Ready:
    """The step in Flax."""
    return jax_step(network, by_flax(network))


def accelerated_step(network: Network) -> Ready:
    """The step in Flax, its convolutions and pools computed by jaxcnn."""
    with jc.accelerate():
        return flax_step(network)


def torch_step(network: Network) -> Ready:
    """The step in torch, in torch's default layout."""
    return Ready(_torch_call(network, lambda loss: loss, channels_last=False))


def compiled_torch_step(network: Network) -> Ready:
    """The step in torch, network and loss compiled, channels last."""
    call = _torch_call(network, compiled_by_torch, channels_last=True)
    start = time.perf_counter()
    call()
    return Ready(call, time.perf_counter() - start)


def _torch_call(
    network: Network, change: Callable[[Any], Any], *, channels_last: bool
) -> Callable[[], Any]:
    """A training step in torch, whose function from images and labels to a loss is changed."""
    import torch

    x, labels = network.data()
    images, wanted = images_of(x, channels_last=channels_last), torch.tensor(labels)
    model = twin(network)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    loss = change(lambda x, labels: torch.nn.functional.cross_entropy(model(x), labels))

    def call() -> Any:
        optimizer.zero_grad()
        value = loss(images, wanted)
        value.backward()
        optimizer.step()
        return value.detach()

    return call


LIBRARIES: dict[str, Make] = {
    "jaxcnn": jaxcnn_step,
    "Flax": flax_step,
    "Flax accelerated": accelerated_step,
    "torch": torch_step,
    "torch.compile": compiled_torch_step,
}
"""The function that makes a training step, by library."""


@functools.cache
def gflop(network: Network) -> float:
    """The GFLOP of a training step, counted in the Flax network."""
    x = jax.ShapeDtypeStruct((network.batch, *network.image), jnp.float32)
    return step_work(products(by_flax(network), *jax.eval_shape(network.start), x))


def timed(name: str, makers: dict[str, Make], rounds: int) -> Row:
    """The row of a network: times, seconds of compilation and memory."""
    network = NETWORKS[name]
    row: Row = {"network": name, "batch": network.batch, "image": network.image}
    row |= {"gflop": gflop(network)} | costs.costs(makers, name, network.batch)
    return row | compared(calls(ready(makers, network)), rounds)


def cells(row: Row, gemm: float | None) -> list[str]:
    """A row of the Markdown table of times."""
    images = f"{row['batch']} × {row['image'][0]}²"
    ours = [row["network"], images, our_time(row), *speed(row, gemm)]
    return ours + [times_ours(row, other) for other in OTHERS]


def lines(rows: list[Row], gemm: float | None) -> list[str]:
    """The Markdown table of times, with the geometric means."""
    body = [line(cells(row, gemm)) for row in rows]
    return [HEADER, *body, mean_line(rows, OTHERS, 4, "geometric mean")]


def costs_lines(rows: list[Row]) -> list[str]:
    """The Markdown table of seconds of compilation and of memory."""
    return [COSTS_HEADER, *(line([row["network"], *costs.cells(row, OTHERS)]) for row in rows)]


def main() -> None:
    """Measure and print the tables, and write them to their file."""
    wanted = options(__doc__, NETWORKS, rounds=15)
    gemm = gemm_speed(wanted.rounds)
    makers = {name: LIBRARIES[name] for name in installed(LIBRARIES)}
    print(f"GEMM: {gemm:.0f} GFLOP/s\n{HEADER}", flush=True)
    rows = []
    with empty_caches():
        for name in wanted.names:
            rows.append(timed(name, makers, wanted.rounds))
            print(line(cells(rows[-1], gemm)), flush=True)
    print("\n".join([lines(rows, gemm)[-1], "", *costs_lines(rows)]))
    if wanted.complete:
        keep("train_steps", rows, wanted.rounds, gemm)


if __name__ == "__main__":
    main()
