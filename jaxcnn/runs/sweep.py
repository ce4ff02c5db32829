"""Many seeds and learning rates trained at once, from a plan to a folder; resumed like a run."""

import contextlib
import dataclasses
import math
import shlex
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxcnn.data import Dataset
from jaxcnn.data.dataset import StreamedSplit
from jaxcnn.runs.checkpoints import Checkpoints, Moment, keys_data
from jaxcnn.runs.config import TrainConfig, UserError
from jaxcnn.runs.devices import use_platform
from jaxcnn.runs.folder import (
    RunFolder,
    check_folder,
    choose_folder,
    clear,
    make_folder,
    surroundings,
)
from jaxcnn.runs.job import announce, data_facts
from jaxcnn.runs.lock import locked
from jaxcnn.runs.log import journaled, note, say, warn
from jaxcnn.runs.members import Programs, compile_members, zero_totals
from jaxcnn.runs.outcomes import (
    Member,
    Swept,
    line,
    members_after,
    noted,
    read_outcome,
    write_outcome,
)
from jaxcnn.runs.pace import Rhythm
from jaxcnn.runs.plan import SweepPlan, check_plan, read_plan
from jaxcnn.runs.resume import (
    check_drawn,
    check_position,
    check_same_data,
    check_same_engine,
    check_unchanged,
    history,
)
from jaxcnn.runs.stopping import StopRequests, stopped_at
from jaxcnn.runs.streaming import load_data
from jaxcnn.training.augmentation import check_augmentation


class Sweep(NamedTuple):
    """What the loop works with.

    Attributes:
        plan: what the sweep was told.
        programs: the compiled programs, and the data on the device.
        facts: what ``sweep.json`` says besides the members.
        classes: how many classes the data have.
        checkpoints: where moments are saved.
        stops: whether the sweep is asked to stop.
        rhythm: how far to go before looking up.
    """

    plan: SweepPlan
    programs: Programs
    facts: Mapping[str, Any]
    classes: int
    checkpoints: Checkpoints
    stops: StopRequests
    rhythm: Rhythm


