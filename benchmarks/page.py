"""Write docs/benchmarks.md from the last timings: ``python -m benchmarks.page``."""

import json
import pathlib

from benchmarks.layers import line, mean_ratio

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"

INTRODUCTION = """# Convolutions on the CPU: jaxcnn, lax and torch

Written by `make bench` from `benchmarks/*.json`; not edited by hand. Medians in float32, all
libraries in one process and in turn. The ratios say how many times as long another library
takes, ± half the distance between the quartiles over the rounds: above 1 jaxcnn is faster.
[performance.md](performance.md) says what is behind the numbers.

"""


def main() -> None:
    """Write the page."""
    steps = json.loads((HERE / "lenet_step.json").read_text())
    layers = json.loads((HERE / "layers.json").read_text())
    machine = ", ".join(f"{name} {value}" for name, value in steps["machine"].items())
    text = INTRODUCTION + f"Machine: {machine}.\n\n## A training step of LeNet, batch 256\n\n"
    text += "| | ms | times jaxcnn's |\n|---|---|---|\n"
    for name, row in steps["rows"].items():
        text += f"| {name} | {row['ms']:.1f} | {row['ratio']:.2f} ± {row['spread']:.2f} |\n"
    text += "\n## Train steps of unchanged Flax models under `accelerate`\n\n"
    text += "| | plain ms | accelerated ms | faster | compile time, times plain |\n"
    text += "|---|---|---|---|---|\n"
    for name, row in json.loads((HERE / "accelerated.json").read_text())["rows"].items():
        text += f"| {name} | {row['plain']:.0f} | {row['ms']:.0f} | {row['ratio']:.1f} ± "
        text += f"{row['spread']:.1f} | {row['compile ratio']:.2f} |\n"
    text += "\n## Layers\n\n`dx` is the gradient in the input, `dw` the one in the kernel. A dash "
    text += "stands where `lax` takes ten seconds and more.\n\n"
    text += "| layer | task | jaxcnn ms | lax | torch |\n|---|---|---|---|---|\n"
    text += "".join(line(row) + "\n" for row in layers["rows"])
    means = {other: mean_ratio(layers["rows"], other) for other in ("lax", "torch")}
    text += f"\nGeometric means: {means['lax']:.2f} over lax, {means['torch']:.2f} over torch.\n"
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
