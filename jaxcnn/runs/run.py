"""Training, from a config to a run folder; it reads from top to bottom."""

import contextlib
import math
import shlex
import statistics
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax

from jaxcnn.models import MODELS
from jaxcnn.runs.checkpoints import Checkpoints, Moment, keys_data
from jaxcnn.runs.config import TrainConfig, UserError, check_config
from jaxcnn.runs.devices import peak_memory, use_platform
from jaxcnn.runs.display import Display
from jaxcnn.runs.finiteness import check_finite, check_test_loss
from jaxcnn.runs.folder import (
    RunFolder,
    append_metrics,
    begin,
    check_folder,
    choose_folder,
    keep_metrics,
    make_folder,
    read_metrics,
    write_config,
)
from jaxcnn.runs.job import Assembly, announce, assemble, data_facts, fresh_state
from jaxcnn.runs.lock import locked
from jaxcnn.runs.log import journaled, note, say, warn
from jaxcnn.runs.pace import Rhythm
from jaxcnn.runs.profile import Profile
from jaxcnn.runs.resume import (
    check_drawn,
    check_position,
    check_resumable,
    check_same_data,
    check_same_engine,
    history,
)
from jaxcnn.runs.stopping import StopRequests, stopped_at
from jaxcnn.runs.streaming import load_data
from jaxcnn.runs.writers import Writer, check_writers, open_writers
from jaxcnn.training.evaluation import Score, means, scorer, write_evaluation
from jaxcnn.training.optimizers import learning_rate, make_optimizer
from jaxcnn.training.state import tree_sha256
from jaxcnn.training.step import Totals


class Result(NamedTuple):
    """What a run, or the evaluation of one, came to."""

    test_accuracy: float
    test_loss: float
    images_per_second: float
    parameters_sha256: str
    folder: RunFolder

    def __str__(self) -> str:
        """Lines for people and scripts, each ``name: value``."""
        return (
            f"test accuracy: {self.test_accuracy:.4f}\n"
            f"images/s: {self.images_per_second:.0f}\n"
            f"parameters sha256: {self.parameters_sha256}\n"
            f"run folder: {self.folder.path}"
        )


class Run(NamedTuple):
    """What the loop works with.

    Attributes:
        config: what the run was told.
        folder: where it is written.
        parts: the data on the device, and the compiled programs.
        checkpoints: where moments are saved.
        show: the lines and the bar.
        stops: whether the run is asked to stop.
        rhythm: how far to go before looking up.
        profile: the trace of a few steps.
        writers: where metrics go besides ``metrics.jsonl``.
    """

    config: TrainConfig
    folder: RunFolder
    parts: Assembly
    checkpoints: Checkpoints
    show: Display
    stops: StopRequests
    rhythm: Rhythm
    profile: Profile
    writers: list[Writer]


def train(config: TrainConfig) -> Result:
    """Run what ``config`` says and write its run folder.

    Args:
        config: model, data, optimizer, seed and where to write.

    Returns:
        The test accuracy and loss after the last epoch, the median training speed of the
        epochs, the digest of the parameters and the run folder.

    Raises:
        UserError: if the config, the folder or the device cannot be used (before any work is
            done), if another process is in the folder, if the loss stops being finite, or if a
            checkpoint cannot be written.
        Stopped: after SIGTERM, Ctrl-C or SIGHUP, when everything is saved.
        jaxcnn.data.DataError: if the data cannot be had.
    """
    check_config(config)
    check_writers(config)
    folder = choose_folder(config)
    check_folder(folder, config)
    with journaled() as journal, contextlib.ExitStack() as held:
        begun = folder.holds_run()
        if begun:
            held.enter_context(locked(folder))
        if config.resume:
            check_resumable(folder, config)
        use_platform(config.platform)
        if config.resume:
            check_same_engine(folder.config, accept=config.accept_engine)
        data = load_data(config)
        announce(data)
        say(f"training: {config.model}, {config.recipe}, seed {config.seed}")
        parts = assemble(config, data)
        if config.resume:
            check_same_data(folder.config, data_facts(data))
        else:
            if not begun:
                make_folder(folder, config)
                held.enter_context(locked(folder))
            begin(folder, config, data_facts(data))
        held.enter_context(journal.kept_in(folder.log))
        say(f"run folder: {folder.path}")
        return run_through(config, folder, parts)


