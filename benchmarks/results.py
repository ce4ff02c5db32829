"""Writes docs/results.md: the accuracies that models reached, from the folders of sweeps.

``python -m benchmarks.results FOLDER…`` reads the folders that ``jaxcnn sweep`` has written and is
done with, adds them to benchmarks/results.json, replacing what it has of the same model, options
and data set, and writes the page. Run it on the machine that trained: the page names its processor.
"""

import argparse
import dataclasses
import json
import pathlib
import shlex
import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmarks.comparison import header, line
from benchmarks.timing import machine
from jaxcnn.cli.exit_status import errors_in_one_sentence
from jaxcnn.errors import UserError
from jaxcnn.runs.folder import RunFolder
from jaxcnn.runs.outcomes import read_outcome
from jaxcnn.runs.plan import SweepConfig
from jaxcnn.runs.resume import by_flag
from jaxcnn.runs.seeds import spread
from jaxcnn.writing import write_whole

ROOT = pathlib.Path(__file__).parents[1]
PAGE, STORE = ROOT / "docs" / "results.md", ROOT / "benchmarks" / "results.json"
FEWEST = 3
"""The fewest seeds of a result."""

_OF_A_MACHINE = frozenset({"data_dir", "run_dir", "experiment", "platform", "at_once"})
"""The settings that are no part of a recipe."""

INTRODUCTION = """# Results: what the models learn on two cores

Written by `python -m benchmarks.results FOLDER…` from the folders of finished sweeps; not edited by
hand. The score is the share of all test images (10,000 of Fashion-MNIST) that are classified
rightly after the last epoch, as the mean over the seeds ± the standard deviation. No setting was
chosen by a program, and no epoch: the last one counts. Each command can be stopped and continued
with `--resume`; `DIR` is the folder of the data set. `experiments/fine_tuning.py` tells what
pretrained layers are worth with few labels.
"""


class Result(NamedTuple):
    """What a sweep over seeds came to.

    Attributes:
        model: the network's name.
        options: what its function was given, such as ``width=0.35``.
        dataset: the name of the data set.
        command: what trains it again, with ``DIR`` for the folder of the data.
        epochs: how many.
        accuracies: of each seed, on the test images.
        seconds: the training of all seeds took so long.
        machine: the processor and the versions.
    """

    model: str
    options: list[str]
    dataset: str
    command: str
    epochs: int
    accuracies: list[float]
    seconds: float
    machine: dict[str, str]

    @property
    def name(self) -> str:
        """The network with its options."""
        return " ".join([self.model, *self.options])

    @property
    def accuracy(self) -> str:
        """Mean ± standard deviation."""
        return spread(self.accuracies, ".4f")


def result(folder: pathlib.Path, on: Mapping[str, Any]) -> Result:
    """What a sweep came to.

    Args:
        folder: of the sweep.
        on: the machine.

    Raises:
        UserError: if it cannot be read, is not finished, has too few seeds, several learning rates
            or a member that has diverged, begins with other weights or is scored on a part of the
            test images.
    """
    found = read_outcome(RunFolder(folder))
    config, members = found["config"], found["members"]
    if len({member["lr"] for member in members}) != 1 or len(members) < FEWEST:
        raise UserError(f"{folder}: expected one learning rate and at least {FEWEST} seeds")
    if any((member["final"] or {}).get("epoch") != config["epochs"] for member in members):
        raise UserError(f"{folder}: the sweep is not finished (go on with --resume)")
    if any(member["diverged"] for member in members):
        raise UserError(f"{folder}: a member has diverged")
    if config["init_from"] is not None or config["data"]["test_split"] != "test":
        raise UserError(f"{folder}: expected a start from nothing, and all test images")
    return Result(
        config["model"],
        config["model_options"],
        config["dataset"],
        command(config),
        config["epochs"],
        [member["final"]["test_accuracy"] for member in members],
        found["seconds"],
        {
            "processor": str(on["processor"]),
            "cores": str(on["cores"]),
            "instructions": found["engine"]["instructions"],
            "jax": found["versions"]["jax"],
            **({"note": on["note"]} if "note" in on else {}),
        },
    )


def command(config: Mapping[str, Any]) -> str:
    """The command line that has a sweep's settings, without those that are as they are anyway."""
    usual = by_flag(json.loads(json.dumps(dataclasses.asdict(SweepConfig()), default=str)))
    words = ["jaxcnn sweep"]
    for name, value in by_flag(config).items():
        if name in _OF_A_MACHINE or value in (usual.get(name), None, []):
            continue
        flag = "--" + name.replace("_", "-")
        if isinstance(value, list):
            words.append(" ".join([flag, *map(_word, value)]))
        elif value is not False:
            words.append(flag if value is True else f"{flag} {_word(value)}")
    return " ".join(words if config["data_dir"] is None else [*words, "--data-dir DIR"])


def _word(value: Any) -> str:
    return shlex.quote(str(value))


def kept() -> list[Result]:
    """The results that are stored."""
    if not STORE.exists():
        return []
    return [Result(**found) for found in json.loads(STORE.read_text(encoding="utf-8"))]


def page(results: list[Result]) -> str:
    """The content of docs/results.md."""
    lines = [header(["model", "data set", "accuracy", "seeds", "epochs", "minutes of training"])]
    commands = []
    for of in results:
        cells = [f"`{of.name}`", of.dataset, of.accuracy, str(len(of.accuracies)), str(of.epochs)]
        lines.append(line([*cells, f"{of.seconds / 60:.1f}"]))
        on = ", ".join(f"{name}: {value}" for name, value in of.machine.items())
        commands.append(f"`{of.name}` on {of.dataset} ({on}):\n\n```\n{of.command}\n```\n")
    return f"{INTRODUCTION}\n" + "\n".join(lines) + "\n\n## Commands\n\n" + "\n".join(commands)


def main() -> None:
    """Read the folders of the command line, and write the store and the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=pathlib.Path, help="folders of sweeps")
    parser.add_argument("--note", help="a remark on the machine, such as what else it did")
    told = parser.parse_args()
    on = machine() | ({"note": told.note} if told.note else {})
    with errors_in_one_sentence():
        new = [result(folder, on) for folder in told.folders]
    by_name = {(of.name, of.dataset): of for of in [*kept(), *new]}
    results = sorted(by_name.values(), key=lambda of: (of.dataset, statistics.mean(of.accuracies)))
    write_whole(STORE, json.dumps([of._asdict() for of in results], indent=1) + "\n")
    write_whole(PAGE, page(results))


if __name__ == "__main__":
    main()
