"""Training, from a config to a run folder; it reads from top to bottom."""

import dataclasses
import math
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxcnn.data import Dataset, Split
from jaxcnn.layers import Layer
from jaxcnn.models import MODELS
from jaxcnn.training.augmentation import check_augmentation, make_augment
from jaxcnn.training.checkpoints import Checkpoints
from jaxcnn.training.config import TrainConfig, UserError, check_config
from jaxcnn.training.devices import describe_devices, use_platform
from jaxcnn.training.epoch import Epoch, compile_evaluation, spans
from jaxcnn.training.optimizers import make_optimizer
from jaxcnn.training.progress import Display
from jaxcnn.training.run_folder import (
    RunFolder,
    append_metrics,
    begin,
    check_folder,
    check_resumable,
    check_same_data,
    choose_folder,
    keep_metrics,
    read_metrics,
    write_config,
)
from jaxcnn.training.state import TrainState, init_state, keys_of, tree_sha256
from jaxcnn.training.step import Batch, Totals, make_train_step
from jaxcnn.training.streaming import feed, load_data

EVALUATION_BATCH = 1000
"""Test images that are scored at once; the accuracy does not depend on it."""


class Result(NamedTuple):
    """What a run, or the evaluation of one, came to."""

    test_accuracy: float
    test_loss: float
    images_per_second: float
    parameters_sha256: str
    folder: RunFolder


def train(config: TrainConfig) -> Result:
    """Run what ``config`` says and write its run folder.

    Args:
        config: model, data, optimizer, seed and where to write.

    Returns:
        The test accuracy and loss after the last epoch, the median training speed of the
        epochs, the digest of the parameters and the run folder.

    Raises:
        UserError: if the config, the folder or the device cannot be used (before any work is
            done), or if the loss stops being finite.
        jaxcnn.data.DataError: if the data cannot be had.
    """
    check_config(config)
    folder = choose_folder(config)
    check_folder(folder, config)
    if config.resume:
        check_resumable(folder, config)
    use_platform(config.platform)
    data = load_data(config)
    check_augmentation(config.augmentation, data.image_shape)
    announce(data)
    recipe = config.recipe
    print(f"training: {config.model}, {recipe}, seed {config.seed}", flush=True)

    keys = keys_of(config.seed)
    model = MODELS[config.model](data.num_classes)
    steps = math.ceil(len(data.train) / recipe.batch_size)
    optimizer = make_optimizer(config, recipe.epochs * steps)
    if config.warmup_steps >= recipe.epochs * steps:
        raise UserError(
            f"--warmup-steps must be below the {recipe.epochs * steps} steps of the run, "
            f"got {config.warmup_steps}"
        )
    state = fresh_state(config, model, optimizer, data)
    augment = make_augment(config.augmentation, data.num_classes)
    step = make_train_step(model, optimizer, keys.noise, augment=augment)
    train_set, epoch = feed(step, state, data.train, recipe.batch_size)
    score = scorer(model, state, on_device(data.test))

    if config.resume:
        check_same_data(folder, data_facts(data))
    else:
        begin(folder, config, data_facts(data))
    print(f"run folder: {folder.path}", flush=True)
    with (
        Checkpoints(folder.checkpoints) as checkpoints,
        Display(recipe.epochs, epoch.steps) as show,
    ):
        done = 0
        if config.resume:
            state, done = resume(folder, checkpoints, state, recipe.epochs)
            write_config(folder, config, data_facts(data))
        for number in range(done + 1, recipe.epochs + 1):
            order = epoch.shuffle(jax.random.fold_in(keys.order, number))
            state, totals, seconds = run_epoch(epoch, state, train_set, order, number, show)
            row = {
                "epoch": number,
                "step": int(state.step),
                **means("train", totals),
                **means("test", score(state)),
                "images_per_second": int(totals.examples) / seconds,
            }
            check_finite(row, folder)
            append_metrics(folder, row)
            checkpoints.save(number, state)
            show.epoch(row)
    return result_of(folder, state, score(state))


def evaluate(folder: RunFolder, config: TrainConfig) -> Result:
    """Score the last checkpoint of a run on every test image.

    Args:
        folder: the run.
        config: its config, from `read_config`; another ``data_dir`` or ``platform`` is fine.

    Returns:
        As `train`.

    Raises:
        UserError: if the run has no checkpoint, or it cannot be read.
        jaxcnn.data.DataError: if the data cannot be had.
    """
    check_config(config)
    use_platform(config.platform)
    data = load_data(config)
    announce(data)
    model = MODELS[config.model](data.num_classes)
    state = fresh_state(config, model, make_optimizer(config, 1), data)
    if not folder.checkpoints.is_dir():
        raise UserError(f"{folder.path} has no checkpoint to evaluate")
    with Checkpoints(folder.checkpoints, read_only=True) as checkpoints:
        latest = checkpoints.latest()
        if latest is None:
            raise UserError(f"{folder.path} has no checkpoint to evaluate")
        state = checkpoints.restore(latest, state)
    return result_of(folder, state, scorer(model, state, on_device(data.test))(state))


