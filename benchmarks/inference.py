"""Times inference of whole networks with 1 and 16 images: jaxcnn, Flax, torch and two runtimes.

``python -m benchmarks.inference`` prints the table and writes ``benchmarks/inference.json``.
ONNX Runtime and OpenVINO read the network as jaxcnn exports it to ONNX. All compute in float32 and
on all cores. The seconds of compilation and the memory, in processes of their own, are those of
16 images.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

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
from benchmarks.networks.in_onnx import exported
from benchmarks.networks.in_torch import images_of, twin
from benchmarks.processes import empty_caches
from benchmarks.work import gemm_speed, products

BATCHES = (1, 16)
OTHERS = ("Flax", "Flax accelerated", "torch", "torch.compile", "ONNX Runtime", "OpenVINO")
BEST_OF = ("torch.compile", "ONNX Runtime", "OpenVINO")
"""The libraries of which the fastest in each row is compared with as well."""
FASTEST = "the fastest of the last three"
COLUMNS = (*OTHERS, FASTEST)
HEADER = header(["network", "images", "jaxcnn ms", "GFLOP/s", "of the GEMM", *COLUMNS])
COSTS_HEADER = header(["network", *costs.heads(OTHERS)])


def jaxcnn_call(network: Network) -> Ready:
    """The logits by jaxcnn, prepared for many calls with the same parameters."""
    layer, known = network.layer, network.start()
    x = jnp.asarray(network.data()[0])
    start = time.perf_counter()
    logits = jc.fuse(lambda params, state, x: layer.apply(params, state, x)[0])
    prepared = jc.engine.prepare(logits, *known)
    jax.block_until_ready(prepared(x))
    return Ready(lambda: prepared(x), time.perf_counter() - start)


def flax_call(network: Network) -> Ready:
    """The logits by Flax."""
    forward = in_flax.forward(network.layer, train=False)
    return _by_jax(network, lambda params, state, x: forward(params, state, x)[0])


def accelerated_call(network: Network) -> Ready:
    """The logits by Flax, its convolutions and pools computed by jaxcnn."""
    with jc.accelerate():
        return flax_call(network)


def torch_call(network: Network) -> Ready:
    """The logits by torch, in torch's default layout."""
    return Ready(_by_torch(network, lambda model: model, channels_last=False))


def compiled_torch_call(network: Network) -> Ready:
    """The logits by torch, compiled with frozen parameters, channels last."""
    change = functools.partial(compiled_by_torch, freezing=True)
    call = _by_torch(network, change, channels_last=True)
    start = time.perf_counter()
    call()
    return Ready(call, time.perf_counter() - start)


def onnxruntime_call(network: Network) -> Ready:
    """The logits by ONNX Runtime."""
    import onnxruntime

    content, images = exported(network), _channels_first(network)
    start = time.perf_counter()
    wanted = onnxruntime.SessionOptions()
    wanted.add_free_dimension_override_by_name("batch", network.batch)
    session = onnxruntime.InferenceSession(content, wanted, providers=["CPUExecutionProvider"])
    seconds = time.perf_counter() - start
    return Ready(lambda: session.run(None, {"images": images})[0], seconds)


def openvino_call(network: Network) -> Ready:
    """The logits by OpenVINO, in float32 also where the processor has bfloat16."""
    import openvino

    content, images = exported(network), _channels_first(network)
    start = time.perf_counter()
    core = openvino.Core()
    model = core.read_model(content)
    model.reshape(images.shape)
    wanted = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(model, "CPU", wanted).create_infer_request()
    seconds = time.perf_counter() - start
    return Ready(lambda: request.infer([images], share_inputs=True)[0], seconds)


def _by_jax(network: Network, fn: Callable[[Any, Any, Any], Any]) -> Ready:
    inputs = (*network.start(), jnp.asarray(network.data()[0]))
    compiled, seconds = compiled_by_jax(fn, *inputs)
    return Ready(functools.partial(compiled, *inputs), seconds)


