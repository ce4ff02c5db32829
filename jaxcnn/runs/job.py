"""The parts of a run, put together before it begins: data, model, compiled programs."""

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from jaxcnn.data import Dataset, Split, StreamedSplit, open_dataset
from jaxcnn.data.dataset import MAX_PIXELS
from jaxcnn.engine import identity
from jaxcnn.errors import UserError
from jaxcnn.layers import Layer
from jaxcnn.runs import processes
from jaxcnn.runs.config import TrainConfig
from jaxcnn.runs.devices import describe_devices, devices_for, named, part_of
from jaxcnn.runs.digests import model_sha256, sample_sha256
from jaxcnn.runs.initial import given_weights
from jaxcnn.runs.log import say
from jaxcnn.runs.model import (
    ModelMaker,
    check_first_output,
    check_last_batch,
    check_shapes,
    find_model,
    is_own,
)
from jaxcnn.runs.normalization import Normalization, normalization_for
from jaxcnn.training import Members, Programs, Task, compile_programs, cross_entropy
from jaxcnn.training.augment_options import check_augmentation
from jaxcnn.training.augmentation import make_augment
from jaxcnn.training.freezing import freeze_model, freeze_optimizer
from jaxcnn.training.losses import Loss
from jaxcnn.training.optimizers import make_optimizer, make_schedule
from jaxcnn.training.precision import PRECISIONS
from jaxcnn.training.spread import Devices
from jaxcnn.training.totals import Metrics


class Own(NamedTuple):
    """What a run was given as objects of Python, beside its config.

    Attributes:
        model: makes the model from the number of classes.
        data: the data set.
        optimizer: an optax transformation.
        loss: one number for each example.
        metrics: further ones by name.
    """

    model: ModelMaker | None = None
    data: Dataset | None = None
    optimizer: optax.GradientTransformation | None = None
    loss: Loss = cross_entropy
    metrics: Metrics | None = None

    @property
    def names(self) -> dict[str, Any]:
        """What a run writes down of them; nothing where everything is as usual."""
        own = {
            "optimizer": None if self.optimizer is None else "own",
            "loss": None if self.loss is cross_entropy else getattr(self.loss, "__name__", "own"),
            "metrics": sorted(self.metrics or ()),
        }
        return {name: value for name, value in own.items() if value}


NOTHING = Own()


class Job(NamedTuple):
    """What a run, or a sweep, is made of.

    Attributes:
        config: what it was told.
        data: the data set.
        model: the network.
        members: who learns it.
        normalization: what the model normalizes images by; ``None`` for nothing.
        own_sha256: the digest of a model of the user's own; ``None`` of another.
        devices: those that compute it.
        programs: the compiled programs.
        schedule: ``rate -> schedule``; ``None`` where the optimizer was given as an object.
        compile_seconds: how long the compilation took.
    """

    config: TrainConfig
    data: Dataset
    model: Layer
    members: Members
    normalization: Normalization | None
    own_sha256: str | None
    devices: Devices
    programs: Programs
    schedule: Callable[[Any], optax.Schedule] | None
    compile_seconds: float

    @property
    def epochs(self) -> int:
        """The number of the last epoch."""
        return self.config.recipe.epochs


def load_data(config: TrainConfig, own: Own = NOTHING, members: Members | None = None) -> Dataset:
    """The data set of a config; its images stay on disk where they must, or are told to.

    Args:
        config: names it.
        own: the data set, if it was given in Python.
        members: who learns from it, if anybody does. Of a run of several processes each reads
            only its part of each batch; several members have all images in each process.

    Raises:
        jaxcnn.data.DataError: if it cannot be had.
    """
    if own.data is not None:
        return own.data
    found = open_dataset(config.dataset, data_dir=config.data_dir, options=config.data)
    shared = members is not None and members.size is None and processes.count() > 1
    large = found.test.pixels > MAX_PIXELS and members is not None and members.size is None
    streaming = config.streaming or shared or found.train.pixels > MAX_PIXELS
    return found.load(streaming=streaming, scored_too=shared or large)


def assemble(
    config: TrainConfig,
    data: Dataset,
    members: Members,
    *,
    own: Own = NOTHING,
    at_once: int | None = None,
) -> Job:
    """Put a run, or a sweep, together: the model is tried, and the programs are compiled.

    Raises:
        UserError: if the config or the model does not suit the data.
    """
    check_augmentation(config.augmentation, data.image_shape)
    steps = _steps(config, len(data.train))
    size = min(config.recipe.batch_size, len(data.train))
    few = f" of {size:,} training images" if size < config.recipe.batch_size else ""
    devices = devices_for(config, size, of=few)
    model = find_model(config.model, data.num_classes, own.model, options=config.model_options)
    own_sha256 = own_digest(config, data, own)
    normalization = normalization_for(config.normalize, data)
    model = as_trained(model, config, normalization)
    check_shapes(model, config.model, data.image_shape, data.num_classes, min(2, len(data.train)))
    if len(data.train) > 1 and len(data.train) % size == 1:
        check_last_batch(model, config.model, data.image_shape)
    if is_own(config.model):
        first = data.train.read(np.arange(min(2, len(data.train)))).images
        check_first_output(model, config.model, jax.random.key(config.seed), first)
    optimizer = optimizer_of(config, steps) if own.optimizer is None else lambda _: own.optimizer
    task = Task(
        model,
        optimizer,
        data.train,
        data.scored,
        config.recipe.batch_size,
        loss=own.loss,
        metrics=own.metrics,
        augment=make_augment(config.augmentation, data.num_classes),
        skip_nonfinite=config.skip_nonfinite,
        average=config.ema,
        at_most=part_of(size, config.accumulate),
        scales_loss=PRECISIONS[config.precision].scales_loss,
    )
    if config.freeze or config.init_from is not None:
        task = _with_given(config, task, data)
    begun = time.perf_counter()
    programs = compile_programs(task, members, at_once=at_once, devices=devices)
    seconds = time.perf_counter() - begun
    schedule = schedule_of(config, steps) if own.optimizer is None else None
    digests = normalization, own_sha256
    return Job(config, data, model, members, *digests, devices, programs, schedule, seconds)