def run_through(config: TrainConfig, folder: RunFolder, parts: Assembly) -> Result:
    """The run in its folder, from its beginning or its last checkpoint to its end."""
    with (
        StopRequests() as stops,
        Checkpoints(
            folder.checkpoints,
            keep=config.keep,
            best_by=config.best_by,
            keys=keys_data(parts.keys),
        ) as checkpoints,
        Display(config.recipe.epochs, parts.epoch.steps) as show,
        Profile(folder.profile if config.profile else None, parts.epoch.programs) as profile,
    ):
        moment = Moment(parts.state, Totals.zero(), 1, 0)
        if config.resume:
            steps = parts.epoch.steps
            moment = resume(folder, checkpoints, moment, steps, config.recipe.epochs)
            past = history(folder.config, moment, steps)
            write_config(folder, config, {**data_facts(parts.data), **past})
        with writing(config, folder, moment.step) as writers:
            rhythm = Rhythm(config.checkpoint_every, config.checkpoint_minutes)
            run = Run(config, folder, parts, checkpoints, show, stops, rhythm, profile, writers)
            while moment.epoch <= config.recipe.epochs:
                moment = run_epoch(run, moment)
                stop_if_asked(run, moment)
        score = parts.score(moment.state)
    result = result_of(folder, tree_sha256(moment.state.params), score)
    facts = {
        "epoch": moment.epoch - 1,
        "step": moment.step,
        "parameters_sha256": result.parameters_sha256,
    }
    write_evaluation(folder, facts, score, parts.data)
    note(str(result))
    return result


@contextlib.contextmanager
def writing(config: TrainConfig, folder: RunFolder, step: int) -> Iterator[list[Writer]]:
    """The writers of metrics, closed in any case."""
    writers = open_writers(config, folder, step)
    try:
        yield writers
    finally:
        for writer in writers:
            writer.close()


def evaluate(folder: RunFolder, config: TrainConfig, *, best: bool = False) -> Result:
    """Score the last checkpoint of a run, or its best one, on every test image.

    Args:
        folder: the run.
        config: its config, from `read_config`; another ``data_dir`` or ``platform`` is fine.
        best: whether to take the best checkpoint by the run's ``best_by``.

    Returns:
        As `train`.

    Raises:
        UserError: if the run has no checkpoint, or no best one, or none can be read.
        jaxcnn.data.DataError: if the data cannot be had.
    """
    check_config(config)
    use_platform(config.platform)
    data = load_data(config)
    announce(data)
    optimizer = make_optimizer(config, 1)
    model = MODELS[config.model](data.num_classes)
    # The shapes alone: a config may name a model that is larger than what the checkpoint holds.
    shapes = jax.eval_shape(
        lambda: fresh_state(config, optimizer, data.image_shape, data.num_classes)[1]
    )
    with Checkpoints(folder.checkpoints, best_by=config.best_by, read_only=True) as checkpoints:
        moment = checkpoints.restore(shapes, best=best)
    if moment is None:
        raise UserError(f"{folder.path} has no checkpoint to evaluate")
    which = f"the best by {config.best_by}" if best else "the last one"
    say(f"checkpoint: step {moment.step:,}, {which}")
    score = scorer(model, moment.state, data)(moment.state)
    return result_of(folder, tree_sha256(moment.state.params), score)


def resume(
    folder: RunFolder, checkpoints: Checkpoints, first: Moment, steps: int, epochs: int
) -> Moment:
    """The moment of the last whole checkpoint; ``first`` where a run was stopped before any.

    Raises:
        UserError: if the checkpoints are lost or damaged, or lie behind ``epochs`` already.
    """
    moment = checkpoints.restore(first.state)
    if moment is None:
        written = len(list(read_metrics(folder)))
        # A crash can come between an epoch's metrics and its checkpoint, but not twice.
        if written > 1:
            raise UserError(
                f"{folder.path} has {written} epochs in metrics.jsonl but no checkpoint: "
                f"--overwrite starts the run anew"
            )
        check_drawn(folder.config)
        say("resume: there is no checkpoint yet, so the run starts from its beginning")
        keep_metrics(folder, 0)
        return first
    check_position(folder.path, moment, steps)
    done = moment.epoch - 1
    if done + (moment.batch > 0) > epochs:
        raise UserError(f"{folder.path} has {done} epochs already, more than --epochs {epochs}")
    lost = keep_metrics(folder, done)
    if lost:
        warn(f"{folder.metrics} has lost {lost} of the {done} epochs before the checkpoint")
    say(f"resume: going on {moment.behind(steps)}")
    return moment


