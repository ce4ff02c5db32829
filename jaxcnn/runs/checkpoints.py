"""Checkpoints: Orbax writes and reads the arrays, a digest of our own says they are the same.

Orbax has no checksum over its data: a flipped bit comes back silently as another number. So a
header lies beside the arrays, with their sha256, and with one of its own, and both are compared
on each restore.
"""

import contextlib
import functools
import logging
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from jaxcnn.errors import UserError
from jaxcnn.reading import check_folder_tree
from jaxcnn.runs import processes
from jaxcnn.runs.digests import json_sha256, tree_sha256
from jaxcnn.runs.formats import read_header
from jaxcnn.runs.layout import check_layout, check_stored, layout
from jaxcnn.runs.log import warn
from jaxcnn.runs.orbax_errors import first_line, in_one_sentence, unless_loop_closed
from jaxcnn.runs.saved_state import in_containers, model_in, state_of, to_arrays
from jaxcnn.training import Moment, Totals, TrainState

_FORMAT = 1
_LOGGERS = ("absl", "asyncio")
_DAMAGED = "damaged"
_TRIES = 50


def _of_one_process() -> ocp.AsyncCheckpointer:
    """Orbax for a process that writes alone: the first one, if there are several."""
    options = ocp.options.MultiprocessingOptions(primary_host=0, active_processes={0})
    if processes.count() == 1:
        options = ocp.options.MultiprocessingOptions()
    handler = ocp.CompositeCheckpointHandler(
        composite_options=ocp.CompositeOptions(multiprocessing_options=options)
    )
    return ocp.AsyncCheckpointer(handler, multiprocessing_options=options)


class DamagedError(Exception):
    """A checkpoint that is not what was written."""


class PrunedError(Exception):
    """A checkpoint that the run has removed while it was read."""


