"""The parts of a run, put together before it begins: data on the device, compiled programs."""

import contextlib
import dataclasses
import hashlib
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import optax

from jaxcnn.data import Dataset, Split, StreamedSplit
from jaxcnn.engine import identity
from jaxcnn.layers import Layer
from jaxcnn.models import MODELS
from jaxcnn.runs.config import TrainConfig, UserError
from jaxcnn.runs.devices import describe_devices
from jaxcnn.runs.log import say
from jaxcnn.runs.streaming import feed
from jaxcnn.training.augmentation import check_augmentation, make_augment
from jaxcnn.training.epoch import Epoch
from jaxcnn.training.evaluation import Score, scorer
from jaxcnn.training.optimizers import make_optimizer, make_schedule
from jaxcnn.training.state import Keys, TrainState, init_state, keys_of
from jaxcnn.training.step import make_train_step

SAMPLE = 64
"""How many images of a split its digest reads."""


class Assembly(NamedTuple):
    """What a run is made of.

    Attributes:
        data: the data set.
        train_set: its training images and labels, on the device or as they are read.
        keys: the run's random streams.
        state: the state that the run begins with.
        epoch: the compiled programs of a pass.
        batch_size: images per full step.
        score: the compiled evaluation.
        schedule: the learning rate at each step.
        compile_seconds: how long the compilation took.
    """

    data: Dataset
    train_set: Any
    keys: Keys
    state: TrainState
    epoch: Epoch
    batch_size: int
    score: Callable[[TrainState], Score]
    schedule: optax.Schedule
    compile_seconds: float

    def images_in(self, start: int, stop: int) -> int:
        """How many images the batches ``start`` to ``stop`` of a pass have."""
        return min(stop * self.batch_size, len(self.data.train)) - start * self.batch_size

    def indices(self, order: Any, batch: int) -> list[int]:
        """Which training images batch ``batch`` of a pass in this order has."""
        start = batch * self.batch_size
        return np.asarray(order)[start : start + self.batch_size].tolist()


def assemble(config: TrainConfig, data: Dataset) -> Assembly:
    """Put a run together and compile its programs.

    Raises:
        UserError: if the config does not suit the data.
    """
    check_augmentation(config.augmentation, data.image_shape)
    recipe, images = config.recipe, len(data.train)
    if recipe.batch_size > images:
        say(f"note: batches of {recipe.batch_size} are more than the {images} training images")
    steps = recipe.epochs * math.ceil(images / recipe.batch_size)
    if steps >= 2**31:
        raise UserError(f"--epochs: {steps:,} steps are more than a run can count (2**31 - 1)")
    if config.warmup_steps >= steps:
        raise UserError(
            f"--warmup-steps must be below the {steps} steps of the run, got {config.warmup_steps}"
        )
    optimizer = make_optimizer(config, steps)
    model, state = fresh_state(config, optimizer, data.image_shape, data.num_classes)
    keys = keys_of(config.seed)
    augment = make_augment(config.augmentation, data.num_classes)
    step = make_train_step(
        model, optimizer, keys.noise, augment=augment, skip_nonfinite=config.skip_nonfinite
    )
    begun = time.perf_counter()
    train_set, epoch = feed(step, state, data.train, recipe.batch_size)
    score = scorer(model, state, data)
    return Assembly(
        data=data,
        train_set=train_set,
        keys=keys,
        state=state,
        epoch=epoch,
        batch_size=min(recipe.batch_size, images),
        score=score,
        schedule=make_schedule(config, steps),
        compile_seconds=time.perf_counter() - begun,
    )


def fresh_state(
    config: TrainConfig,
    optimizer: optax.GradientTransformation,
    image_shape: tuple[int, int, int],
    classes: int,
) -> tuple[Layer, TrainState]:
    """The model, and the state that a run begins with.

    Raises:
        UserError: if the model cannot take images of this size.
    """
    model = MODELS[config.model](classes)
    with takes(config.model, image_shape):
        key = keys_of(config.seed).init
        return model, init_state(model, optimizer, key, (1, *image_shape))


@contextlib.contextmanager
def takes(model: str, image_shape: tuple[int, int, int]) -> Iterator[None]:
    """A model that cannot take such images is the user's error, in one sentence."""
    try:
        yield
    except (ValueError, TypeError) as error:
        size = "×".join(map(str, image_shape))
        raise UserError(f"{model} cannot take images of {size}: {error}") from None


def announce(data: Dataset) -> None:
    """Say what the run works with."""
    say(f"devices: {describe_devices()}")
    say(f"engine: {identity()}")
    sizes = f"{len(data.train):,} training and {len(data.test):,} test images"
    say(f"data: {data.name}, {sizes} ({data.source})")


def data_facts(data: Dataset) -> dict[str, Any]:
    """What ``config.json`` says of the data."""
    return {
        "data": {
            "source": data.source,
            "train_images": len(data.train),
            "test_images": len(data.test),
            "image_shape": data.image_shape,
            "class_names": data.class_names,
            "sample_sha256": [sample_sha256(data.train), sample_sha256(data.test)],
        },
        "transform": dataclasses.asdict(data.transform),
    }


def sample_sha256(split: Split | StreamedSplit) -> str:
    """A digest of images all over a split and of their labels, streamed or not."""
    rows = np.linspace(0, len(split) - 1, min(len(split), SAMPLE)).round().astype(np.int64)
    part = split.read(rows)
    digest = hashlib.sha256(np.ascontiguousarray(part.images).tobytes())
    digest.update(part.labels.tobytes())
    return digest.hexdigest()
