"""A training in a folder, from its first check to its last event: of a run, or of a sweep.

Of several processes the first one has the folder, and the others compute the same events.
"""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxcnn.errors import UserError
from jaxcnn.runs import processes
from jaxcnn.runs.alike import check_alike
from jaxcnn.runs.checkpoints import Checkpoints
from jaxcnn.runs.config import TrainConfig
from jaxcnn.runs.elsewhere import Elsewhere
from jaxcnn.runs.folder import RunFolder, check_folder, clear, make_folder
from jaxcnn.runs.initial import init_facts
from jaxcnn.runs.job import Job, Own, announce, assemble, facts_of, load_data, own_digest
from jaxcnn.runs.lock import locked
from jaxcnn.runs.log import journaled, note, quiet, say
from jaxcnn.runs.pace import Pace
from jaxcnn.runs.profile import Profile
from jaxcnn.runs.resume import (
    check_drawn,
    check_position,
    check_same_data,
    check_same_engine,
    check_unchanged,
    history,
)
from jaxcnn.runs.saved_state import keys_data
from jaxcnn.runs.saving import Saving, Stopping
from jaxcnn.runs.stopping import Stopped, StopRequests
from jaxcnn.runs.subscriber import Ended, Subscriber, follow
from jaxcnn.training import Members, Moment, Totals, TrainState, begin
from jaxcnn.training.fit import StopAt


class Record(Subscriber):
    """What a run, or a sweep, keeps in its folder: its settings, and the rows of its epochs.

    Attributes:
        command: the ``jaxcnn`` command that begins it.
        folder: where it is kept.
        file: the file that has its settings.
        settings: what it is told now, as JSON can hold it.
        checkpoints: where its moments are saved, once they are open.
        written: whether this process writes it.
    """

    command: str
    folder: RunFolder
    file: Path
    settings: Mapping[str, Any]
    checkpoints: Checkpoints | Elsewhere

    @property
    def written(self) -> bool:
        """Whether this process writes it."""
        return processes.first()

    def headline(self) -> str:
        """What is said of it before it is compiled."""
        raise NotImplementedError

    def begun_with(self) -> Mapping[str, Any]:
        """The settings that it was begun with."""
        raise NotImplementedError

    def at_once(self) -> int | None:
        """How many members are vectorized together; ``None`` for what suits the device."""
        return None

    def write(self, job: Job, facts: Mapping[str, Any]) -> None:
        """Write the settings and what is known besides."""
        raise NotImplementedError

    def epochs_written(self) -> int:
        """How many epochs have a row."""
        raise NotImplementedError

    def keep(self, epochs: int) -> None:
        """Drop the rows after so many epochs, which are computed again."""
        raise NotImplementedError

    def so_far(self) -> str:
        """What is noted of it where it is stopped."""
        return ""

    def finish(self, job: Job, ended: Ended) -> str:
        """What it came to, which is written, too; what is noted of it in the end."""
        raise NotImplementedError

    def subscribers(self, job: Job) -> tuple[Sequence[Subscriber], Sequence[Subscriber]]:
        """Who hears of events besides, before a checkpoint is saved and after it."""
        return (), ()


def check_several(config: TrainConfig, *, written: bool = True) -> None:
    """Refuse what several processes cannot do together.

    Args:
        config: what they are told.
        written: whether the training has a folder.

    Raises:
        UserError: if so.
    """
    if processes.count() == 1:
        return
    if config.run_dir is None or not written:
        raise UserError("several processes need --run-dir, the same in all of them")
    if config.profile:
        raise UserError("--profile traces one process: leave out --distributed")


def carry_out(config: TrainConfig, record: Record, members: Members, own: Own) -> None:
    """Train what a config says, from its beginning or from its last checkpoint to its end.

    Args:
        config: what to train; JAX uses its platform already.
        record: what is kept of it.
        members: who learns.
        own: objects of Python that stand for settings.

    Raises:
        UserError: if the config or the folder cannot be used (before any work is done), if
            another process is in the folder, or something cannot be written.
        Stopped: after SIGTERM, Ctrl-C or SIGHUP, when everything is saved.
        jaxcnn.data.DataError: if the data cannot be had.
    """
    with processes.losses_in_one_sentence():
        if processes.first():
            _carry_out(config, record, members, own)
        else:
            with quiet():
                _take_part(config, record, members, own)
        processes.wait_for_all()


def _take_part(config: TrainConfig, record: Record, members: Members, own: Own) -> None:
    """Compute what the first process carries out."""
    data = load_data(config, own, members)
    check_alike(record.settings, data, own_digest(config, data, own))
    job = assemble(config, data, members, own=own, at_once=record.at_once())
    record.finish(job, _through(job, record, {}))


