"""Writes the Markdown page of a chip from its JSON record."""

from collections.abc import Callable
from typing import Any

from benchmarks.accelerator.tasks import REWRITES
from benchmarks.comparison import Row, header, line, times_ours

Record = dict[str, Any]

OTHERS = ("lax", "torch", *REWRITES)
"""What a layer is compared with."""

HEADERS = {
    "products": header(["matrix product", "size", "ms", "GFLOP/s", "compile s"]),
    "check": header(["op", "cases", "float32", "its gradients", "bfloat16", ""]),
    "steps": header(
        ["network", "mode", "devices", "batch", "library", "ms", "images/s", "GFLOP/s",
         "of the matrix product", "of one device × devices", "times jaxcnn's", "compile s"]
    ),
    "layers": header(
        ["layer", "task", "mode", "batch", "jaxcnn ms", "GFLOP/s",
         "of the matrix product", *OTHERS, "compile s"]
    ),
}  # fmt: skip

HEADINGS = {
    "products": """## Matrix products

Two square matrices on one device; every "of the matrix product" below is a share of this speed in
the same mode, times the number of devices. "float32" is JAX's default precision, which a GPU may
round to TensorFloat-32 and a TPU to bfloat16; "float32 highest" forbids both; "bfloat16" takes and
gives bfloat16.
""",
    "check": """## `jaxcnn check`

The largest errors beside the NumPy reference, as parts of the largest element, at the highest
precision, over as many of each op's cases as there was time for.
""",
    "steps": """## Training steps

SGD with momentum on images that are on the device already; the step takes over the parameters that
it is given. In bfloat16 the network is computed in it, and parameters, statistics and loss are in
float32. On several devices the batch is divided and the parameters are on each; batch statistics
are those of the whole batch. "of one device × devices" are images/s, 100 % where nothing is lost by
dividing. "times jaxcnn's": above 1 jaxcnn is faster.
""",
    "layers": """## Layers

On one device. `dx` is the gradient in the input, `dw` the one in the kernel. The columns of other
libraries say how many times as long they take as jaxcnn, which on an accelerator calls XLA's own
convolution, as `lax` does. torch has its own layout, its default precision and cuDNN's fastest
algorithm, and is timed where it is installed and sees the GPU. The last columns are algorithms
that `conv2d(…, algorithm="im2col")` takes on accelerators, too: products in place of XLA's
convolution of groups, or of a transposed one. Below 1 such a one is faster than jaxcnn by itself.
""",
}


def page(record: Record) -> str:
    """The page as Markdown."""
    text = introduction(record)
    for part, rows in record["rows"].items():
        if rows:
            table = [HEADERS[part], *(text for row in rows for text in lines(part, row, record))]
            text += f"\n{HEADINGS[part]}\n" + "\n".join(table) + "\n"
    return text + omissions(record)


def introduction(record: Record) -> str:
    """The section about the device, the software and how the command ended."""
    machine = ", ".join(f"{name} {value}" for name, value in record["machine"].items())
    memory = "" if record["memory_gib"] is None else f", {record['memory_gib']} GiB for JAX on each"
    facts = [
        f"Chip: {record['devices']} × {record['chip']} ({record['platform']}){memory}.",
        f"Driver: {record['driver'] or 'unknown'}. Runtime: {record['runtime']}.",
        f"Machine: {machine}.",
        f"XLA_FLAGS: {record['XLA_FLAGS'] or 'none'}.",
        f"Begun {record['begun']}; {record['seconds']:.0f} seconds; {record['ending']}.",
    ]
    tiny = "" if record["platform"] != "cpu" else (
        "\n**A tiny workload on a CPU, to see that all of it runs: its numbers are no results.**\n"
    )  # fmt: skip
    return f"""# jaxcnn on {record["chip"]}

Written by `python -m benchmarks.accelerator`. Times are medians, ± half the distance between the
quartiles over the samples; libraries in one table are timed in turn, in one process. GFLOP/s count
what a layer asks for, not what an algorithm does. Compiling (with tracing) is timed apart.
{tiny}
""" + "".join(f"- {fact}\n" for fact in facts)


def omissions(record: Record) -> str:
    """The section about rows that were not measured."""
    if not record["left_out"]:
        return ""
    lists = (f"- {part}: {'; '.join(names)}\n" for part, names in record["left_out"].items())
    return "\n## Left out\n\nFor these rows there was no time.\n\n" + "".join(lists)


def lines(part: str, row: Row, record: Record) -> list[str]:
    """The lines of a table row; for a failed row, the error."""
    if "error" in row:
        return [line([row["name"], row["error"].replace("|", "\\|")])]
    return [line(cells) for cells in CELLS[part](row, record)]


def _product(row: Row, record: Record) -> list[list[str]]:
    time = _time(row, "jax")
    return [[row["mode"], str(row["size"]), time, f"{row['gflops']:,.0f}", _compiling(row, "jax")]]


def _check(row: Row, record: Record) -> list[list[str]]:
    single, half = row["dtypes"]["float32"], row["dtypes"]["bfloat16"]
    errors = single["error"], single["gradient_error"], half["error"]
    cells = ["—" if error is None else f"{error:.1e}" for error in errors]
    return [[row["op"], f"{row['cases']} of {row['known']}", *cells, "ok" if row["ok"] else "off"]]


def _step(row: Row, record: Record) -> list[list[str]]:
    found = []
    for library in row["libraries"]:
        rate = 1e3 * row["batch"] / row[library]
        alone = _rate_alone(row, library, record)
        kept = "—" if alone is None else f"{100 * rate / alone / row['devices']:.0f} %"
        found.append(
            [row["network"], row["mode"], str(row["devices"]), str(row["batch"]), library,
             _time(row, library), f"{rate:,.0f}", *_speed(row, library, row["devices"], record),
             kept, times_ours(row, library), _compiling(row, library)]
        )  # fmt: skip
    return found


def _layer(row: Row, record: Record) -> list[list[str]]:
    ours = [row["layer"], row["task"], row["mode"], str(row["batch"]), _time(row, "jaxcnn")]
    others = (times_ours(row, other) for other in OTHERS)
    return [[*ours, *_speed(row, "jaxcnn", 1, record), *others, _compiling(row, "jaxcnn")]]


CELLS: dict[str, Callable[[Row, Record], list[list[str]]]] = {
    "products": _product,
    "check": _check,
    "steps": _step,
    "layers": _layer,
}


def _time(row: Row, library: str) -> str:
    width = row["spread"][library]
    return f"{row[library]:.3g}" + ("" if width is None else f" ± {width:.2g}")


def _compiling(row: Row, library: str) -> str:
    return f"{row['compile_seconds'][library]:.1f}"


def _speed(row: Row, library: str, devices: int, record: Record) -> list[str]:
    """GFLOP/s, and their share of the speed of matrix products in the same mode."""
    rate = 1e3 * row["gflop"] / row[library]
    products = [r for r in record["rows"]["products"] if r.get("mode") == row["mode"]]
    share = f"{100 * rate / devices / products[0]['gflops']:.0f} %" if products else "—"
    return [f"{rate:,.0f}", share]


def _rate_alone(row: Row, library: str, record: Record) -> float | None:
    """Images/s of the same step on one device, if this row is of several devices."""
    same = [
        r for r in record["rows"]["steps"]
        if (r.get("network"), r.get("mode"), r.get("devices")) == (row["network"], row["mode"], 1)
    ]  # fmt: skip
    return 1e3 * same[0]["batch"] / same[0][library] if same and row["devices"] > 1 else None
