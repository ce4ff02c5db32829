"""Times train steps: jaxcnn, and the same network in Flax, accelerated Flax and torch.

``python -m benchmarks.train_steps`` prints the table and writes ``benchmarks/train_steps.json``.
torch.compile needs a C++ compiler and is left out where it fails.
"""

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxcnn as jc
from benchmarks.command import WITH_TORCH, keep, options
from benchmarks.comparison import Row, compared, header, line, speed, times_ours
from benchmarks.networks import NETWORKS, Network
from benchmarks.networks.in_flax import promoting
from benchmarks.work import gemm_speed, products, step_work

RATE, MOMENTUM = 0.01, 0.9
OTHERS = ("Flax", "Flax accelerated", "torch", "torch.compile")
HEADER = header(["network", "jaxcnn ms", "images/s", "GFLOP/s", "of the GEMM", *OTHERS])

Forward = Callable[[Any, Any, Any], tuple[Any, Any]]
"""A function from parameters, a state and images to logits and the next state."""


def by_jaxcnn(network: Network) -> Forward:
    """The forward function of the network in jaxcnn."""
    layer = network.jaxcnn()
    return lambda params, state, x: layer.apply(params, state, x, train=True)


def by_flax(network: Network) -> Forward:
    """The forward function of the network in Flax, with the same parameters."""
    model = network.flax()

    def forward(params: Any, state: Any, x: Any) -> tuple[Any, Any]:
        variables = {"params": params, "batch_stats": state}
        with promoting():
            logits, new = model.apply(variables, x, train=True, mutable=["batch_stats"])
        return logits, new.get("batch_stats", {})

    return forward


def data(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Random images and labels."""
    random = np.random.default_rng(0)
    x = random.standard_normal((network.batch, *network.image), np.float32)
    return x, random.integers(0, 10, network.batch)


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


def jax_step(network: Network, forward: Forward) -> Callable[[], Any]:
    """A compiled training step that continues from the results of its last call."""
    inputs = (begun(network), *map(jnp.asarray, data(network)))
    compiled = jax.jit(step_of(forward), donate_argnums=0).lower(*inputs).compile()
    return going_on(compiled, *inputs)


def torch_step(network: Network, *, compiled: bool) -> Callable[[], None]:
    """A training step in torch, in its own layout, optionally with `torch.compile`."""
    import torch

    images, labels = map(torch.tensor, data(network))
    x = images.movedim(-1, 1).contiguous()
    model = network.torch()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)

    def loss(x: Any, labels: Any) -> Any:
        return torch.nn.functional.cross_entropy(model(x), labels)

    forward = torch.compile(loss) if compiled else loss

    def call() -> None:
        optimizer.zero_grad()
        forward(x, labels).backward()
        optimizer.step()

    return call


def calls_of(network: Network) -> dict[str, Callable[[], Any]]:
    """The training steps of all libraries."""
    calls: dict[str, Callable[[], Any]] = {"jaxcnn": jax_step(network, by_jaxcnn(network))}
    for name, hooked in (("Flax", contextlib.nullcontext), ("Flax accelerated", jc.accelerate)):
        with hooked():
            calls[name] = jax_step(network, by_flax(network))
    if not WITH_TORCH:
        return calls
    calls["torch"] = torch_step(network, compiled=False)
    compiled = torch_step(network, compiled=True)
    try:
        compiled()
        calls["torch.compile"] = compiled
    except Exception as error:  # what inductor raises without a compiler is not documented
        print(f"torch.compile is left out: {str(error).splitlines()[0]}")
    return calls


@functools.cache
def gflop(network: Network) -> float:
    """The GFLOP of a training step, counted in the Flax network."""
    x = jax.ShapeDtypeStruct((network.batch, *network.image), jnp.float32)
    return step_work(products(by_flax(network), *jax.eval_shape(network.start), x))


def cells(row: Row, gemm: float | None) -> list[str]:
    """A row of the Markdown table."""
    rate = 1e3 * row["batch"] / row["jaxcnn"]
    ours = [row["network"], f"{row['jaxcnn']:.1f}", f"{rate:,.0f}", *speed(row, gemm)]
    return ours + [times_ours(row, other) for other in OTHERS]


def main() -> None:
    """Measure and print the table, and write it to its file."""
    wanted = options(__doc__, NETWORKS, rounds=15)
    gemm = gemm_speed(wanted.rounds)
    print(f"GEMM: {gemm:.0f} GFLOP/s\n{HEADER}", flush=True)
    rows = []
    for name in wanted.names:
        network = NETWORKS[name]
        row: Row = {"network": name, "batch": network.batch, "gflop": gflop(network)}
        rows.append(row | compared(calls_of(network), wanted.rounds))
        print(line(cells(rows[-1], gemm)), flush=True)
    if wanted.complete:
        keep("train_steps", rows, wanted.rounds, gemm)


if __name__ == "__main__":
    main()
