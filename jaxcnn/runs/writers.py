"""Where metrics go besides ``metrics.jsonl``: TensorBoard's events, Weights & Biases."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from jaxcnn.data.documents import read_json
from jaxcnn.errors import UserError
from jaxcnn.extras import missing
from jaxcnn.runs.config import TrainConfig
from jaxcnn.runs.config_file import to_json
from jaxcnn.runs.folder import RunFolder
from jaxcnn.runs.formats import WANDB
from jaxcnn.runs.rows import MetricsRow
from jaxcnn.runs.subscriber import Subscriber
from jaxcnn.training import EpochDone
from jaxcnn.writing import write_whole


def check_writers(config: TrainConfig) -> None:
    """Refuse a writer whose package is missing, before any work.

    Raises:
        UserError: naming the extra to install.
    """
    for flag in ("tensorboard", "wandb"):
        sentence = missing(f"--{flag}", flag) if getattr(config, flag) else None
        if sentence is not None:
            raise UserError(sentence)


def open_writers(config: TrainConfig, folder: RunFolder, step: int) -> list[Subscriber]:
    """The writers that ``config`` asks for, for a run that goes on from ``step``."""
    writers: list[Subscriber] = []
    if config.tensorboard:
        writers.append(TensorBoard(folder, step))
    if config.wandb:
        writers.append(WandB(config, folder))
    return writers


class TensorBoard(Subscriber):
    """Events in ``RUN/tensorboard``, written without TensorFlow."""

    def __init__(self, folder: RunFolder, step: int) -> None:
        from tensorboardX import SummaryWriter

        # A resumed run writes the epochs after its checkpoint again; the old ones are dropped.
        # The suffix, because files begun in the same second would have the same name.
        self._events = SummaryWriter(
            str(folder.tensorboard),
            purge_step=step + 1 if step else None,
            filename_suffix=f".{step}",
        )

    def epoch(self, done: EpochDone, rows: Sequence[MetricsRow]) -> None:
        """Each number by its name, at the row's step."""
        (row,) = rows
        for name, value in row.items():
            if name != "step":
                self._events.add_scalar(name, value, row["step"])
        self._events.flush()

    def __exit__(self, *error: Any) -> None:
        """Finish the file."""
        self._events.close()


class WandB(Subscriber):
    """A run of Weights & Biases, which goes on under the same id when the run is resumed."""

    def __init__(self, config: TrainConfig, folder: RunFolder) -> None:
        import wandb

        name = folder.path / "wandb.json"
        if not name.exists():
            write_whole(name, json.dumps({"id": uuid.uuid4().hex}) + "\n")
        own = read_json(name, WANDB)["id"]
        try:
            self._run = wandb.init(
                project="jaxcnn",
                name=folder.path.name,
                id=own,
                resume="allow",
                dir=str(folder.path),
                config=to_json(config),
                settings=wandb.Settings(silent=True),
            )
        except (wandb.errors.Error, OSError, ValueError, KeyError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"--wandb: {reason} (WANDB_MODE=offline needs no account and no network)"
            ) from None

    def epoch(self, done: EpochDone, rows: Sequence[MetricsRow]) -> None:
        """Each number by its name, at the row's step."""
        (row,) = rows
        self._run.log(dict(row), step=row["step"])

    def __exit__(self, *error: Any) -> None:
        """Send, or write, the rest."""
        self._run.finish()
