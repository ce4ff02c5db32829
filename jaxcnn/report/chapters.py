"""What the page says of one run in detail, and why a part of it is missing."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from jaxcnn.data import DataError, DataOptions, Dataset, load_dataset
from jaxcnn.layers import SummaryRow
from jaxcnn.report.anatomy import (
    Kernels,
    Walk,
    choose_sample,
    first_kernels,
    rows_of,
    walk_through,
)
from jaxcnn.report.groups import Group
from jaxcnn.report.mistakes import Confusion, Mistake, confusion_of, worst_mistakes
from jaxcnn.report.records import Record
from jaxcnn.report.scores import Scores, score
from jaxcnn.runs import Facts, TrainConfig, Trained, UserError, load_trained
from jaxcnn.runs.digests import tree_sha256
from jaxcnn.runs.model import ModelMaker
from jaxcnn.runs.trained import read_facts


class Chapter(NamedTuple):
    """One run in detail.

    Attributes:
        group: the runs that it stands for.
        record: the run.
        facts: what is known of its data; ``None`` where nothing is.
        layers: the summary of its network for one image; empty where it cannot be made.
        trained: the network; ``None`` where there is no checkpoint that can be used.
        sha256: the digest of its parameters.
        scores: what it says of the test images; ``None`` where they or it are missing.
        confusion: which class it takes for which.
        mistakes: the images that it is most wrong about.
        kernels: the kernels of its first convolution.
        walk: one image on its way through it.
        troubles: why something is missing, a sentence each.
    """

    group: Group
    record: Record
    facts: Facts | None
    layers: Sequence[SummaryRow]
    trained: Trained | None
    sha256: str
    scores: Scores | None
    confusion: Confusion | None
    mistakes: list[Mistake]
    kernels: Kernels | None
    walk: Walk | None
    troubles: list[str]

    @property
    def weights(self) -> str:
        """When the run had these weights: ``epoch 1`` or ``epoch 2, after 132 of 235 batches``."""
        epoch, batch = (self.trained.epochs, self.trained.batches) if self.trained else (0, 0)
        if not batch:
            return f"epoch {epoch}"
        whole = f" of {self.record.batches:,}" if self.record.batches else ""
        return f"epoch {epoch + 1}, after {batch:,}{whole} batches"

    @property
    def elsewhere(self) -> str:
        """The epoch that the figures are of, where the weights are of another moment."""
        same = self.weights == f"epoch {self.record.epochs:g}"
        return "" if same or not self.record.rows else f"epoch {self.record.epochs:g}"


Loader = Callable[[TrainConfig], Dataset]
T = TypeVar("T")


def loader(data_dir: Path | None) -> Loader:
    """A function that loads a run's data set; for runs of one set, only once."""

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
    """Everything that can be said of the group's typical run, by its last or best weights."""
    record = group.typical
    troubles = list(record.troubles)
    if not record.rows:
        troubles.append("No epoch is finished, so there are no curves of this run.")
    data = _unless_missing(
        lambda: load(record.config), "No test images could be shown or scored", troubles
    )
    facts = _facts_of(record, data)
    if facts is None:
        troubles.append("The network is not shown: config.json does not say what its images are.")
        return _without_network(group, record, troubles)
    layers = _unless_missing(
        lambda: rows_of(record.config, facts, maker), "The network cannot be shown", troubles
    )
    trained = _unless_missing(
        lambda: load_trained(record.folder, best=best, facts=facts, maker=maker),
        "No trained weights could be used",
        troubles,
    )
    chapter = _without_network(group, record, troubles)._replace(facts=facts, layers=layers or [])
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


def _without_network(group: Group, record: Record, troubles: list[str]) -> Chapter:
    nothing: list[Any] = []
    return Chapter(
        group, record, None, nothing, None, "", None, None, nothing, None, None, troubles
    )


def _facts_of(record: Record, data: Dataset | None) -> Facts | None:
    """The facts as the data have them, or as the run wrote them down; ``None`` if neither has."""
    if data is not None:
        return Facts(data.image_shape, data.class_names, data.transform)
    try:
        return read_facts(record.folder)
    except UserError:
        return None


def _with_images(chapter: Chapter, trained: Trained, data: Dataset) -> Chapter:
    scores, names = score(trained, data.test), trained.facts.class_names
    sample = choose_sample(scores)
    return chapter._replace(
        scores=scores,
        confusion=confusion_of(scores, names),
        mistakes=worst_mistakes(scores, data.test, names),
        walk=walk_through(trained, chapter.layers, data.test.images, scores, sample),
    )


def _unless_missing(find: Callable[[], T], what: str, troubles: list[str]) -> T | None:
    try:
        return find()
    except UserError as error:
        troubles.append(f"{what}: {error}.")
        return None