def sweep(plan: SweepPlan) -> Swept:
    """Train every seed with every learning rate, in one compiled program.

    Each member has the parameters, the order of images and the noise that `jaxcnn.training.train`
    gives a run of its seed and rate, and ends with that run's parameters to rounding. A sweep
    that was stopped, or killed, and is resumed ends as one that was not.

    Args:
        plan: what to train; with ``resume`` in its config, from the last checkpoint on.

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
    config = dataclasses.replace(plan.config, experiment=f"{plan.config.name}-sweep")
    folder = choose_folder(config)
    check_sweep_folder(folder, config)
    with journaled() as journal, contextlib.ExitStack() as held:
        begun = folder.holds_run()
        if begun:
            held.enter_context(locked(folder))
        at_once = _begun_with(folder, plan) if config.resume else plan.at_once
        use_platform(config.platform)
        if config.resume:
            check_same_engine(folder.sweep, accept=config.accept_engine)
        data = _load(config)
        programs, swept = _compiled(plan, folder, data, at_once)
        facts = _facts(plan, programs, data)
        if config.resume:
            check_same_data(folder.sweep, facts)
        else:
            if not begun:
                make_folder(folder, config)
                held.enter_context(locked(folder))
            clear(folder, config)
            write_outcome(swept, facts)
        held.enter_context(journal.kept_in(folder.log))
        say(f"run folder: {folder.path}")
        swept = _run_through(plan, swept, programs, facts, data.num_classes)
        note(str(swept) if swept.stopped is None else f"{swept}\n{swept.stopped}")
        return swept


def check_sweep_folder(folder: RunFolder, config: TrainConfig) -> None:
    """As `check_folder`, for a sweep.

    Raises:
        UserError: if the folder cannot be used.
    """
    if not config.resume:
        check_folder(folder, config)
    elif not folder.sweep.is_file():
        raise UserError(f"--resume: {folder.path} holds no sweep (there is no sweep.json in it)")


def _begun_with(folder: RunFolder, plan: SweepPlan) -> int | None:
    """How many members at once a sweep goes on with: as it was begun, if nobody says otherwise.

    Raises:
        UserError: if its numbers would mean nothing under this plan.
    """
    begun = read_plan(folder).plan.settings
    del begun["at_once"]
    check_unchanged(folder, begun, plan.settings, constant=plan.config.schedule == "constant")
    return plan.at_once or read_outcome(folder).get("vectorized")


def _load(config: TrainConfig) -> Dataset:
    """The data, which suit the config and fit into memory."""
    data = load_data(config)
    if isinstance(data.train, StreamedSplit):
        raise UserError(
            f"a sweep trains on images in the device's memory, and {data.name} has too many: "
            f"--split takes a part of them"
        )
    announce(data)
    check_augmentation(config.augmentation, data.image_shape)
    _check_warmup(config, len(data.train))
    return data


def _check_warmup(config: TrainConfig, images: int) -> None:
    steps = config.recipe.epochs * math.ceil(images / config.recipe.batch_size)
    if config.warmup_steps >= steps:
        raise UserError(
            f"--warmup-steps must be below the {steps} steps of a run, got {config.warmup_steps}"
        )


def _compiled(
    plan: SweepPlan, folder: RunFolder, data: Dataset, at_once: int | None
) -> tuple[Programs, Swept]:
    """The programs, and the members before their first epoch."""
    say(_headline(plan))
    begun = time.perf_counter()
    programs = compile_members(plan.config, data, plan.pairs, at_once)
    seconds = time.perf_counter() - begun
    together = f"{programs.at_once} of {len(plan.pairs)} members at a time"
    say(f"compiled in {seconds:.1f} s, {together}")
    members = [Member(seed, rate, [], None, None) for seed, rate in plan.pairs]
    return programs, Swept(members, folder, 0, None, seconds, 0.0)


def _headline(plan: SweepPlan) -> str:
    recipe, first = plan.config.recipe, plan.config.seed
    rates = ", ".join(f"{rate:g}" for rate in dict.fromkeys(rate for _, rate in plan.pairs))
    return (
        f"sweep: {plan.config.model}, {recipe.optimizer}, batches of {recipe.batch_size}, "
        f"{recipe.epochs} epochs; seeds {first} to {first + plan.seeds - 1}, learning rates {rates}"
    )


def _facts(plan: SweepPlan, programs: Programs, data: Dataset) -> dict[str, Any]:
    """What ``sweep.json`` says besides the members."""
    own = {"config": plan.settings, "vectorized": programs.at_once}
    return {**own, **data_facts(data), **surroundings()}


def _run_through(
    plan: SweepPlan, swept: Swept, programs: Programs, facts: Mapping[str, Any], classes: int
) -> Swept:
    """The sweep in its folder, from its beginning or its last checkpoint to its end."""
    config, epochs = plan.config, plan.config.recipe.epochs
    with (
        StopRequests() as stops,
        Checkpoints(
            swept.folder.checkpoints, keep=config.keep, keys=keys_data(programs.members.keys)
        ) as checkpoints,
    ):
        rhythm = Rhythm(config.checkpoint_every, config.checkpoint_minutes)
        run = Sweep(plan, programs, facts, classes, checkpoints, stops, rhythm)
        moment = Moment(programs.states, zero_totals(len(swept.members)), 1, 0)
        if config.resume:
            moment, swept = _resume(run, moment, swept)
            past = history(swept.folder.sweep, moment, programs.steps)
            run = run._replace(facts={**facts, **past})
            write_outcome(swept, run.facts)
        begun = time.perf_counter() - swept.seconds
        while moment.epoch <= epochs and any(m.diverged is None for m in swept.members):
            orders = programs.shuffle(programs.members.keys.order, moment.epoch)
            moment = _batches(run, moment, orders)
            if moment.batch < programs.full_batches:
                return _stopped(run, moment, swept)
            moment, swept = _finish_epoch(run, moment, orders, swept, begun)
    if moment.epoch <= epochs:
        warn(f"every member has diverged, so the sweep ends after epoch {swept.epochs} of {epochs}")
    params = jax.device_get(moment.state.params)
    finished = [m._replace(params=_at(index, params)) for index, m in enumerate(swept.members)]
    return swept._replace(members=finished)


def _resume(run: Sweep, first: Moment, swept: Swept) -> tuple[Moment, Swept]:
    """The moment of the last whole checkpoint, and the members as they were then.

    Raises:
        UserError: if the checkpoints are lost or damaged, or lie behind the last epoch already.
    """
    path, epochs = swept.folder.path, run.plan.config.recipe.epochs
    saved = read_outcome(swept.folder)
    moment = run.checkpoints.restore(first.state, first.totals)
    if moment is None:
        # A crash can come between an epoch's rows and its checkpoint, but not twice.
        if saved["epochs"] > 1:
            raise UserError(
                f"{path} has {saved['epochs']} epochs in sweep.json but no checkpoint: "
                f"--overwrite starts the sweep anew"
            )
        check_drawn(swept.folder.sweep)
        say("resume: there is no checkpoint yet, so the sweep starts from its beginning")
        return first, swept
    check_position(path, moment, run.programs.steps)
    done = moment.epoch - 1
    if done + (moment.batch > 0) > epochs:
        raise UserError(f"{path} has {done} epochs already, more than --epochs {epochs}")
    members = members_after(swept.folder, run.plan.pairs, done)
    jax.tree.map(lambda leaf: leaf.delete(), first.state)  # the device has no room for both
    say(f"resume: going on {moment.behind(run.programs.steps)}")
    return moment, swept._replace(members=members, epochs=done, seconds=saved["seconds"])


def _batches(run: Sweep, moment: Moment, orders: jax.Array) -> Moment:
    """The full batches that are left of an epoch; less, if the sweep is to stop."""
    programs, full = run.programs, run.programs.full_batches
    while moment.batch < full and run.stops.number is None:
        begun = time.perf_counter()
        stop = run.rhythm.stop(moment.step, moment.batch, full)
        span = np.int32(moment.batch), np.int32(stop)
        state, totals = programs.run(
            programs.members, moment.state, moment.totals, programs.data, orders, *span
        )
        jax.block_until_ready(totals)
        run.rhythm.ran(stop - moment.batch, time.perf_counter() - begun)
        moment = Moment(state, totals, moment.epoch, stop)
        if stop < full and run.rhythm.checkpoint_due(moment.step):
            _save(run, moment)
    return moment


def _finish_epoch(
    run: Sweep, moment: Moment, orders: jax.Array, swept: Swept, begun: float
) -> tuple[Moment, Swept]:
    """The last batch of an epoch, its scores, its rows and its checkpoint."""
    programs, epoch = run.programs, moment.epoch
    state, *sums = programs.finish(
        programs.members, moment.state, moment.totals, programs.data, orders, programs.test
    )
    totals, scores = jax.device_get(sums)
    moment = Moment(state, zero_totals(len(swept.members)), epoch + 1, 0)
    members = [
        noted(member, epoch, moment.step, _at(index, totals), _at(index, scores), run.classes)
        for index, member in enumerate(swept.members)
    ]
    swept = swept._replace(members=members, epochs=epoch, seconds=time.perf_counter() - begun)
    run.checkpoints.wait()
    write_outcome(swept, run.facts)
    _save(run, moment)
    say(line(swept, run.plan.config.recipe.epochs))
    return moment, swept


def _stopped(run: Sweep, moment: Moment, swept: Swept) -> Swept:
    """The sweep as a signal has stopped it, saved."""
    _save(run, moment)
    run.checkpoints.wait()
    command = f"sweep --run-dir {shlex.quote(str(swept.folder.path))} --resume"
    stop = stopped_at(run.stops.number or 0, moment.place(run.programs.steps), command)
    return swept._replace(stopped=stop)


def _save(run: Sweep, moment: Moment) -> None:
    """Save a moment in the background."""
    run.checkpoints.save(moment)
    run.rhythm.saved()


def _at(index: int, tree: Any) -> Any:
    """What one member has of it."""
    return jax.tree.map(lambda leaf: leaf[index], tree)