def _by_torch(
    network: Network, change: Callable[[Any], Any], *, channels_last: bool
) -> Callable[[], Any]:
    """The logits by torch; the module is changed by a function."""
    import torch

    images = images_of(network.data()[0], channels_last=channels_last)
    model = twin(network).eval()
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    model = change(model)

    def call() -> Any:
        with torch.no_grad():
            return model(images)

    return call


def _channels_first(network: Network) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(network.data()[0], -1, 1))


LIBRARIES: dict[str, Make] = {
    "jaxcnn": jaxcnn_call,
    "Flax": flax_call,
    "Flax accelerated": accelerated_call,
    "torch": torch_call,
    "torch.compile": compiled_torch_call,
    "ONNX Runtime": onnxruntime_call,
    "OpenVINO": openvino_call,
}
"""The function that makes the logits of a network, by library."""


def gflop(network: Network) -> float:
    """The GFLOP of the logits, counted in the Flax network."""
    x = jax.ShapeDtypeStruct((network.batch, *network.image), jnp.float32)
    forward = in_flax.forward(network.layer, train=False)
    return sum(products(forward, *jax.eval_shape(network.start), x))


def timed(name: str, batch: int, makers: dict[str, Make], rounds: int) -> Row:
    """The row of a network and a batch: times, and for the largest batch the costs."""
    network = NETWORKS[name]._replace(batch=batch)
    row: Row = {"network": name, "batch": batch, "image": network.image, "gflop": gflop(network)}
    if batch == max(BATCHES):
        row |= costs.costs(makers, name, batch)
    return with_fastest(row | compared(calls(ready(makers, network)), rounds))


def with_fastest(row: Row) -> Row:
    """A row with the ratio and the spread of the fastest of `BEST_OF`."""
    known = [other for other in BEST_OF if f"{other} ratio" in row]
    if known:
        best = min(known, key=lambda other: float(row[f"{other} ratio"]))
        row |= {f"{FASTEST} {entry}": row[f"{best} {entry}"] for entry in ("ratio", "spread")}
    return row


def cells(row: Row, gemm: float | None) -> list[str]:
    """A row of the Markdown table of times."""
    images = f"{row['batch']} × {row['image'][0]}²"
    ours = [row["network"], images, our_time(row), *speed(row, gemm)]
    return ours + [times_ours(row, other) for other in COLUMNS]


def means(rows: list[Row]) -> list[str]:
    """The geometric means for each batch."""
    found = []
    for batch in BATCHES:
        own = [row for row in rows if row["batch"] == batch]
        found.append(mean_line(own, COLUMNS, 4, f"geometric mean, batch {batch}"))
    return found


def lines(rows: list[Row], gemm: float | None) -> list[str]:
    """The Markdown table of times, with the geometric means."""
    return [HEADER, *(line(cells(row, gemm)) for row in rows), *means(rows)]


def costs_lines(rows: list[Row]) -> list[str]:
    """The Markdown table of seconds of compilation and of memory."""
    own = [row for row in rows if row["batch"] == max(BATCHES)]
    return [COSTS_HEADER, *(line([row["network"], *costs.cells(row, OTHERS)]) for row in own)]


def main() -> None:
    """Measure and print the tables, and write them to their file."""
    wanted = options(__doc__, NETWORKS, rounds=25)
    gemm = gemm_speed(wanted.rounds)
    makers = {name: LIBRARIES[name] for name in installed(LIBRARIES)}
    print(f"GEMM: {gemm:.0f} GFLOP/s\n{HEADER}", flush=True)
    rows = []
    with empty_caches():
        for name in wanted.names:
            for batch in BATCHES:
                rows.append(timed(name, batch, makers, wanted.rounds))
                print(line(cells(rows[-1], gemm)), flush=True)
    print("\n".join([*means(rows), "", *costs_lines(rows)]))
    if wanted.complete:
        keep("inference", rows, wanted.rounds, gemm)


if __name__ == "__main__":
    main()
