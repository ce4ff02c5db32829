"""Many seeds and learning rates trained at once, and what each rate comes to."""

import contextlib
import csv
import dataclasses
import io
import json
import math
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.data.dataset import StreamedSplit
from jaxcnn.training.assembly import announce, data_facts
from jaxcnn.training.augmentation import check_augmentation
from jaxcnn.training.config import TrainConfig, UserError, check_config, flag
from jaxcnn.training.devices import use_platform
from jaxcnn.training.evaluation import means
from jaxcnn.training.locks import locked
from jaxcnn.training.members import Programs, compile_members, zero_totals
from jaxcnn.training.progress import say
from jaxcnn.training.rhythm import Rhythm
from jaxcnn.training.run_folder import (
    RunFolder,
    check_folder,
    choose_folder,
    clear,
    make_folder,
    surroundings,
    to_json,
    write_whole,
)
from jaxcnn.training.seeds import spread
from jaxcnn.training.state import TrainState
from jaxcnn.training.step import NEVER, Totals
from jaxcnn.training.stopping import StopRequests
from jaxcnn.training.streaming import load_data

Row = dict[str, Any]

_NOT_IN_A_SWEEP = {
    "resume": "is not resumed",
    "checkpoint_every": "writes no checkpoints",
    "checkpoint_minutes": "writes no checkpoints",
    "keep": "writes no checkpoints",
    "best_by": "writes no checkpoints",
    "streaming": "trains on images in the device's memory",
    "tensorboard": "writes its metrics into sweep.json and sweep.csv",
    "wandb": "writes its metrics into sweep.json and sweep.csv",
}
"""Settings of a single run that mean nothing here, and why."""


@dataclasses.dataclass(frozen=True)
class SweepPlan:
    """A config, and the seeds and learning rates to train it with.

    Attributes:
        config: All that the members have in common; its seed is the first of them.
        seeds: How many seeds, one after another.
        rates: The learning rates; none for the config's own.
        at_once: How many members are vectorized together; left out, what suits the device.
    """

    config: TrainConfig
    seeds: int = 8
    rates: tuple[float, ...] = ()
    at_once: int | None = None

    @property
    def pairs(self) -> list[tuple[int, float]]:
        """The seed and the learning rate of each member."""
        first = self.config.seed
        rates = self.rates or (self.config.recipe.lr,)
        return [(seed, rate) for rate in rates for seed in range(first, first + self.seeds)]


class Member(NamedTuple):
    """One run of a sweep.

    Attributes:
        seed: its seed.
        rate: its learning rate.
        rows: its metrics, an object for each epoch.
        diverged: the first epoch in which a number of it was not finite; ``None`` if all were.
        params: its parameters after the last epoch, NumPy arrays.
    """

    seed: int
    rate: float
    rows: list[Row]
    diverged: int | None
    params: Any


class Swept(NamedTuple):
    """What a sweep came to.

    Attributes:
        members: all runs, by learning rate, then by seed.
        folder: where it is written.
        epochs: the epochs that every member has behind it.
        stopped: the number of the signal that stopped it; ``None`` if it is at its end.
        compile_seconds: how long the compilation took.
        seconds: how long the epochs took, scores included.
    """

    members: list[Member]
    folder: RunFolder
    epochs: int
    stopped: int | None
    compile_seconds: float
    seconds: float


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
    use_platform(config.platform)
    data = load_data(config)
    if isinstance(data.train, StreamedSplit):
        raise UserError(
            f"a sweep trains on images in the device's memory, and {data.name} has too many: "
            f"--split takes a part of them"
        )
    announce(data)
    say(_headline(plan))
    check_augmentation(config.augmentation, data.image_shape)
    _check_warmup(config, len(data.train))
    begun = time.perf_counter()
    programs = compile_members(config, data, plan.pairs, plan.at_once)
    seconds = time.perf_counter() - begun
    say(f"compiled in {seconds:.1f} s, {programs.at_once} of {len(plan.pairs)} members at a time")
    with contextlib.ExitStack() as held:
        if not folder.holds_run():
            make_folder(folder, config)
        held.enter_context(locked(folder))
        clear(folder, config)
        say(f"run folder: {folder.path}")
        facts = {"config": to_json(config), **data_facts(data), **surroundings()}
        return _run(plan, folder, programs, facts, seconds, data.num_classes)


