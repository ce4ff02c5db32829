"""Prints the result of `jaxcnn check`: a table of the ops, and the known defects of jax."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import jax
from rich.console import Console
from rich.progress import track
from rich.table import Table

from jaxcnn.check.defects import known_defects
from jaxcnn.check.op_checks import check_ops

T = TypeVar("T")


def run_check(
    ops: Sequence[str] | None = None,
    dtypes: Sequence[str] | None = None,
    *,
    gradients: bool = True,
    defects: bool = True,
    strict: bool = False,
    console: Console | None = None,
) -> int:
    """Print `check_ops` as a table, and then one line for each of `known_defects`.

    Returns:
        The exit status: 1 where an op is off or, if ``strict``, where the installed jax has a known
        defect.

    Raises:
        ValueError: if there is no op or dtype of a name, or none is named.
    """
    console = Console() if console is None else console

    def watch(tasks: Sequence[T]) -> Iterator[T]:
        return iter(track(tasks, "checking", console=console, transient=True))

    device = jax.devices()[0]
    title = f"jaxcnn on {device.platform} ({device.device_kind}), jax {jax.__version__}"
    rows = check_ops(ops, dtypes, gradients=gradients, watch=watch)
    table = Table("op", "dtype", "cases", "error", "gradient", "tolerance", "", title=title)
    for row in rows:
        slope = "—" if row.gradient_error is None else f"{row.gradient_error:.1e}"
        verdict = "[green]ok[/]" if row.ok else "[red]off[/]"
        numbers = (str(row.cases), f"{row.error:.1e}", slope, f"{row.tolerance:.1e}")
        table.add_row(row.op, row.dtype, *numbers, verdict)
    console.print(table)
    wrong = [row for row in rows if not row.ok]
    console.print(f"{len(rows) - len(wrong)} of {len(rows)} rows ok")
    affected = False
    if defects:
        console.print(f"\nknown defects of jax on CPUs, tried with jax {jax.__version__}:")
        for finding in known_defects(watch=watch):
            console.print(str(finding), highlight=False, markup=False)
            affected = affected or finding.verdict != "right"
    return 1 if wrong or (strict and affected) else 0
