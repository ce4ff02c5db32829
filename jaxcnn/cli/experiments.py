"""``jaxcnn experiments``: lists the files in the folder ``experiments/``."""

import ast
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import jaxcnn
from jaxcnn.cli.exit_status import errors_in_one_sentence
from jaxcnn.cli.parsing import parse
from jaxcnn.runs import UserError


@dataclasses.dataclass(frozen=True)
class ExperimentsConfig:
    """List the experiments in the repository, with one line for each."""


def experiments_command(command: ExperimentsConfig) -> None:
    """Print one line for each experiment."""
    folder = experiments_folder()
    paths = sorted(folder.glob("*.py"))
    width = max(len(path.name) for path in paths)
    for path in paths:
        print(f"{path.name:{width}}  {first_line(path)}")
    print(f"\nrun one with: python {folder / paths[0].name} (--help says more)")


def experiments_folder() -> Path:
    """The folder ``experiments/``, in jaxcnn's repository or in the current folder.

    Raises:
        UserError: if there is none.
    """
    for parent in (Path(jaxcnn.__file__).parents[1], Path()):
        if (parent / "experiments" / "lenet_digits.py").is_file():
            return parent / "experiments"
    raise UserError(
        "the experiments are files of jaxcnn's repository (folder experiments/), and an "
        "installed package comes without them: run this in a clone of the repository"
    )


def first_line(path: Path) -> str:
    """The first line of a file's docstring; the file is not executed."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


@dataclasses.dataclass(frozen=True)
class NoFlags:
    """The options of an experiment that has none but ``--help``."""


def demonstration(run: Callable[[], object], description: str | None) -> None:
    """Run a file in ``experiments/`` that has no options but ``--help``."""
    with errors_in_one_sentence():
        parse(NoFlags, sys.argv[1:], description=description)
        run()
