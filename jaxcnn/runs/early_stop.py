"""Ends a run that no longer gets better on the validation images."""

from collections.abc import Iterable, Sequence

from jaxcnn.runs.log import say
from jaxcnn.runs.rows import MetricsRow
from jaxcnn.runs.subscriber import Subscriber
from jaxcnn.training import EpochDone


class EarlyStop(Subscriber):
    """Ends a run when so many epochs in a row were no better than the best one.

    What it decides by is in ``metrics.jsonl``, so that a resumed run ends where one that was
    never stopped ends.
    """

    def __init__(self, patience: int, best_by: str, past: Iterable[MetricsRow] = ()) -> None:
        """Look at the metric ``best_by``, also of the epochs that are done already."""
        self._patience, self._best_by = patience, best_by
        self._best: float | None = None
        self._since = 0
        for row in past:
            self._hear(row)

    def epoch(self, done: EpochDone, rows: Sequence[MetricsRow]) -> None:
        """Hear of one more epoch."""
        self._hear(rows[0])
        if self.ends:
            without = f"{self._since} epochs without a better {self._best_by.replace('_', ' ')}"
            say(f"early stop after epoch {done.epoch}: {without}")

    def _hear(self, row: MetricsRow) -> None:
        value = row.get(self._best_by)
        if value is None:
            return
        value = -value if self._best_by.endswith("loss") else value
        better = self._best is None or value > self._best
        self._best = value if self._best is None or better else self._best
        self._since = 0 if better else self._since + 1
        self.ends = self._since >= self._patience
