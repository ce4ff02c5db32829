"""Checkpoints of a run whose folder another process has: nothing is saved here."""

from collections.abc import Mapping
from typing import Any

from jaxcnn.training import Moment


class Elsewhere:
    """Takes the place of `Checkpoints` in the processes that do not write."""

    def save(self, moment: Moment, metrics: Mapping[str, float] | None = None) -> None:
        """The first process saves it."""

    def wait(self) -> None:
        """Nothing is on its way."""

    def __enter__(self) -> "Elsewhere":
        return self

    def __exit__(self, *error: Any) -> None:
        pass
