"""The chapter of the report about one run: predictions, layers, kernels, settings."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from jaxcnn.data import DataError, DataOptions, Dataset, load_dataset
from jaxcnn.layers import SummaryRow
from jaxcnn.report.groups import Group
from jaxcnn.report.layer_pictures import (
    Activations,
    Kernels,
    activations_of,
    choose_sample,
    first_kernels,
    rows_of,
)
from jaxcnn.report.misclassification import (
    Confusion,
    Misclassified,
    confusion_of,
    worst_misclassified,
)
from jaxcnn.report.predictions import Predictions, predict
from jaxcnn.report.reported_runs import ReportedRun
from jaxcnn.runs import Facts, TrainConfig, Trained, UserError, load_trained
from jaxcnn.runs.digests import tree_sha256
from jaxcnn.runs.model import ModelMaker
from jaxcnn.runs.trained import facts_of_data, read_facts


class Chapter(NamedTuple):
    """The content of the chapter about one run.

    Attributes:
        group: the runs of the same config; ``run`` is one of them.
        run: the run.
        facts: the image shape and class names; ``None`` if they are not known.
        layers: the summary of the network for one image; empty if it cannot be made.
        trained: the network with its weights; ``None`` if no checkpoint can be used.
        sha256: the digest of the parameters.
        predictions: the outputs for the test images; ``None`` if images or weights are missing.
        confusion: the confusion matrix.
        misclassified: the misclassified images with the largest losses.
        kernels: the kernels of the first convolution.
        activations: the outputs of every layer for one test image.
        troubles: one sentence for each part that is missing, which says why.
    """

    group: Group
    run: ReportedRun
    facts: Facts | None
    layers: Sequence[SummaryRow]
    trained: Trained | None
    sha256: str
    predictions: Predictions | None
    confusion: Confusion | None
    misclassified: list[Misclassified]
    kernels: Kernels | None
    activations: Activations | None
    troubles: list[str]

    @property
    def weights(self) -> str:
        """The position of the weights: ``epoch 1`` or ``epoch 2, after 132 of 235 batches``."""
        epoch, batch = (self.trained.epochs, self.trained.batches) if self.trained else (0, 0)
        if not batch:
            return f"epoch {epoch}"
        whole = f" of {self.run.batches:,}" if self.run.batches else ""
        return f"epoch {epoch + 1}, after {batch:,}{whole} batches"

    @property
    def elsewhere(self) -> str:
        """The last epoch with metrics, if the weights are of another epoch; else an empty text."""
        same = self.weights == f"epoch {self.run.epochs:g}"
        return "" if same or not self.run.rows else f"epoch {self.run.epochs:g}"


Loader = Callable[[TrainConfig], Dataset]
T = TypeVar("T")


def loader(data_dir: Path | None) -> Loader:
    """A function that loads a run's data set, and keeps the last one for the next run."""

    @functools.lru_cache(maxsize=1)
    def load(name: str, place: Path | None, options: DataOptions) -> Dataset:
        # The digits come with jaxcnn and lie in no folder.
        folder = place if data_dir is None or name == "digits" else data_dir
        try:
            return load_dataset(name, data_dir=folder, options=options)
        except OSError as error:
            raise DataError(f"{name} cannot be read: {error.strerror or error}") from None

    return lambda config: load(config.dataset, config.data_dir, config.data)


def write_chapter(
    group: Group, load: Loader, *, best: bool = False, maker: ModelMaker | None = None
) -> Chapter:
    """The chapter about the group's typical run, with its last or its best weights."""
    run = group.typical
    troubles = list(run.troubles)
    if not run.rows:
        troubles.append("No epoch is finished, so there are no curves of this run.")
    data = _unless_missing(
        lambda: load(run.config), "No test images could be shown or scored", troubles
    )
    facts = _facts_of(run, data)
    if facts is None:
        troubles.append("The network is not shown: config.json does not say what its images are.")
        return _without_network(group, run, troubles)
    layers = _unless_missing(
        lambda: rows_of(run.config, facts, maker), "The network cannot be shown", troubles
    )
    trained = _unless_missing(
        lambda: load_trained(run.folder, best=best, facts=facts, maker=maker),
        "No trained weights could be used",
        troubles,
    )
    chapter = _without_network(group, run, troubles)._replace(facts=facts, layers=layers or [])
    if trained is None:
        return chapter
    chapter = chapter._replace(
        trained=trained,
        sha256=tree_sha256(trained.params),
        kernels=first_kernels(trained.params, chapter.layers),
    )
    if data is None:
        return chapter
    if not len(data.test):
        troubles.append(f"No test images could be shown or scored: {data.name} has none.")
        return chapter
    return _with_images(chapter, trained, data)


def _without_network(group: Group, run: ReportedRun, troubles: list[str]) -> Chapter:
    nothing: list[Any] = []
    return Chapter(group, run, None, nothing, None, "", None, None, nothing, None, None, troubles)


def _facts_of(run: ReportedRun, data: Dataset | None) -> Facts | None:
    """The facts from the data, else from the run folder; ``None`` if neither has them."""
    if data is not None:
        return facts_of_data(data, run.folder)
    try:
        return read_facts(run.folder)
    except UserError:
        return None


def _with_images(chapter: Chapter, trained: Trained, data: Dataset) -> Chapter:
    test, names = data.test.load(), trained.facts.class_names
    predictions = predict(trained, test)
    sample = choose_sample(predictions)
    return chapter._replace(
        predictions=predictions,
        confusion=confusion_of(predictions, names),
        misclassified=worst_misclassified(predictions, test, names),
        activations=activations_of(trained, chapter.layers, test.images, predictions, sample),
    )


def _unless_missing(find: Callable[[], T], what: str, troubles: list[str]) -> T | None:
    try:
        return find()
    except UserError as error:
        troubles.append(f"{what}: {error}.")
        return None