def own_digest(config: TrainConfig, data: Dataset, own: Own) -> str | None:
    """The digest of a model of the user's own; ``None`` of one that jaxcnn has.

    Raises:
        UserError: if there is no such model.
    """
    if not is_own(config.model):
        return None
    options = config.model_options
    return model_sha256(find_model(config.model, data.num_classes, own.model, options=options))


def as_trained(model: Layer, config: TrainConfig, normalization: Normalization | None) -> Layer:
    """A model as a run computes it: in its precision, and behind its normalization of images.

    Its parameters and their names stay.
    """
    model = PRECISIONS[config.precision].of(model)
    return model if normalization is None else normalization.of(model)


def _with_given(config: TrainConfig, task: Task, data: Dataset) -> Task:
    """The task with the weights of a file, and with frozen parameters."""
    given = given_weights(config, task.model, data.image_shape)
    if not config.freeze:
        return task._replace(given=given)
    return task._replace(
        given=given,
        model=freeze_model(task.model, config.freeze),
        optimizer=lambda rate: freeze_optimizer(task.optimizer(rate), config.freeze),
    )


def schedule_of(config: TrainConfig, steps: int) -> Callable[[Any], optax.Schedule]:
    """The schedule of a run of so many steps, as a function of the learning rate."""
    return lambda rate: make_schedule(
        rate, steps, schedule=config.schedule, warmup_steps=config.warmup_steps
    )


def optimizer_of(config: TrainConfig, steps: int) -> Callable[[Any], optax.GradientTransformation]:
    """The optimizer of a run of so many steps, as a function of the learning rate."""
    schedule = schedule_of(config, steps)
    return lambda rate: make_optimizer(
        config.recipe.optimizer,
        schedule(rate),
        momentum=config.momentum,
        weight_decay=config.decay,
        decay_all=config.decay_all,
        clip_norm=config.clip_norm,
    )


def _steps(config: TrainConfig, images: int) -> int:
    """How many steps a run has."""
    recipe = config.recipe
    if recipe.batch_size > images:
        say(f"note: batches of {recipe.batch_size} are more than the {images} training images")
    steps = recipe.epochs * math.ceil(images / recipe.batch_size)
    if steps >= 2**31 or config.warmup_steps >= steps:
        raise _wrong_steps(config, steps)
    return steps


def _wrong_steps(config: TrainConfig, steps: int) -> UserError:
    if steps >= 2**31:
        return UserError(f"--epochs: {steps:,} steps are more than a run can count (2**31 - 1)")
    return UserError(
        f"--warmup-steps must be below the {steps} steps of the run, got {config.warmup_steps}"
    )


def announce(data: Dataset) -> None:
    """Say what the run works with."""
    several = f" in {processes.count()} processes" if processes.count() > 1 else ""
    say(f"devices: {describe_devices()}{several}")
    say(f"engine: {identity()}")
    held = "" if data.validation is None else f", {len(data.validation):,} validation"
    sizes = f"{len(data.train):,} training{held} and {len(data.test):,} test images"
    say(f"data: {data.name}, {sizes} ({data.source})")


def facts_of(job: Job, own: Own = NOTHING) -> dict[str, Any]:
    """What a run writes down of its data, its devices, and of what the user has given it."""
    data = job.data
    splits: Sequence[Split | StreamedSplit] = [data.train, *data.scored.values()]
    counts = {f"{name}_images": len(split) for name, split in data.scored.items()}
    digest = {} if job.own_sha256 is None else {"model_sha256": job.own_sha256}
    normalizing = {} if job.normalization is None else {"normalization": job.normalization.facts}
    return {
        "data": {
            "source": data.source,
            "train_images": len(data.train),
            **counts,
            "image_shape": data.image_shape,
            "random_crop": getattr(data.train, "random_crop", None),
            "class_names": data.class_names,
            "sample_sha256": [sample_sha256(split) for split in splits],
        },
        "transform": dataclasses.asdict(data.transform),
        "devices": named(job.devices.size),
        **normalizing,
        **digest,
        **({"own": own.names} if own.names else {}),
    }
