"""Times how steps and inference grow with the batch and with the cores: jaxcnn and torch.

``python -m benchmarks.growth`` prints the table and writes ``benchmarks/growth.json``. Each number
of cores has a process of its own, in which the libraries are timed in turn.
"""

import os
from typing import Any

from benchmarks import inference, train_steps
from benchmarks.command import keep, options
from benchmarks.comparison import Row, compared, header, line
from benchmarks.libraries import Make, calls, installed, ready
from benchmarks.networks import NETWORKS
from benchmarks.processes import alone, empty_caches

NAMES = ("lenet", "resnet20", "mobilenet_v2")
"""The networks: one whose calls are short, one of dense and one of depthwise convolutions."""
BATCHES = (1, 4, 16, 64)
OTHERS = ("torch", "torch.compile")
HEADER = header(
    [
        *("network", "task", "library", *(f"images/s at {batch}" for batch in BATCHES)),
        *(f"{BATCHES[-1]} over {BATCHES[0]}", f"all cores over 1 at {BATCHES[-1]}"),
    ]
)
TASKS: dict[str, dict[str, Make]] = {
    "step": train_steps.LIBRARIES,
    "inference": inference.LIBRARIES,
}


def cores() -> tuple[int, ...]:
    """One core, and all that this process may use."""
    return tuple(sorted({1, len(os.sched_getaffinity(0))}))


def timed(name: str, task: str, libraries: list[str], rounds: int) -> list[Row]:
    """The rows of a network and a task in this process, one for each batch."""
    makers = {library: TASKS[task][library] for library in libraries}
    rows = []
    for batch in BATCHES:
        network = NETWORKS[name]._replace(batch=batch)
        made = calls(ready(makers, network))
        row: Row = {"network": name, "task": task, "batch": batch}
        rows.append(row | {"cores": len(os.sched_getaffinity(0))} | compared(made, rounds))
    return rows


def lines(rows: list[Row]) -> list[str]:
    """The Markdown table: a row for each network, task and library, with speeds on all cores."""
    return [HEADER, *body(rows)]


def body(rows: list[Row]) -> list[str]:
    """The rows of the Markdown table."""
    found = []
    for name, task in dict.fromkeys((row["network"], row["task"]) for row in rows):
        own = [row for row in rows if (row["network"], row["task"]) == (name, task)]
        found += [
            line([name, task, library, *_cells(own, library)]) for library in ("jaxcnn", *OTHERS)
        ]
    return found


def _cells(rows: list[Row], library: str) -> list[str]:
    """Images/s for each batch with all cores, the growth with the batch and that with the cores."""
    many = max(row["cores"] for row in rows)
    rates = {
        (row["cores"], row["batch"]): 1e3 * row["batch"] / row[library]
        for row in rows
        if library in row
    }
    least, most = (many, BATCHES[0]), (many, BATCHES[-1])
    shown = [rates.get((many, batch)) for batch in BATCHES]
    cells = ["—" if rate is None else f"{rate:,.0f}" for rate in shown]
    return [*cells, _over(rates, most, least), _over(rates, most, (1, BATCHES[-1]))]


def _over(rates: dict[Any, float], first: Any, second: Any) -> str:
    known = first in rates and second in rates
    return f"{rates[first] / rates[second]:.2f}" if known else "—"


def main() -> None:
    """Measure and print the table, and write it to its file."""
    wanted = options(__doc__, NAMES, rounds=9)
    libraries = installed(("jaxcnn", *OTHERS))
    print(HEADER, flush=True)
    rows: list[Row] = []
    with empty_caches():
        for name in wanted.names:
            for task in TASKS:
                given = name, task, libraries, wanted.rounds
                own = [row for many in cores() for row in alone(timed, *given, cores=many)]
                print("\n".join(body(own)), flush=True)
                rows += own
    if wanted.complete:
        keep("growth", rows, wanted.rounds)


if __name__ == "__main__":
    main()