def _carry_out(config: TrainConfig, record: Record, members: Members, own: Own) -> None:
    folder = record.folder
    check_folder(folder, config, record.file)
    with journaled() as journal, contextlib.ExitStack() as held:
        begun = folder.holds_run()
        if begun:
            held.enter_context(locked(folder))
        if config.resume:
            constant = config.schedule == "constant"
            check_unchanged(folder, record.begun_with(), record.settings, constant=constant)
            check_same_engine(record.file, accept=config.accept_engine)
        data = load_data(config, own, members)
        announce(data)
        say(record.headline())
        check_alike(record.settings, data, own_digest(config, data, own))
        job = assemble(config, data, members, own=own, at_once=record.at_once())
        facts = facts_of(job, own)
        if config.init_from is not None:
            facts |= init_facts(config.init_from)
        if config.resume:
            check_same_data(record.file, facts)
        else:
            if not begun:
                make_folder(folder, config, record.file)
                held.enter_context(locked(folder))
            clear(folder, config, record.file)
            record.write(job, facts)
        held.enter_context(journal.kept_in(folder.log))
        say(f"run folder: {folder.path}")
        try:
            ended = _through(job, record, facts)
        except Stopped:
            note(record.so_far())
            raise
        note(record.finish(job, ended))


def _through(job: Job, record: Record, facts: Mapping[str, Any]) -> Ended:
    """The training in its folder, which is locked."""
    config, steps = job.config, job.programs.steps
    keys = keys_data(job.members.keys)
    with StopRequests() as stops, _opened(record, config, keys) as checkpoints:
        record.checkpoints = checkpoints
        found = None
        if config.resume and isinstance(checkpoints, Checkpoints):
            found = _resumed(job, record, checkpoints)
        moment = _from_the_first(job, found)
        if config.resume and record.written:
            record.write(job, {**facts, **history(record.file, moment, steps, facts["devices"])})
        pace = Pace(config.checkpoint_every, config.checkpoint_minutes, steps)
        saving = Saving(job, checkpoints, pace)
        before, after = record.subscribers(job)
        stopping = Stopping(record.command, job, stops, saving, record.folder)
        heard = [pace, *before, record, saving, *after, stopping]
        if config.profile:
            return _profiled(job, moment, heard, pace.stop_at, record.folder.profile)
        return follow(job, moment, heard, pace.stop_at)


def _profiled(
    job: Job, moment: Moment, heard: Sequence[Subscriber], stop_at: StopAt, folder: Path
) -> Ended:
    """The training with a trace of some steps in a folder."""
    profile = Profile(folder, job.programs.compiled, job.programs.steps, job.epochs)
    return follow(
        job,
        moment,
        [*heard, profile],
        lambda moment, steps: profile.stop_at(moment, stop_at(moment, steps)),
    )


def _opened(
    record: Record, config: TrainConfig, keys: Mapping[str, Any]
) -> Checkpoints | Elsewhere:
    """The checkpoints, in the process that writes them."""
    if not record.written:
        return Elsewhere()
    where = record.folder.checkpoints
    return Checkpoints(where, keep=config.keep, best_by=config.best_by, keys=keys)


def _from_the_first(job: Job, found: Moment | None) -> Moment:
    """The moment from which the first process goes on, on the devices of this one.

    Args:
        job: the parts of the run.
        found: the moment of a checkpoint, if this process has found one.
    """
    told = (0, 0, 0) if found is None else (1, found.epoch, found.batch)
    there, epoch, batch = processes.agreed(*told)
    if not there:
        return begin(job.programs)
    arrays: tuple[TrainState, Totals]
    if found is None:
        like = job.programs.like
        arrays = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
    else:
        arrays = found.state, found.totals
    if processes.count() > 1:
        arrays = jax.tree.map(lambda leaf: processes.handed_out(np.asarray(leaf)), arrays)
    return Moment(*job.programs.place(*arrays), epoch, batch)


def _resumed(job: Job, record: Record, checkpoints: Checkpoints) -> Moment | None:
    """The moment of the last whole checkpoint; ``None`` if it was stopped before any.

    Raises:
        UserError: if the checkpoints are lost or damaged, or lie behind the last epoch already.
    """
    path, noun = record.folder.path, "sweep" if record.command == "sweep" else "run"
    moment = checkpoints.restore(*job.programs.like)
    if moment is None:
        written = record.epochs_written()
        # A crash can come between an epoch's row and its checkpoint, but not twice.
        if written > 1:
            raise UserError(
                f"{path} has {written} epochs in {_rows_in(record).name} but no checkpoint: "
                f"--overwrite starts the {noun} anew"
            )
        check_drawn(record.file)
        say(f"resume: there is no checkpoint yet, so the {noun} starts from its beginning")
        record.keep(0)
        return None
    check_position(path, moment, job.programs.steps)
    done = moment.epoch - 1
    if done + (moment.batch > 0) > job.epochs:
        raise UserError(f"{path} has {done} epochs already, more than --epochs {job.epochs}")
    record.keep(done)
    say(f"resume: going on {moment.behind(job.programs.steps)}")
    return moment


def _rows_in(record: Record) -> Path:
    return record.file if record.command == "sweep" else record.folder.metrics
