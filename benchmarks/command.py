"""What every table's command has in common: its flags, and the file that it keeps its rows in."""

import argparse
import importlib.util
import json
import pathlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from benchmarks.timing import machine
from jaxcnn.writing import write_whole

HERE = pathlib.Path(__file__).parent
WITH_TORCH = importlib.util.find_spec("torch") is not None
"""Whether torch is timed too. The newest jax needs a Python that the pinned torch is not for."""
ENOUGH = 5
"""Rounds from which on a table is more than a trial."""


class Options(NamedTuple):
    """The rows to time, and how often."""

    names: tuple[str, ...]
    rounds: int
    complete: bool


def options(description: str, names: Iterable[str], rounds: int) -> Options:
    """The flags of the command line; a wrong one ends the program with status 2."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="time rows whose name holds this; keep none")
    parser.add_argument("--rounds", type=int, default=rounds, help="how often, %(default)s times")
    flags = parser.parse_args()
    chosen = tuple(name for name in names if flags.only in name)
    if not chosen:
        parser.error(f"--only: no name holds {flags.only!r}; the names are {', '.join(names)}")
    if flags.rounds < 1:
        parser.error(f"--rounds: expected 1 or more, got {flags.rounds}")
    return Options(chosen, flags.rounds, not flags.only)


def keep(table: str, rows: list[dict[str, Any]], rounds: int, gemm: float | None = None) -> None:
    """Write a whole table to its file: where it was measured, how often, and the rows.

    Without torch it goes to a folder of its own, and to no page.
    """
    found = {"machine": machine(), "rounds": rounds, "gemm": gemm, "rows": rows}
    folder = HERE if WITH_TORCH else HERE / "newest"
    folder.mkdir(exist_ok=True)
    write_whole(folder / f"{table}.json", json.dumps(found, indent=1) + "\n")


def kept(table: str) -> dict[str, Any]:
    """What `keep` wrote last."""
    found: dict[str, Any] = json.loads((HERE / f"{table}.json").read_text())
    return found


def relied_on(record: dict[str, Any]) -> bool:
    """Whether a table was timed often enough to be shown as a result."""
    return bool(record["rounds"] >= ENOUGH)
