"""``jaxcnn report``: writes one HTML page about one or several runs."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

from jaxcnn.cli.flags import Operand
from jaxcnn.errors import shown
from jaxcnn.runs.config import Platform
from jaxcnn.runs.devices import use_platform
from jaxcnn.runs.model import given_maker


@dataclasses.dataclass(frozen=True)
class ReportConfig:
    """Write one self-contained HTML page about one or several runs.

    Attributes:
        runs: The run folders; of any other folder, all runs in it.
        output: The file to write; left out, report.html in the folder that is named, or in the
            one that holds all that are named.
        data_dir: Where the data lies; left out, where it lay when the runs were begun.
        best: Use the best checkpoint by the run's --best-by, not the last one.
        model: FILE.py:function, the model of those runs whose model is one of your own.
        platform: cpu, gpu or tpu; left out, the best that JAX finds.
    """

    runs: Annotated[tuple[Path, ...], Operand("RUN")]
    output: Path | None = None
    data_dir: Path | None = None
    best: bool = False
    model: str | None = None
    platform: Platform | None = None


def report_command(command: ReportConfig) -> None:
    """Run ``jaxcnn report``, and print what is missing on the page."""
    # The other commands need not wait for it.
    from jaxcnn.report import write_report

    use_platform(command.platform)
    report = write_report(
        command.runs,
        output=command.output,
        data_dir=command.data_dir,
        best=command.best,
        maker=given_maker(command.model),
    )
    for trouble in report.troubles:
        print(f"jaxcnn: {shown(trouble)}", file=sys.stderr)
    size = report.path.stat().st_size / 1e3
    runs = "1 run" if report.runs == 1 else f"{report.runs} runs"
    print(f"report: {shown(report.path)} ({runs}, {size:,.0f} kB)")
