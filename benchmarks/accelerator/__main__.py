"""Checks and measures jaxcnn on this machine's GPU or TPU, in at most 8 minutes.

``python -m benchmarks.accelerator`` checks the ops against the NumPy reference, times matrix
products, training steps on one and on all devices, and layers beside lax and torch, and writes a
JSON file and a page that are named after the chip. Without a GPU or TPU it runs a tiny workload.
"""

import argparse
import sys
from pathlib import Path

import jax

from benchmarks.accelerator.chip import facts
from benchmarks.accelerator.measuring import GRACE, ending_at, measure
from benchmarks.accelerator.results import Results
from benchmarks.accelerator.tables import tables_of
from benchmarks.accelerator.workload import NETWORKS, workload_for
from jaxcnn.cli.exit_status import errors_in_one_sentence
from jaxcnn.runs import UserError
from jaxcnn.runs.devices import describe_devices, use_platform

MINUTES = 8.0


def flags() -> argparse.Namespace:
    """Parse the command line; a wrong option ends the program with status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accelerator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--platform", choices=("cpu", "gpu", "tpu"), help="the best there is")
    parser.add_argument(
        "--output", type=Path, default=Path("runs/accelerator"), help="a folder, %(default)s"
    )
    parser.add_argument("--only", default="", help="rows whose name holds this, e.g. ResNet-50")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="at most, %(default)s")
    found = parser.parse_args()
    if not found.minutes * 60 > GRACE:
        parser.error(f"--minutes: expected more than {GRACE / 60:.2f}, got {found.minutes}")
    return found


def run(platform: str | None, output: Path, only: str, minutes: float) -> int:
    """Measure all tables; the exit status is 1 if a row failed or an op is wrong.

    Raises:
        UserError: if there is no such platform or row, or the folder cannot be written.
    """
    use_platform(platform)
    backend = jax.default_backend()
    planned = tables_of(workload_for(backend), only)
    if not any(part.rows for part in planned[1:]):
        names = sorted(name for part in tables_of(workload_for(backend))[1:] for name in part.rows)
        raise UserError(
            f"--only: no row's name holds {only!r}; they are like {names[0]!r} and {names[-1]!r}"
        )
    results = Results(output, facts(), planned)
    print(f"{describe_devices()}; {results.page}", flush=True)
    if backend == "cpu":
        print(
            f"No GPU or TPU here: on one this checks every op and times matrix products, steps of "
            f"{' and '.join(NETWORKS)}, and {len(workload_for('gpu').layers)} layers in at most "
            f"{minutes:g} minutes; now it does a tiny workload of that on the CPU.",
            flush=True,
        )
    with ending_at(60 * minutes - GRACE, results):
        try:
            measure(planned, results, 60 * minutes)
        except KeyboardInterrupt:
            results.write("interrupted")
            print(f"\nwhat was measured is in {results.page} and {results.json}", flush=True)
            raise
        results.write("complete" if not results.left_out() else "ended when the time was up")
    return summary(results)


def summary(results: Results) -> int:
    """Print the summary at the end, and return the exit status."""
    left, wrong = sum(map(len, results.left_out().values())), results.wrong()
    omitted = f"; {left} rows were left out, since the time was up" if left else ""
    print(f"\n{results.page} and {results.json.name}{omitted}")
    if wrong:
        print(f"off or failed: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


def main() -> None:
    """Run the command."""
    chosen = flags()
    # What a compilation takes is measured, so none is read from an earlier run.
    jax.config.update("jax_enable_compilation_cache", False)
    with errors_in_one_sentence():
        status = run(chosen.platform, chosen.output, chosen.only, chosen.minutes)
    sys.exit(status)


if __name__ == "__main__":
    main()
