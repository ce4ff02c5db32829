"""The command-line options of every table, and the file that stores its rows."""

import argparse
import importlib.util
import json
import pathlib
from collections.abc import Collection
from typing import Any, NamedTuple

from benchmarks.timing import machine
from jaxcnn.writing import write_whole

HERE = pathlib.Path(__file__).parent
WITH_TORCH = importlib.util.find_spec("torch") is not None
"""Whether torch is timed too. The pinned torch does not support the newest Python."""
ENOUGH = 5
"""The fewest rounds of a table that is published."""


class Options(NamedTuple):
    """The rows to time, and the number of rounds."""

    names: tuple[str, ...]
    rounds: int
    complete: bool


def options(description: str, names: Collection[str], rounds: int) -> Options:
    """Parse the command line; a wrong option ends the program with status 2."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    told = "time the row of this name, or all whose name holds this; keep none"
    parser.add_argument("--only", default="", help=told)
    parser.add_argument("--rounds", type=int, default=rounds, help="how often, %(default)s times")
    flags = parser.parse_args()
    chosen = tuple(name for name in names if flags.only in name)
    if flags.only in names:
        chosen = (flags.only,)
    if not chosen:
        parser.error(f"--only: no name holds {flags.only!r}; the names are {', '.join(names)}")
    if flags.rounds < 1:
        parser.error(f"--rounds: expected 1 or more, got {flags.rounds}")
    return Options(chosen, flags.rounds, not flags.only)


def keep(table: str, rows: list[dict[str, Any]], rounds: int, gemm: float | None = None) -> None:
    """Write a complete table to its file: the machine, the rounds and the rows.

    Without torch it goes to a folder of its own, and to no page.
    """
    found = {"machine": machine(), "rounds": rounds, "gemm": gemm, "rows": rows}
    folder = HERE if WITH_TORCH else HERE / "newest"
    folder.mkdir(exist_ok=True)
    write_whole(folder / f"{table}.json", json.dumps(found, indent=1) + "\n")


def kept(table: str) -> dict[str, Any]:
    """The table that `keep` wrote last."""
    found: dict[str, Any] = json.loads((HERE / f"{table}.json").read_text())
    return found


def is_kept(table: str) -> bool:
    """Whether a table was ever measured."""
    return (HERE / f"{table}.json").exists()


def relied_on(record: dict[str, Any]) -> bool:
    """Whether a table has enough rounds to be published."""
    return bool(record["rounds"] >= ENOUGH)