def run_epoch(run: Run, moment: Moment) -> Moment:
    """The rest of an epoch, its scores and its checkpoint; the moment after it."""
    parts, images = run.parts, 0
    order = parts.epoch.shuffle(jax.random.fold_in(parts.keys.order, moment.epoch))
    order.block_until_ready()
    begun = time.perf_counter()
    while moment.batch < parts.epoch.steps:
        step = moment.step
        stop = run.rhythm.stop(step, moment.batch, parts.epoch.steps)
        stop = run.profile.until(moment.batch, stop)
        images += parts.images_in(moment.batch, stop)
        moment = run_span(run, moment, order, stop)
        check_finite(run.config, run.folder, run.checkpoints, parts, moment, order)
        if run.show.live:
            show_running(run, moment, images / (time.perf_counter() - begun))
        if moment.batch < parts.epoch.steps:
            stop_if_asked(run, moment)
            if run.rhythm.checkpoint_due(moment.step):
                save(run, moment)
    seconds = time.perf_counter() - begun
    run.profile.close()
    return finish_epoch(run, moment, images, seconds)


def run_span(run: Run, moment: Moment, order: jax.Array, stop: int) -> Moment:
    """The batches up to ``stop``, computed when this returns."""
    steps = stop - moment.batch
    with run.profile.watching(steps):
        begun = time.perf_counter()
        state, totals = run.parts.epoch.advance(
            moment.state, moment.totals, run.parts.train_set, order, moment.batch, stop
        )
        jax.block_until_ready(totals)
        run.rhythm.ran(steps, time.perf_counter() - begun)
    return Moment(state, totals, moment.epoch, stop)


def show_running(run: Run, moment: Moment, rate: float) -> None:
    """Move the bar."""
    count = max(int(moment.totals.examples), 1)
    loss, accuracy = float(moment.totals.loss) / count, int(moment.totals.correct) / count
    run.show.step(moment.epoch, moment.batch, loss, accuracy, rate)


def finish_epoch(run: Run, moment: Moment, images: int, seconds: float) -> Moment:
    """Score an epoch, write its row and its checkpoint; the moment that the next one begins at."""
    parts, totals = run.parts, moment.totals
    score = parts.score(moment.state)
    taken = int(totals.steps)
    test = means("test", score.totals, parts.data.num_classes)
    row: dict[str, Any] = {
        "epoch": moment.epoch,
        "step": moment.step,
        **means("train", totals, parts.data.num_classes),
        **test,
        "learning_rate": learning_rate(parts.schedule, moment.state.opt_state),
        "gradient_norm": float(totals.gradient_norm) / taken,
        "skipped_steps": int(totals.skipped),
        "images_per_second": images / seconds,
        "seconds": seconds,
        "compile_seconds": parts.compile_seconds,
        **peak_memory(),
    }
    check_test_loss(row, run.checkpoints)
    run.checkpoints.wait()
    append_metrics(run.folder, row)
    for writer in run.writers:
        writer.write(row)
    moment = Moment(moment.state, Totals.zero(), moment.epoch + 1, 0)
    save(run, moment, test)
    run.show.epoch(row)
    return moment


def save(run: Run, moment: Moment, metrics: dict[str, float] | None = None) -> None:
    """Save a moment in the background."""
    run.checkpoints.save(moment, metrics)
    run.rhythm.saved()


def stop_if_asked(run: Run, moment: Moment) -> None:
    """Save and stop, if a signal asked for it and the run is not at its end.

    Raises:
        Stopped: if so.
    """
    if run.stops.number is None or moment.epoch > run.config.recipe.epochs:
        return
    save(run, moment)
    run.checkpoints.wait()
    command = f"train --run-dir {shlex.quote(str(run.folder.path))} --resume"
    raise stopped_at(run.stops.number, moment.place(run.parts.epoch.steps), command)


def result_of(folder: RunFolder, sha256: str, score: Score) -> Result:
    """The figures that a run ends with."""
    count = int(score.totals.examples)
    speeds = [row["images_per_second"] for row in read_metrics(folder)]
    return Result(
        int(score.totals.correct) / count,
        float(score.totals.loss) / count,
        statistics.median(speeds) if speeds else math.nan,
        sha256,
        folder,
    )
