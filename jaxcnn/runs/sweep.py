"""Many seeds and learning rates trained at once, from a plan to a folder; resumed like a run."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from jaxcnn.runs import processes
from jaxcnn.runs.devices import use_platform
from jaxcnn.runs.folder import RunFolder, choose_folder
from jaxcnn.runs.job import NOTHING, Job, Own
from jaxcnn.runs.log import say, warn
from jaxcnn.runs.outcomes import (
    Member,
    Swept,
    line,
    members_after,
    noted,
    read_outcome,
    write_outcome,
)
from jaxcnn.runs.plan import SweepPlan, check_plan, read_plan
from jaxcnn.runs.rows import MetricsRow, member_of
from jaxcnn.runs.session import Record, carry_out, check_several
from jaxcnn.runs.stopping import Stopped
from jaxcnn.runs.subscriber import Ended
from jaxcnn.runs.surroundings import surroundings
from jaxcnn.training import EpochDone, members_of


class SweepRecord(Record):
    """``sweep.json`` and ``sweep.csv``: the settings of a sweep, and the rows of its members."""

    command = "sweep"

    def __init__(self, plan: SweepPlan, folder: RunFolder) -> None:
        """Keep a sweep in a folder."""
        self.plan, self.folder, self.file = plan, folder, folder.sweep
        self.settings = plan.settings
        members = [Member(seed, rate, [], None, None) for seed, rate in plan.pairs]
        self.swept = Swept(members, folder, 0, None, 0.0, 0.0)
        self._facts: Mapping[str, Any] = {}
        self._begun = time.perf_counter()

    def headline(self) -> str:
        """What is said of the sweep before it is compiled."""
        return _headline(self.plan)

    def begun_with(self) -> Mapping[str, Any]:
        """The settings that the sweep was begun with, but for how many members at once."""
        begun = read_plan(self.folder).plan.settings
        del begun["at_once"]
        return begun

    def at_once(self) -> int | None:
        """How many members at once: as it was begun, if nobody says otherwise."""
        at_once = self.plan.at_once
        if self.written and self.plan.config.resume and not at_once:
            at_once = read_outcome(self.folder).get("vectorized")
        return processes.agreed(at_once or 0)[0] or None

    def write(self, job: Job, facts: Mapping[str, Any]) -> None:
        """Write ``sweep.json``, and say how it was compiled."""
        together = f"{job.programs.at_once} of {len(self.plan.pairs)} members at a time"
        say(f"compiled in {job.compile_seconds:.1f} s, {together}")
        own = {"config": self.settings, "vectorized": job.programs.at_once}
        self._facts = {**own, **surroundings(), **facts}
        self.swept = self.swept._replace(compile_seconds=job.compile_seconds)
        self._begun = time.perf_counter() - self.swept.seconds
        write_outcome(self.swept, self._facts)

    def epochs_written(self) -> int:
        """How many epochs ``sweep.json`` has of each member."""
        return int(read_outcome(self.folder)["epochs"])

    def keep(self, epochs: int) -> None:
        """Go on with the rows of so many epochs."""
        seconds = read_outcome(self.folder)["seconds"] if epochs else 0.0
        members = members_after(self.folder, self.plan.pairs, epochs)
        self.swept = self.swept._replace(members=members, epochs=epochs, seconds=seconds)

    def epoch(self, done: EpochDone, rows: Sequence[MetricsRow]) -> None:
        """Add a row to each member; end where every one of them has diverged."""
        members = [
            noted(member, row, member_of(done, index).totals)
            for index, (member, row) in enumerate(zip(self.swept.members, rows, strict=True))
        ]
        seconds = time.perf_counter() - self._begun
        self.swept = self.swept._replace(members=members, epochs=done.epoch, seconds=seconds)
        self.checkpoints.wait()
        if self.written:
            write_outcome(self.swept, self._facts)
        epochs = self.plan.config.recipe.epochs
        say(line(self.swept, epochs))
        self.ends = all(member.diverged is not None for member in members)
        if self.ends and done.epoch < epochs:
            warn(
                f"every member has diverged, so the sweep ends after epoch {done.epoch} of {epochs}"
            )

    def so_far(self) -> str:
        """The table of the epochs that are done."""
        return str(self.swept)

    def finish(self, job: Job, ended: Ended) -> str:
        """Keep the parameters of each member; the table that the sweep ends with."""
        params = jax.device_get(ended.moment.state.used.params)
        members = [
            member._replace(params=jax.tree.map(lambda leaf, at=index: leaf[at], params))
            for index, member in enumerate(self.swept.members)
        ]
        self.swept = self.swept._replace(members=members)
        return str(self.swept)


def sweep(plan: SweepPlan, own: Own = NOTHING) -> Swept:
    """Train every seed with every learning rate, in one compiled program.

    Each member has the parameters, the order of images and the noise that a run of its seed and
    rate has, and ends with that run's parameters to rounding. A sweep that was stopped, or killed,
    and is resumed ends as one that was not.

    Args:
        plan: what to train; with ``resume`` in its config, from the last checkpoint on.
        own: objects of Python that stand for settings.

    Returns:
        The metrics and parameters of all members. A member whose numbers stop being finite is
        marked and goes on without harm to the others. After Ctrl-C, SIGTERM or SIGHUP it has
        the epochs that were finished by then, and everything is saved.

    Raises:
        UserError: if the plan, the folder or the device cannot be used (before any work is
            done), or if a checkpoint or ``sweep.json`` cannot be written.
        jaxcnn.data.DataError: if the data cannot be had.
    """
    check_plan(plan)
    check_several(plan.config)
    config = dataclasses.replace(plan.config, experiment=f"{plan.config.name}-sweep")
    use_platform(config.platform, config.devices)  # the keys of the members are the first arrays
    record = SweepRecord(plan, choose_folder(config))
    try:
        carry_out(config, record, members_of(plan.pairs), own)
    except Stopped as stop:
        return record.swept._replace(stopped=stop)
    return record.swept


def _headline(plan: SweepPlan) -> str:
    recipe, first = plan.config.recipe, plan.config.seed
    rates = ", ".join(f"{rate:g}" for rate in dict.fromkeys(rate for _, rate in plan.pairs))
    seeds = f"seeds {first} to {first + plan.seeds - 1}" if plan.seeds > 1 else f"seed {first}"
    epochs = "1 epoch" if recipe.epochs == 1 else f"{recipe.epochs} epochs"
    return (
        f"sweep: {plan.config.model}, {recipe.optimizer}, batches of {recipe.batch_size}, "
        f"{epochs}; {seeds}, learning rates {rates}"
    )