def check_plan(plan: SweepPlan) -> None:
    """Refuse a plan that cannot be meant.

    Raises:
        UserError: with one sentence that names the flag, what it may be and what it is.
    """
    for name, value in (("seeds", plan.seeds), ("at_once", plan.at_once)):
        if value is not None and value < 1:
            raise UserError(f"--{flag(name)} must be at least 1, got {value}")
    for name, why in _NOT_IN_A_SWEEP.items():
        if getattr(plan.config, name) != getattr(TrainConfig(), name):
            raise UserError(f"--{flag(name)} is for a single run: a sweep {why}")
    if len(set(plan.rates)) < len(plan.rates):
        raise UserError(f"--lr names one twice: {' '.join(f'{rate:g}' for rate in plan.rates)}")
    for rate in plan.rates:
        check_config(dataclasses.replace(plan.config, lr=rate))
    last = plan.config.seed + plan.seeds - 1
    if last >= 2**32:
        raise UserError(f"the last seed must be below 2**32, got {last}")
    check_config(plan.config)


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
    _write(swept, facts)
    with StopRequests() as stops:
        for epoch in range(1, epochs + 1):
            done = _epoch(programs, states, epoch, stops)
            if done is None:
                break
            states, totals, scores = done
            step = int(states.step[0])
            members = [
                _noted(member, epoch, step, _at(index, totals), _at(index, scores), classes)
                for index, member in enumerate(members)
            ]
            swept = swept._replace(
                members=members, epochs=epoch, seconds=time.perf_counter() - begun
            )
            _write(swept, facts)
            say(_line(swept, epochs))
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


def _noted(
    member: Member, epoch: int, step: int, totals: Totals, score: Totals, classes: int
) -> Member:
    """The member with one more row; marked, if a number is not finite or no step was taken."""
    taken = int(totals.steps)
    row = {
        "epoch": epoch,
        "step": step,
        **means("train", totals if taken else totals._replace(examples=jnp.ones(())), classes),
        **means("test", score, classes),
        "gradient_norm": float(totals.gradient_norm) / max(taken, 1),
        "skipped_steps": int(totals.skipped),
    }
    broken = int(totals.nonfinite) != NEVER and int(totals.skipped) == 0
    finite = taken > 0 and all(map(math.isfinite, row.values()))
    diverged = member.diverged
    if diverged is None and (broken or not finite):
        diverged = epoch
    return member._replace(rows=[*member.rows, row], diverged=diverged)


def _write(swept: Swept, facts: Mapping[str, Any]) -> None:
    """Write ``sweep.json`` and ``sweep.csv``, each whole."""
    content = {
        "epochs": swept.epochs,
        "compile_seconds": swept.compile_seconds,
        "seconds": swept.seconds,
        "members": [
            {
                "seed": member.seed,
                "lr": member.rate,
                "diverged": member.diverged,
                "final": _strict(member.rows[-1]) if member.rows else None,
                "rows": [_strict(row) for row in member.rows],
            }
            for member in swept.members
        ],
        **facts,
    }
    write_whole(swept.folder.sweep, json.dumps(content, indent=1) + "\n")
    rows = [{"seed": m.seed, "lr": m.rate, **row} for m in swept.members for row in m.rows]
    if rows:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(swept.folder.path / "sweep.csv", text.getvalue())


def _strict(row: Row) -> Row:
    """JSON has no NaN: ``null`` stands for what is no number."""
    return {name: value if math.isfinite(value) else None for name, value in row.items()}


def _line(swept: Swept, epochs: int) -> str:
    """What is said of an epoch."""
    figures = [
        f"lr {rate:g}: {spread(kept, '.4f') if kept else 'diverged'}"
        for rate, members in by_rate(swept.members).items()
        for kept in [_finals(members, "test_accuracy")]
    ]
    width = len(str(epochs))
    return f"epoch {swept.epochs:{width}}/{epochs}  test accuracy  {',  '.join(figures)}"


def by_rate(members: Iterable[Member]) -> dict[float, list[Member]]:
    """The members of each learning rate, in the order of the rates."""
    found: dict[float, list[Member]] = {}
    for member in members:
        found.setdefault(member.rate, []).append(member)
    return found


def _finals(members: Sequence[Member], name: str) -> list[float]:
    """The last values of those members that have not diverged."""
    return [m.rows[-1][name] for m in members if m.rows and m.diverged is None]


def table(swept: Swept) -> str:
    """Mean ± sample standard deviation of each learning rate, as Markdown; the best is marked.

    The best rate has the highest mean test accuracy. Members that diverged are counted, and are
    in no mean.
    """
    columns = ("test_accuracy", "test_loss", "train_accuracy", "train_loss")
    titles = " | ".join(name.replace("_", " ") for name in columns)
    lines = [f"| lr | {titles} | seeds | diverged |", "|---" * 7 + "|"]
    groups = by_rate(swept.members)
    scores = {
        rate: statistics.fmean(kept)
        for rate, members in groups.items()
        if (kept := _finals(members, "test_accuracy"))
    }
    best = max(scores, key=lambda rate: scores[rate], default=None)
    for rate, members in groups.items():
        columns_kept = [_finals(members, name) for name in columns]
        figures = " | ".join(spread(kept, ".4f") if kept else "–" for kept in columns_kept)
        mark = " (best)" if rate == best and len(groups) > 1 else ""
        gone = sum(member.diverged is not None for member in members)
        lines.append(f"| {rate:g}{mark} | {figures} | {len(members) - gone} | {gone} |")
    return "\n".join(lines)
