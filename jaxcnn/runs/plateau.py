"""Tells the user, once, that a run has learned nothing in an epoch."""

from collections.abc import Sequence

import numpy as np

from jaxcnn.data import Dataset
from jaxcnn.runs.log import say
from jaxcnn.runs.rows import MetricsRow
from jaxcnn.runs.subscriber import Subscriber
from jaxcnn.training import EpochDone
from jaxcnn.training.plateau import plateau


class PlateauNote(Subscriber):
    """Says what may help when the training accuracy of an epoch is that of chance."""

    def __init__(self, data: Dataset) -> None:
        """Compare with the sizes of the classes in the training set, where it is in memory."""
        labels = getattr(data.train, "labels", np.zeros(0, np.int32))
        self._counts = np.bincount(labels, minlength=data.num_classes).tolist()
        self._said = False

    def epoch(self, done: EpochDone, rows: Sequence[MetricsRow]) -> None:
        """Look at one more epoch."""
        sentence = None if self._said else plateau(rows[0]["train_accuracy"], self._counts)
        if sentence is not None:
            self._said = True
            say(f"note: {sentence}")