class Checkpoints:
    """The checkpoints of one run, each a folder named by the steps that lie behind it.

    Orbax writes into a folder of another name and renames it when everything is there, so a
    process that dies while it saves leaves no half checkpoint.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep: int = 2,
        best_by: str = "validation_accuracy",
        keys: Mapping[str, list[int]] | None = None,
        read_only: bool = False,
    ) -> None:
        """Open ``folder``.

        Args:
            folder: where the checkpoints lie; made if it is not there.
            keep: how many of the last ones stay.
            best_by: the metric whose best stays, too; the one with ``loss`` in its name is best
                where it is smallest.
            keys: the run's random streams, saved with each checkpoint.
            read_only: change nothing, not even leftovers of a process that died.
        """
        self.folder = folder.absolute()
        self._keep, self._best_by, self._read_only = keep, best_by, read_only
        self._keys = dict(keys or {})
        self._scores: dict[int, float] = {}
        self._levels = {name: logging.getLogger(name).level for name in _LOGGERS}
        # Orbax and tensorstore log each error at length, also from their own threads.
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._hook = sys.unraisablehook
        sys.unraisablehook = functools.partial(unless_loop_closed, self._hook)
        with in_one_sentence(lambda: f"{folder} cannot be used"):
            if not read_only:
                self.folder.mkdir(exist_ok=True)
                for leftover in self.folder.glob("*.orbax-checkpoint-tmp*"):
                    shutil.rmtree(leftover)
            self._orbax = _of_one_process()

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, in order."""
        if not self.folder.is_dir():
            return []
        return sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdecimal())

    def save(self, moment: Moment, metrics: Mapping[str, float] | None = None) -> None:
        """Write a checkpoint in the background; what is there already is not written again.

        Args:
            moment: what to save. It is copied before this returns, so it may be donated.
            metrics: the scores of this moment, where they are known.

        Raises:
            UserError: if this checkpoint or the one before cannot be written; the ones that
                were finished stay.
        """
        self.wait()
        step = moment.step
        if step in self.steps():
            return
        arrays = jax.tree.map(np.array, to_arrays(moment.state, moment.totals))
        content = {
            "format": _FORMAT,
            "step": step,
            "epoch": moment.epoch,
            "batch": moment.batch,
            "keys": self._keys,
            "metrics": dict(metrics or {}),
            "arrays": layout(arrays),
            "arrays_sha256": tree_sha256(arrays),
            "model_sha256": tree_sha256(model_in(arrays)),
        }
        header = {"content": content, "sha256": json_sha256(content)}
        with in_one_sentence(lambda: self._cannot_be_written(step)):
            self._orbax.save(
                self.folder / str(step),
                args=ocp.args.Composite(
                    state=ocp.args.StandardSave(arrays), header=ocp.args.JsonSave(header)
                ),
            )
        if metrics and self._best_by in metrics:
            self._scores[step] = self._score(metrics)

    def wait(self) -> None:
        """Wait until everything is written, and remove what need not stay.

        Raises:
            UserError: if the checkpoint on its way cannot be written.
        """
        with in_one_sentence(lambda: self._cannot_be_written(None)):
            self._orbax.wait_until_finished()
            if not self._read_only:
                self._prune()

    def restore(self, like: TrainState, totals: Totals, *, best: bool = False) -> Moment | None:
        """The newest whole checkpoint, or the best one; ``None`` where there never was any.

        A damaged one is passed over, with a warning that names it and the one that is used, and
        is moved aside unless the folder is only read.

        Args:
            like: a state of the right shapes.
            totals: sums of the right shapes.
            best: whether to take the best by the metric; only the end of an epoch is scored.

        Raises:
            UserError: if the checkpoints are of another model or seed, none of them is whole, or
                the best is asked for and none was scored.
        """
        arrays = to_arrays(like, totals)
        return self._restored(lambda step: self._read(step, arrays), best=best)

    def restore_model(
        self, model: dict[str, Any], like: Callable[[], tuple[TrainState, Totals]], *, best: bool
    ) -> Moment | None:
        """As `restore`, of the model alone: how it was optimized need not be known.

        Args:
            model: ``params`` and ``model_state`` of the right shapes.
            like: gives a state and totals of the right shapes, for the checkpoints of an older
                jaxcnn, which have one digest over all.
            best: whether to take the best by the metric.

        Raises:
            UserError: as `restore`.
        """

        def read(step: int) -> Moment:
            if "model_sha256" in self._header(step):
                return self._read_model(step, model)
            return self._read(step, to_arrays(*like()))

        return self._restored(read, best=best)

    def _restored(self, read: Callable[[int], Moment], *, best: bool) -> Moment | None:
        for _ in range(_TRIES):
            with contextlib.suppress(PrunedError):
                return self._first_whole(read, best=best)
        raise UserError(
            f"the checkpoints in {self.folder} are replaced faster than they can be read: "
            f"a larger --checkpoint-every or --keep leaves time for it"
        )

    def _first_whole(self, read: Callable[[int], Moment], *, best: bool) -> Moment | None:
        """What `restore` gives, if the run does not prune what is being read."""
        steps, unread = self.steps(), self._read_scores()
        # Whether one whose header is damaged was the best, nobody knows.
        damaged = unread if best else {}
        for step in self._best_first() if best else reversed(steps):
            try:
                moment = read(step)
            except DamagedError as error:
                damaged[step] = self._unless_pruned(step, error)
                continue
            self._pass_over(damaged, step)
            return moment
        which = f"no checkpoint with a {self._best_by}" if best else "no checkpoint"
        if damaged or (not steps and any(self.folder.glob(f"*.{_DAMAGED}*"))):
            names = ", ".join(f"{step} ({error})" for step, error in damaged.items())
            raise UserError(
                f"{which} in {self.folder} is whole; damaged: {names or 'the last ones'}"
            )
        if steps:
            raise UserError(
                f"--best: there is {which} in {self.folder}: the best is chosen on validation "
                f"images, which --validation 0.1 holds out, from the end of the first epoch on"
            )
        return None

    def best(self) -> int | None:
        """The step of the best checkpoint by its metric, where one was scored."""
        there = set(self.steps())
        return next((step for step in self._best_first() if step in there), None)

    def _best_first(self) -> list[int]:
        """The steps that were scored; of equal ones the later goes first."""
        return sorted(self._scores, key=lambda step: (self._scores[step], step), reverse=True)

    def _read_scores(self) -> dict[int, DamagedError]:
        """Learn the scores from the headers; those that cannot be read, and why."""
        self._scores, unread = {}, {}
        for step in self.steps():
            try:
                metrics = self._header(step)["metrics"]
            except DamagedError as error:
                unread[step] = self._unless_pruned(step, error)
                continue
            if self._best_by in metrics:
                self._scores[step] = self._score(metrics)
        return unread

    def _unless_pruned(self, step: int, error: DamagedError) -> DamagedError:
        """The error, if the checkpoint is there at all: a run that goes on takes old ones away."""
        if self._read_only and not (self.folder / str(step)).exists():
            raise PrunedError(step) from error
        return error

    def _pass_over(self, damaged: Mapping[int, DamagedError], used: int) -> None:
        """Say which ones are damaged, and move them out of the way."""
        for step, reason in damaged.items():
            warn(
                f"the checkpoint {self.folder / str(step)} is damaged ({reason}): "
                f"{self.folder / str(used)} is used in its place"
            )
            self._set_aside(step)

    def _read(self, step: int, like: dict[str, Any]) -> Moment:
        content, where = self._header(step), f"the checkpoint {self.folder / str(step)}"
        check_layout(content["arrays"], layout(like), where)
        if self._keys and content["keys"] != self._keys:
            raise UserError(f"{where} is of a run with another seed")
        wanted = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
        found = self._arrays_of(step, content["arrays"], wanted)
        if tree_sha256(found) != content["arrays_sha256"]:
            raise DamagedError("its arrays do not match their sha256")
        # Copies: a buffer that NumPy holds, too, could not be donated to the next step.
        found = jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), found)
        state = state_of(found["state"])
        totals = Totals(**{"further": {}, **found["totals"]})
        moment = Moment(state, totals, content["epoch"], content["batch"])
        if moment.step != step:
            raise DamagedError(f"its arrays are of step {moment.step}")
        return moment

    def _read_model(self, step: int, model: dict[str, Any]) -> Moment:
        content, where = self._header(step), f"the checkpoint {self.folder / str(step)}"
        has_average = any(line.startswith("state/average/") for line in content["arrays"])
        saved = {"average": model} if has_average else model
        parts = ("state/average/",) if has_average else tuple(f"state/{name}/" for name in model)
        stored = [line for line in content["arrays"] if line.startswith(parts)]
        check_layout(stored, layout({"state": saved}), where)
        found = self._arrays_of(step, content["arrays"], None)["state"]
        its = in_containers(model_in({"state": found}), model)
        if tree_sha256(its) != content["model_sha256"]:
            raise DamagedError("its arrays do not match their sha256")
        if int(np.max(found["step"])) != step:
            raise DamagedError(f"its arrays are of step {int(np.max(found['step']))}")
        its = jax.tree.map(jnp.asarray, its)
        state = TrainState(its["params"], its["model_state"], (), jnp.int32(step))
        return Moment(state, Totals.zero(), content["epoch"], content["batch"])

    def _arrays_of(self, step: int, lines: list[str], wanted: Any) -> Any:
        """What Orbax finds, if it is what the header says."""
        try:
            check_stored(self.folder / str(step) / "state", lines)
            return self._orbax.restore(
                self.folder / str(step),
                args=ocp.args.Composite(state=ocp.args.StandardRestore(wanted)),
            )["state"]
        except Exception as error:
            raise DamagedError(first_line(error)) from error

    def _header(self, step: int) -> dict[str, Any]:
        path = self.folder / str(step)
        try:
            check_folder_tree(path)
            header = read_header(path / "header" / "metadata")
        except (OSError, ValueError) as error:
            raise DamagedError(first_line(error)) from error
        content = header["content"]
        if json_sha256(content) != header["sha256"] or content["step"] != step:
            raise DamagedError("its header does not match its sha256")
        return content

    def _score(self, metrics: Mapping[str, float]) -> float:
        value = metrics[self._best_by]
        return -value if self._best_by.endswith("loss") else value

    def _prune(self) -> None:
        steps = self.steps()
        for step in steps[: -self._keep]:
            if step != self.best():
                # Renamed first, so that a process that dies here leaves no half checkpoint.
                doomed = self.folder / f"{step}.orbax-checkpoint-tmp-removed"
                (self.folder / str(step)).rename(doomed)
                shutil.rmtree(doomed)

    def _set_aside(self, step: int) -> None:
        if self._read_only:
            return
        for count in range(1, 1000):
            aside = self.folder / f"{step}.{_DAMAGED}{'' if count == 1 else count}"
            if not aside.exists():
                with in_one_sentence(lambda: f"{self.folder / str(step)} cannot be renamed"):
                    (self.folder / str(step)).rename(aside)
                return

    def _cannot_be_written(self, step: int | None) -> str:
        finished = self.steps()
        which = "the last checkpoint" if step is None else f"the checkpoint of step {step}"
        last = f"that of step {finished[-1]} stays the last" if finished else "there is none yet"
        return f"{which} cannot be written into {self.folder} ({last})"

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        """Wait until everything is written; an error that is on its way goes first."""
        if kind is not None:
            self._close_after(kind)
            return
        try:
            self.wait()
        finally:
            with contextlib.suppress(Exception):
                self._orbax.close()
            sys.unraisablehook = self._hook
            for name, level in self._levels.items():
                logging.getLogger(name).setLevel(level)

    def _close_after(self, error: type) -> None:
        """Wait and close, but stay silent: answers that come too late may still come."""
        if not issubclass(error, Exception):
            return
        try:
            with contextlib.suppress(UserError):
                self.wait()
        finally:
            with contextlib.suppress(Exception):
                self._orbax.close()
