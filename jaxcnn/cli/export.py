"""``jaxcnn export``: writes the model of a run as StableHLO, safetensors, ONNX or PyTorch."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

from jaxcnn.cli.flags import Operand
from jaxcnn.errors import shown
from jaxcnn.interop import FORMATS, ModelToExport, check_free, write_files
from jaxcnn.runs import RunFolder, UserError, load_trained, read_config
from jaxcnn.runs.model import given_maker, model_title


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """Write the model of a run in a format that other programs read.

    Attributes:
        run: The run folder.
        to: The format: stablehlo (the whole computation, for JAX on cpu, cuda and tpu),
            safetensors (the parameters by name), onnx (the whole computation, for ONNX runtimes),
            torch (a state dict as safetensors, and a Python file with the layers).
        output: The file to write; left out, exports/<model> in the run folder, with the ending
            of the format.
        overwrite: Replace a file that is there already.
        best: Use the best checkpoint by the run's --best-by, not the last one.
        model: FILE.py:function, the model of the run, where it is one of your own.
    """

    run: Annotated[Path, Operand("RUN")]
    to: Literal["stablehlo", "safetensors", "onnx", "torch"]
    output: Path | None = None
    overwrite: bool = False
    best: bool = False
    model: str | None = None


def export_command(command: ExportConfig) -> None:
    """Run ``jaxcnn export``, and print the paths of the files."""
    paths = _export(command)
    print(f"exported: {shown(paths[-1])}")
    for path in paths[:-1]:
        print(f"beside it: {shown(path)}")


def _export(command: ExportConfig) -> list[Path]:
    run, target = RunFolder(command.run), FORMATS[command.to]
    folder, stem = _target(command, target.stem.format(model_title(read_config(run).model)))
    names = target.names(stem)
    check_free(folder, names, overwrite=command.overwrite)
    trained = load_trained(run, best=command.best, maker=given_maker(command.model))
    subject = ModelToExport(
        trained.model,
        trained.params,
        trained.model_state,
        trained.facts.image_shape,
        trained.card,
    )
    write_files(folder, target.files(subject, stem), overwrite=command.overwrite)
    return [folder / name for name in names]


def _target(command: ExportConfig, usual: str) -> tuple[Path, str]:
    """The folder of the files, and the beginning of their names."""
    if command.output is None:
        return command.run / "exports", usual
    ending = FORMATS[command.to].endings[-1]
    stem = command.output.name.removesuffix(ending)
    if stem in ("", command.output.name):
        raise UserError(f"--output must end in {ending} for {command.to}, got {command.output}")
    return command.output.parent, stem