def announce(data: Dataset) -> None:
    """Say what the run works with."""
    print(f"devices: {describe_devices()}")
    sizes = f"{len(data.train):,} training and {len(data.test):,} test images"
    print(f"data: {data.name}, {sizes} ({data.source})", flush=True)


def on_device(split: Split) -> Batch:
    """A whole split in the device's memory."""
    return Batch(jnp.asarray(split.images), jnp.asarray(split.labels))


def data_facts(data: Dataset) -> dict[str, Any]:
    """What ``config.json`` says of the data."""
    return {
        "data": {
            "source": data.source,
            "train_images": len(data.train),
            "test_images": len(data.test),
            "image_shape": data.image_shape,
            "class_names": data.class_names,
        },
        "transform": dataclasses.asdict(data.transform),
    }


def scorer(model: Layer, state: TrainState, test_set: Batch) -> Callable[[TrainState], Totals]:
    """A compiled function from a state to the sums over every test image."""
    program = compile_evaluation(model, state.params, state.model_state, test_set, EVALUATION_BATCH)
    return lambda state: program(state.params, state.model_state, test_set)


def fresh_state(
    config: TrainConfig, model: Layer, optimizer: optax.GradientTransformation, data: Dataset
) -> TrainState:
    """The state that a run begins with.

    Raises:
        UserError: if the model cannot take images of this size.
    """
    try:
        return init_state(model, optimizer, keys_of(config.seed).init, (1, *data.image_shape))
    except ValueError as error:
        size = "×".join(map(str, data.image_shape))
        raise UserError(f"{config.model} cannot take images of {size}: {error}") from None


def resume(
    folder: RunFolder, checkpoints: Checkpoints, fresh: TrainState, epochs: int
) -> tuple[TrainState, int]:
    """The state of the last checkpoint, and how many epochs lie behind it.

    Raises:
        UserError: if the checkpoints are lost or damaged, or lie behind ``epochs`` already.
    """
    done = checkpoints.latest()
    written = len(list(read_metrics(folder)))
    # A crash can come between an epoch's metrics and its checkpoint, but not twice.
    if done is None and written > 1:
        raise UserError(
            f"{folder.path} has {written} epochs in metrics.jsonl but no checkpoint: --overwrite "
            f"starts the run anew"
        )
    if done is not None and done > epochs:
        raise UserError(f"{folder.path} has {done} epochs already, more than --epochs {epochs}")
    if done is None:
        print("resume: no epoch was finished yet, so the run starts from its beginning")
        keep_metrics(folder, 0)
        return fresh, 0
    state = checkpoints.restore(done, fresh)
    keep_metrics(folder, done)
    print(f"resume: going on after epoch {done} (step {int(state.step):,})", flush=True)
    return state, done


def run_epoch(
    epoch: Epoch, state: TrainState, data: Any, order: jax.Array, number: int, show: Display
) -> tuple[TrainState, Totals, float]:
    """One pass over the training set; also gives the seconds it took."""
    order.block_until_ready()
    totals = Totals.zero()
    begun = time.perf_counter()
    for start, stop in spans(epoch.full_batches, show.pieces):
        state, totals = epoch.run(state, totals, data, order, start, stop)
        if show.live:
            now = means("train", totals)
            rate = int(totals.examples) / (time.perf_counter() - begun)
            show.step(number, int(stop), now["train_loss"], now["train_accuracy"], rate)
    if epoch.finish is not None:
        state, totals = epoch.finish(state, totals, data, order)
    jax.block_until_ready(totals)
    return state, totals, time.perf_counter() - begun


def means(prefix: str, totals: Totals) -> dict[str, float]:
    """Mean loss and accuracy from sums."""
    count = int(totals.examples)
    return {
        f"{prefix}_loss": float(totals.loss) / count,
        f"{prefix}_accuracy": int(totals.correct) / count,
    }


def check_finite(row: dict[str, Any], folder: RunFolder) -> None:
    """Stop a run whose loss is no longer a number; what was saved before stays."""
    for name in ("train", "test"):
        loss = row[f"{name}_loss"]
        if not math.isfinite(loss):
            raise UserError(
                f"the {name} loss became {loss} in epoch {row['epoch']}: a lower --lr or "
                f"--clip-norm 1 may help ({folder.path} keeps the epochs before)"
            )


def result_of(folder: RunFolder, state: TrainState, totals: Totals) -> Result:
    """The figures that a run ends with."""
    test = means("test", totals)
    speeds = [row["images_per_second"] for row in read_metrics(folder)]
    return Result(
        test["test_accuracy"],
        test["test_loss"],
        statistics.median(speeds) if speeds else math.nan,
        tree_sha256(state.params),
        folder,
    )
