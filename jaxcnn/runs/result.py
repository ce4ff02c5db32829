"""What a run, or the evaluation of one, came to."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from jaxcnn.errors import shown
from jaxcnn.layers import Params, State
from jaxcnn.runs.folder import RunFolder
from jaxcnn.runs.rows import MetricsRow


class Result(NamedTuple):
    """What a run, or the evaluation of one, came to.

    Attributes:
        params: the model's parameters.
        model_state: its running statistics.
        history: the metrics of each epoch, as in ``metrics.jsonl``.
        scores: means over the splits that were scored, by names such as ``test_accuracy``.
        images_per_second: the median speed of the epochs; of an evaluation, its own.
        parameters_sha256: a digest of the parameters.
        folder: the run folder; ``None`` where nothing was written.
    """

    params: Params
    model_state: State
    history: list[MetricsRow]
    scores: dict[str, float]
    images_per_second: float
    parameters_sha256: str
    folder: RunFolder | None

    @property
    def test_accuracy(self) -> float:
        """The share of the test images that are classified rightly."""
        return self.scores["test_accuracy"]

    @property
    def test_loss(self) -> float:
        """The mean loss of the test images."""
        return self.scores["test_loss"]

    def __str__(self) -> str:
        """Lines for people and scripts, each ``name: value``."""
        lines = [
            f"{name.replace('_', ' ')}: {value:.4f}"
            for name, value in self.scores.items()
            if name.endswith("_accuracy") and "top5" not in name
        ]
        lines += [
            f"images/s: {self.images_per_second:.0f}",
            f"parameters sha256: {self.parameters_sha256}",
        ]
        if self.folder is not None:
            lines.append(f"run folder: {shown(self.folder.path)}")
        return "\n".join(lines)


def median_speed(rows: Sequence[MetricsRow]) -> float:
    """The median images/s of some epochs; NaN of none."""
    speeds = [row["images_per_second"] for row in rows]
    return statistics.median(speeds) if speeds else float("nan")
