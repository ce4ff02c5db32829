"""Checkpoints: Orbax writes and reads the arrays, a digest of our own says they are the same.

Orbax has no checksum over its data: a flipped bit comes back silently as another number. So
the sha256 of the whole state is stored beside it and compared after every restore.
"""

from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from jaxcnn.training.config import UserError
from jaxcnn.training.state import TrainState, tree_sha256


class Checkpoints:
    """The checkpoints of one run, named by the number of epochs that lie behind them."""

    def __init__(self, folder: Path, *, keep: int = 2) -> None:
        """Open ``folder``, keeping the last ``keep`` checkpoints."""
        self._folder = folder
        options = ocp.CheckpointManagerOptions(max_to_keep=keep)
        self._manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def save(self, epoch: int, state: TrainState) -> None:
        """Write ``state`` in the background, with its digest."""
        self._manager.save(
            epoch,
            args=ocp.args.Composite(
                state=ocp.args.StandardSave(state._asdict()),
                digest=ocp.args.JsonSave({"sha256": tree_sha256(state._asdict())}),
            ),
        )

    def latest(self) -> int | None:
        """The newest epoch that has a checkpoint."""
        return self._manager.latest_step()

    def restore(self, epoch: int, like: TrainState) -> TrainState:
        """Read the checkpoint of ``epoch``.

        Args:
            epoch: one that was saved.
            like: a state of the right shapes.

        Raises:
            UserError: if the checkpoint is of another model, or is damaged.
        """
        shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, like._asdict())
        wanted = ocp.args.Composite(
            state=ocp.args.StandardRestore(shapes), digest=ocp.args.JsonRestore()
        )
        where = f"the checkpoint of epoch {epoch} in {self._folder}"
        try:
            found: Any = self._manager.restore(epoch, args=wanted)
        except Exception as error:  # Orbax and tensorstore raise many kinds for damaged files
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"{where} cannot be read, or is of another model: {reason}") from error
        if tree_sha256(found["state"]) != found["digest"]["sha256"]:
            raise UserError(f"{where} is damaged: its contents do not match their sha256")
        return TrainState(**found["state"])

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        """Wait until everything is written."""
        self._manager.wait_until_finished()
        self._manager.close()
