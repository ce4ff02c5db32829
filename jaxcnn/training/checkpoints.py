"""Checkpoints: Orbax writes and reads the arrays, a digest of our own says they are the same.

Orbax has no checksum over its data: a flipped bit comes back silently as another number. So
the sha256 of the whole state is stored beside it and compared after every restore.
"""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from jaxcnn.training.config import UserError
from jaxcnn.training.state import TrainState, tree_sha256


class Checkpoints:
    """The checkpoints of one run, named by the number of epochs that lie behind them."""

    def __init__(self, folder: Path, *, keep: int = 2, read_only: bool = False) -> None:
        """Open ``folder``, keeping the last ``keep`` checkpoints."""
        self._folder = folder
        with _in_one_sentence(f"{folder} cannot be used"):
            options = ocp.CheckpointManagerOptions(
                max_to_keep=None if read_only else keep, read_only=read_only, create=not read_only
            )
            self._manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def save(self, epoch: int, state: TrainState) -> None:
        """Write ``state`` in the background, with its digest."""
        content = ocp.args.Composite(
            state=ocp.args.StandardSave(state._asdict()),
            digest=ocp.args.JsonSave({"sha256": tree_sha256(state._asdict())}),
        )
        with _in_one_sentence(f"the checkpoint of epoch {epoch} cannot be written"):
            self._manager.save(epoch, args=content)

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
        older = [other for other in self._manager.all_steps() if other < epoch]
        if older:
            where += f" (remove {self._folder / str(epoch)} to use that of epoch {max(older)})"
        with _in_one_sentence(f"{where} cannot be read, or is of another model"):
            found: Any = self._manager.restore(epoch, args=wanted)
        if tree_sha256(found["state"]) != found["digest"]["sha256"]:
            raise UserError(f"{where} is damaged: its contents do not match their sha256")
        return TrainState(**found["state"])

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        """Wait until everything is written."""
        with _in_one_sentence(f"the last checkpoint in {self._folder} cannot be written"):
            self._manager.wait_until_finished()
            self._manager.close()


@contextlib.contextmanager
def _in_one_sentence(what: str) -> Iterator[None]:
    """Orbax and tensorstore raise many kinds of errors and log each of them at length."""
    loggers = [logging.getLogger(name) for name in ("absl", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(f"{what}: {reason[:300]}") from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
