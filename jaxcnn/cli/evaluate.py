"""``jaxcnn eval``: evaluates the checkpoint of a run on the test images."""

import dataclasses
from pathlib import Path
from typing import Annotated

from jaxcnn.cli.flags import Operand
from jaxcnn.runs import Result, RunFolder, evaluate, read_config
from jaxcnn.runs.config import Platform
from jaxcnn.runs.model import given_maker


@dataclasses.dataclass(frozen=True)
class EvalConfig:
    """Evaluate the last checkpoint of a run, or its best one, on all test images.

    Attributes:
        run: The run folder.
        data_dir: Where the data lies; left out, where it lay when the run was begun.
        best: Use the best checkpoint by the run's --best-by, not the last one.
        model: FILE.py:function, the model of the run, where it is one of your own.
        platform: cpu, gpu or tpu; left out, the best that JAX finds.
    """

    run: Annotated[Path, Operand("RUN")]
    data_dir: Path | None = None
    best: bool = False
    model: str | None = None
    platform: Platform | None = None


def evaluate_command(command: EvalConfig) -> Result:
    """Evaluate the run that ``jaxcnn eval`` names."""
    folder = RunFolder(command.run)
    config = dataclasses.replace(
        read_config(folder), platform=command.platform, run_dir=command.run
    )
    if command.data_dir is not None:
        config = dataclasses.replace(config, data_dir=command.data_dir)
    return evaluate(folder, config, best=command.best, maker=given_maker(command.model))
