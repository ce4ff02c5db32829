"""Many seeds and learning rates trained at once, and what each rate comes to."""

import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxcnn.data import Dataset
from jaxcnn.data.dataset import StreamedSplit
from jaxcnn.training.assembly import announce, data_facts
from jaxcnn.training.augmentation import check_augmentation
from jaxcnn.training.config import TrainConfig, UserError
from jaxcnn.training.devices import use_platform
from jaxcnn.training.journal import journaled, note, say
from jaxcnn.training.locks import locked
from jaxcnn.training.members import Programs, compile_members, zero_totals
from jaxcnn.training.outcomes import Member, Swept, last_sentence, line, noted, write_outcome
from jaxcnn.training.plan import SweepPlan, check_plan
from jaxcnn.training.rhythm import Rhythm
from jaxcnn.training.run_folder import (
    RunFolder,
    check_folder,
    choose_folder,
    clear,
    make_folder,
    surroundings,
)
from jaxcnn.training.state import TrainState
from jaxcnn.training.step import Totals
from jaxcnn.training.stopping import StopRequests
from jaxcnn.training.streaming import load_data


def sweep(plan: SweepPlan) -> Swept:
    """Train every seed with every learning rate, in one compiled program.

    Each member has the parameters, the order of images and the noise that `jaxcnn.training.train`
    gives a run of its seed and rate, and ends with that run's parameters to rounding.

    Args:
        plan: what to train.

    Returns:
        The metrics and parameters of all members. A member whose numbers stop being finite is
        marked and goes on without harm to the others. After Ctrl-C, SIGTERM or SIGHUP it has
        the epochs that were finished by then.

    Raises:
        UserError: if the plan, the folder or the device cannot be used, before any work is done.
        jaxcnn.data.DataError: if the data cannot be had.
    """
    check_plan(plan)
    config = dataclasses.replace(plan.config, experiment=f"{plan.config.name}-sweep")
    folder = choose_folder(config)
    check_sweep_folder(folder, config)
    with journaled() as journal:
        use_platform(config.platform)
        data = _load(config)
        say(_headline(plan))
        begun = time.perf_counter()
        programs = compile_members(config, data, plan.pairs, plan.at_once)
        seconds = time.perf_counter() - begun
        at_once = f"{programs.at_once} of {len(plan.pairs)} members at a time"
        say(f"compiled in {seconds:.1f} s, {at_once}")
        if not folder.holds_run():
            make_folder(folder, config)
        with locked(folder):
            clear(folder, config)
            with journal.kept_in(folder.log):
                say(f"run folder: {folder.path}")
                facts = {"config": plan.settings, **data_facts(data), **surroundings()}
                swept = _run(plan, folder, programs, facts, seconds, data.num_classes)
                note(str(swept))
                if swept.stopped is not None:
                    note(last_sentence(swept, config.recipe.epochs))
                return swept


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


def check_sweep_folder(folder: RunFolder, config: TrainConfig) -> None:
    """As `check_folder`, without the advice to resume.

    Raises:
        UserError: if the folder cannot be used.
    """
    if folder.path.is_dir() and folder.holds_run() and not config.overwrite:
        raise UserError(
            f"{folder.path} already holds a run: give --overwrite to replace it, or another "
            f"--run-dir (a sweep is not resumed)"
        )
    check_folder(folder, config)


def _headline(plan: SweepPlan) -> str:
    recipe, first = plan.config.recipe, plan.config.seed
    rates = ", ".join(f"{rate:g}" for rate in dict.fromkeys(rate for _, rate in plan.pairs))
    return (
        f"sweep: {plan.config.model}, {recipe.optimizer}, batches of {recipe.batch_size}, "
        f"{recipe.epochs} epochs; seeds {first} to {first + plan.seeds - 1}, learning rates {rates}"
    )


def _check_warmup(config: TrainConfig, images: int) -> None:
    steps = config.recipe.epochs * math.ceil(images / config.recipe.batch_size)
    if config.warmup_steps >= steps:
        raise UserError(
            f"--warmup-steps must be below the {steps} steps of a run, got {config.warmup_steps}"
        )


def _run(
    plan: SweepPlan,
    folder: RunFolder,
    programs: Programs,
    facts: Mapping[str, Any],
    compile_seconds: float,
    classes: int,
) -> Swept:
    """All epochs, written after each of them."""
    epochs, states, begun = plan.config.recipe.epochs, programs.states, time.perf_counter()
    members = [Member(seed, rate, [], None, None) for seed, rate in plan.pairs]
    swept = Swept(members, folder, 0, None, compile_seconds, 0.0)
    write_outcome(swept, facts)
    with StopRequests() as stops:
        for epoch in range(1, epochs + 1):
            done = _epoch(programs, states, epoch, stops)
            if done is None:
                break
            states, totals, scores = done
            step = int(states.step[0])
            members = [
                noted(member, epoch, step, _at(index, totals), _at(index, scores), classes)
                for index, member in enumerate(members)
            ]
            swept = swept._replace(
                members=members, epochs=epoch, seconds=time.perf_counter() - begun
            )
            write_outcome(swept, facts)
            say(line(swept, epochs))
        if swept.epochs < epochs:
            return swept._replace(stopped=stops.number)
    params = jax.device_get(states.params)
    finished = [m._replace(params=_at(index, params)) for index, m in enumerate(members)]
    return swept._replace(members=finished)


def _epoch(
    programs: Programs, states: TrainState, epoch: int, stops: StopRequests
) -> tuple[TrainState, Totals, Totals] | None:
    """One pass of every member, and its scores; ``None`` if it is to stop before the end."""
    members, data, batch = programs.members, programs.data, 0
    orders = programs.shuffle(members.keys.order, epoch)
    totals, rhythm = zero_totals(len(members.rates)), Rhythm(0, None)
    while batch < programs.full_batches:
        if stops.number is not None:
            return None
        begun, stop = time.perf_counter(), rhythm.stop(0, batch, programs.full_batches)
        span = np.int32(batch), np.int32(stop)
        states, totals = programs.run(members, states, totals, data, orders, *span)
        jax.block_until_ready(totals)
        rhythm.ran(stop - batch, time.perf_counter() - begun)
        batch = stop
    if stops.number is not None:
        return None
    states, totals, scores = programs.finish(members, states, totals, data, orders, programs.test)
    return states, *jax.device_get((totals, scores))


def _at(index: int, tree: Any) -> Any:
    """What one member has of it."""
    return jax.tree.map(lambda leaf: leaf[index], tree)
