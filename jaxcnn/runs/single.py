"""A single run: from a config to a result, with or without a folder."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jaxcnn.data import Dataset
from jaxcnn.runs.config import TrainConfig, check_config
from jaxcnn.runs.config_file import read_config, to_json, write_config
from jaxcnn.runs.devices import use_platform
from jaxcnn.runs.digests import tree_sha256
from jaxcnn.runs.display import displays
from jaxcnn.runs.early_stop import EarlyStop
from jaxcnn.runs.elsewhere import Elsewhere
from jaxcnn.runs.finiteness import Finiteness
from jaxcnn.runs.folder import RunFolder, choose_folder
from jaxcnn.runs.job import NOTHING, Job, Own, announce, assemble, load_data
from jaxcnn.runs.log import say, warn
from jaxcnn.runs.metrics_file import append_metrics, keep_metrics, read_metrics
from jaxcnn.runs.plateau import PlateauNote
from jaxcnn.runs.result import Result, median_speed
from jaxcnn.runs.rows import MetricsRow, scores_in
from jaxcnn.runs.session import Record, carry_out, check_several
from jaxcnn.runs.subscriber import Ended, Subscriber, follow
from jaxcnn.runs.writers import check_writers, open_writers
from jaxcnn.training import EpochDone, begin, single
from jaxcnn.training.evaluation import Score, confusion_matrix
from jaxcnn.writing import write_whole


class RunRecord(Record):
    """``config.json`` and ``metrics.jsonl`` of a single run.

    Attributes:
        rows: what ``metrics.jsonl`` has, once the training goes on.
        result: what the run came to, at its end.
    """

    command = "train"
    rows: list[MetricsRow]
    result: Result

    def __init__(self, config: TrainConfig, folder: RunFolder) -> None:
        """Keep a run in a folder."""
        self.config, self.folder, self.file = config, folder, folder.config
        self.settings = to_json(config)
        self.rows = []

    def headline(self) -> str:
        """What is said of the run before it is compiled."""
        return headline(self.config)

    def begun_with(self) -> Mapping[str, Any]:
        """The settings that the run was begun with."""
        return to_json(read_config(self.folder))

    def write(self, job: Job, facts: Mapping[str, Any]) -> None:
        """Write ``config.json``."""
        write_config(self.folder, self.config, facts)

    def epochs_written(self) -> int:
        """How many epochs have a row in ``metrics.jsonl``."""
        return len(list(read_metrics(self.folder)))

    def keep(self, epochs: int) -> None:
        """Drop the rows after so many epochs."""
        lost = keep_metrics(self.folder, epochs)
        if lost:
            warn(
                f"{self.folder.metrics} has lost {lost} of the {epochs} epochs before the "
                f"checkpoint"
            )
        self.rows = list(read_metrics(self.folder))

    def epoch(self, done: EpochDone, rows: Sequence[MetricsRow]) -> None:
        """Add a row, once the checkpoint before is on the disk."""
        self.checkpoints.wait()
        if self.written:
            append_metrics(self.folder, rows[0])
        self.rows += rows

    def finish(self, job: Job, ended: Ended) -> str:
        """Write ``evaluation.json``; the lines that the run ends with."""
        self.result = _result(job, ended, self.rows, self.folder)
        if self.written:
            _write_evaluation(self.folder, job.data, ended, self.result)
        return str(self.result)

    def subscribers(self, job: Job) -> tuple[Sequence[Subscriber], Sequence[Subscriber]]:
        """Who hears of a run besides."""
        if isinstance(self.checkpoints, Elsewhere):
            return (Finiteness(job),), ()
        writers = open_writers(self.config, self.folder, self.rows[-1]["step"] if self.rows else 0)
        finiteness = Finiteness(job, self.folder, self.checkpoints)
        return (finiteness, *writers), _shown(job, self.rows)


def run(config: TrainConfig, own: Own = NOTHING, *, written: bool = True) -> Result:
    """Run what a config says.

    Args:
        config: model, data, optimizer, seed and where to write.
        own: objects of Python that stand for settings.
        written: whether it has a folder; without one there are no checkpoints.

    Returns:
        The parameters, the metrics of each epoch and the scores after the last one.

    Raises:
        UserError: if the config, the folder or the device cannot be used (before any work is
            done), if another process is in the folder, if the loss stops being finite, or if a
            checkpoint cannot be written.
        Stopped: after SIGTERM, Ctrl-C or SIGHUP, when everything is saved.
        jaxcnn.data.DataError: if the data cannot be had.
    """
    check_config(config)
    check_writers(config)
    check_several(config, written=written)
    use_platform(config.platform, config.devices)  # the keys of `single` are the first arrays
    members = single(config.seed, config.recipe.lr)
    if not written:
        return _run_unwritten(config, own)
    record = RunRecord(config, choose_folder(config))
    carry_out(config, record, members, own)
    return record.result


def _run_unwritten(config: TrainConfig, own: Own) -> Result:
    """A run without a folder."""
    data = load_data(config, own)
    announce(data)
    say(headline(config))
    job = assemble(config, data, single(config.seed, config.recipe.lr), own=own)
    history = History()
    subscribers = [Finiteness(job), history, *_shown(job, [])]
    ended = follow(job, begin(job.programs), subscribers, lambda moment, steps: steps)
    return _result(job, ended, history.rows, None)


def headline(config: TrainConfig) -> str:
    """What a run trains, in one line."""
    return f"training: {config.model}, {config.recipe}, seed {config.seed}"


class History(Subscriber):
    """Keeps the rows of a run in memory."""

    def __init__(self) -> None:
        self.rows: list[MetricsRow] = []

    def epoch(self, done: EpochDone, rows: Sequence[MetricsRow]) -> None:
        """Keep one more row."""
        self.rows.append(rows[0])


def _shown(job: Job, past: Sequence[MetricsRow]) -> list[Subscriber]:
    """What is shown of a run, and what ends it early."""
    config = job.config
    shown = [*displays(job.epochs, job.programs.steps), PlateauNote(job.data)]
    if config.early_stop is not None:
        shown.append(EarlyStop(config.early_stop, config.best_by, past))
    return shown


def _result(job: Job, ended: Ended, rows: list[MetricsRow], folder: RunFolder | None) -> Result:
    """What a run came to."""
    state = ended.moment.state
    scores = scores_in(ended.scores, job.data.num_classes)
    return Result(
        *state.used,
        rows,
        scores,
        median_speed(rows),
        tree_sha256(state.used.params),
        folder,
    )


def _write_evaluation(folder: RunFolder, data: Dataset, ended: Ended, result: Result) -> None:
    """Write ``evaluation.json``: the scores, class by class, and what was taken for what."""
    content = {
        "epoch": ended.moment.epoch - 1,
        "step": ended.moment.step,
        "parameters_sha256": result.parameters_sha256,
        **result.scores,
        **_by_class(ended.scores["test"], data),
    }
    write_whole(folder.evaluation, json.dumps(content) + "\n")


def _by_class(score: Score, data: Dataset) -> dict[str, Any]:
    """Accuracy class by class, and the confusion matrix."""
    matrix = confusion_matrix(data.test.labels, score.guesses, data.num_classes)
    images, right = matrix.sum(axis=1), matrix.diagonal()
    return {
        "classes": [
            {
                "name": name,
                "images": int(count),
                "correct": int(hits),
                "accuracy": int(hits) / int(count) if count else None,
            }
            for name, count, hits in zip(data.class_names, images, right, strict=True)
        ],
        "confusion_matrix": matrix.tolist(),
    }
