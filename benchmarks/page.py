"""Writes docs/benchmarks.md, its picture and the table in README from the last timings.

``python -m benchmarks.page``; a table timed in fewer than five rounds is a trial, which stays
out of README and the picture.
"""

import pathlib
from typing import Any

from benchmarks import accelerated, growth, inference, layers, plot, pools, train_steps
from benchmarks.cases import LAYERS
from benchmarks.command import ENOUGH, is_kept, kept, relied_on
from benchmarks.comparison import Row, header, line, mean_ratio
from benchmarks.pool_cases import POOLS
from jaxcnn.writing import write_whole

ROOT = pathlib.Path(__file__).parents[1]
PAGE, README = ROOT / "docs" / "benchmarks.md", ROOT / "README.md"
START, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"

INTRODUCTION = """# On the CPU: jaxcnn, lax, Flax, torch, ONNX Runtime and OpenVINO

Written by `make bench` from `benchmarks/*.json`; not edited by hand. Medians in float32, all
libraries in one process and in turn. The ratios say how many times as long another library
takes, ± half the distance between the quartiles over the rounds: above 1 jaxcnn is faster.
GFLOP/s count what the layer asks for, not what an algorithm does; "of the GEMM" is their share of
what the faster of `jnp.dot` and `torch.mm` reached in the same process with 2048 × 2048 matrices.
[performance.md](performance.md) says what is behind the numbers.

![The ratios of the tables below](benchmarks.svg)
"""

SECTIONS = {
    "train_steps": """## Training steps

SGD with momentum, the networks of `jaxcnn.models` (`benchmarks/networks/`). resnet18 and vgg11_bn
have the stem for small images. Nothing is dropped at random, so that all libraries compute the same
numbers. The twin in Flax is built of Flax's own layers, the one in torch is the module that jaxcnn
exports. "Flax accelerated" is the twin in Flax, unchanged, under `jaxcnn.accelerate()`.
torch.compile compiles the network and its loss, channels last.
""",
    "inference": """## Inference

The logits of 1 and of 16 images by the same networks in evaluation, in float32, of parameters that
are the same in each call: in jaxcnn by `jc.engine.prepare(jc.fuse(logits), params, state)`, in
torch.compile frozen and channels last. ONNX Runtime and OpenVINO read the file that jaxcnn exports,
in which batch norms are folded.
""",
    "growth": """## Growth with the batch and the cores

Images per second of training steps and of inference by the number of images in a batch, on all
cores. "64 over 1" is the ratio of the speeds of these batches; the last column is the ratio of the
speed on all cores to that on one.
""",
    "accelerated": """## Unchanged Flax models under `accelerate`
""",
    "layers": """## Layers

`dx` is the gradient in the input, `dw` the one in the kernel. A dash stands where `lax` takes ten
seconds and more.
""",
    "pools": """## Poolings

`lax` stands for `reduce_window` and its gradient, as Flax calls them, and for means of slices where
a size is asked for. torch's backward has the winners from its forward; the others find them.
""",
}

COSTS = """The seconds of compilation, and by how many MiB the memory of a process grows at most
when it compiles and makes three calls. Each library has a process of its own, which has made the
same with LeNet before. Nothing that an earlier program compiled is used. For inference there are 16
images.
"""

WHOLE: dict[str, Any] = {"train_steps": train_steps, "inference": inference}
"""The tables of whole networks, which have a second table of compilation and memory."""


def table_lines(table: str) -> list[str]:
    """The stored table of a module."""
    record = kept(table)
    rows, gemm = record["rows"], record["gemm"]
    if table in WHOLE:
        return WHOLE[table].lines(rows, gemm)
    if table == "growth":
        return growth.lines(rows)
    if table == "layers":
        return [layers.HEADER, *(line(layers.cells(row, gemm)) for row in rows)]
    module = {"accelerated": accelerated, "pools": pools}[table]
    return [module.HEADER, *(line(module.cells(row)) for row in rows)]


def machine(record: dict[str, Any]) -> str:
    """The machine and versions of a table."""
    parts = [f"{name} {value}" for name, value in record["machine"].items()]
    parts += [] if record["gemm"] is None else [f"GEMM {record['gemm']:.0f} GFLOP/s"]
    return f"Machine: {', '.join(parts)}."


def origin(record: dict[str, Any]) -> str:
    """The machine and the rounds of a table, as a sentence."""
    trial = "" if relied_on(record) else " **A trial, not to be relied on.**"
    return f"{machine(record)} Rounds: {record['rounds']}.{trial}\n"


def means() -> list[str]:
    """The geometric means over layers, over poolings, and over the slowest of each."""
    rows = {table: trusted_rows(table) for table in ("layers", "pools")}
    grouped = [row for row in rows["layers"] if LAYERS[row["layer"]].groups > 1]
    backward = [row for row in rows["pools"] if row["task"] == "backward"]
    maxima = [row for row in backward if POOLS[row["pooling"]].kind == "max"]
    kinds = {
        "layers, forward and both gradients": rows["layers"],
        "of them depthwise and grouped": grouped,
        "poolings, forward and backward": rows["pools"],
        "of them max-pool backward": maxima,
    }
    lines = [header(["geometric mean over", "rows", "lax", "torch"])]
    for name, chosen in kinds.items():
        if chosen:
            ratios = (f"{mean_ratio(chosen, other):.2f}" for other in ("lax", "torch"))
            lines.append(line([name, str(len(chosen)), *ratios]))
    return lines


def trusted_rows(table: str) -> list[Row]:
    """The rows of a table, or none if it has too few rounds or was never measured."""
    if not is_kept(table):
        return []
    record = kept(table)
    rows: list[Row] = record["rows"] if relied_on(record) else []
    return rows


def page() -> str:
    """The content of docs/benchmarks.md."""
    text = INTRODUCTION
    for table, introduction in SECTIONS.items():
        if not is_kept(table):
            continue
        lines = [introduction, *table_lines(table), ""]
        if table in WHOLE and any("compile" in row for row in kept(table)["rows"]):
            lines += [COSTS, *WHOLE[table].costs_lines(kept(table)["rows"]), ""]
        text += "\n" + "\n".join([*lines, origin(kept(table))])
    return text + "\n## Means\n\n" + "\n".join(means()) + "\n"


def summary() -> str:
    """The block of README between its two marks."""
    parts = ["How many times as long as jaxcnn the others take, ± the spread over the rounds:"]
    for table in ("train_steps", "inference", "accelerated"):
        parts += ["\n".join(table_lines(table))] if trusted_rows(table) else []
    parts += ["\n".join(means()), "![The ratios](docs/benchmarks.svg)", machine(kept("layers"))]
    return "\n\n".join(parts) + "\n"


def readme(text: str) -> str:
    """The content of README with a new block.

    Raises:
        ValueError: if README has not exactly one block.
    """
    if text.count(START) != 1 or text.count(END) != 1:
        raise ValueError(f"README.md must hold {START} and {END} once each")
    before, _, rest = text.partition(START)
    return f"{before}{START}\n{summary()}{END}{rest.partition(END)[2]}"


def main() -> None:
    """Write the page, the picture and README's block.

    Raises:
        SystemExit: if there is nothing but trials, or matplotlib is not installed.
    """
    if not plot.panels():
        raise SystemExit(f"every table is a trial of under {ENOUGH} rounds: no page is written")
    write_whole(PAGE, page())
    write_whole(README, readme(README.read_text()))
    plot.draw()


if __name__ == "__main__":
    main()
