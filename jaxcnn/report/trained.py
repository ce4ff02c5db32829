"""The trained network of a run, and what it says of every test image."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float32, Int32, Integer

from jaxcnn.data import DataError, DataOptions, Dataset, Split, load_dataset
from jaxcnn.layers import Layer, Params, State
from jaxcnn.models import MODELS
from jaxcnn.report.records import Record
from jaxcnn.training import TrainConfig, UserError
from jaxcnn.training.assembly import data_facts
from jaxcnn.training.checkpoints import Checkpoints
from jaxcnn.training.optimizers import make_optimizer
from jaxcnn.training.state import TrainState, init_state

_BATCH = 500
"""Test images that are scored at once; the outcome does not depend on it."""


class Facts(NamedTuple):
    """What a model must know of its data.

    Attributes:
        image_shape: ``(h, w, c)`` of every image.
        class_names: one name per class.
    """

    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]


class Trained(NamedTuple):
    """A network with the weights of a checkpoint.

    Attributes:
        model: the network.
        params: its parameters.
        model_state: its running statistics.
        epoch: how many epochs it was trained for.
    """

    model: Layer
    params: Params
    model_state: State
    epoch: int


class Scores(NamedTuple):
    """What a network says of some images.

    Attributes:
        labels: what they show, ``(n,)``.
        predicted: the class it takes them for, ``(n,)``.
        probabilities: its softmax outputs, ``(n, classes)``.
        losses: the cross-entropy of each, in nats, ``(n,)``.
    """

    labels: Integer[np.ndarray, " n"]
    predicted: Integer[np.ndarray, " n"]
    probabilities: Float32[np.ndarray, "n k"]
    losses: Float32[np.ndarray, " n"]

    @property
    def accuracy(self) -> float:
        """The share of images that it takes for what they are."""
        return float((self.predicted == self.labels).mean())


def facts_of(record: Record, data: Dataset | None) -> Facts | None:
    """The facts as the data have them, or as the run wrote them down; ``None`` if neither has."""
    try:
        facts: Any = data_facts(data)["data"] if data is not None else record.content["data"]
        height, width, channels = (int(size) for size in facts["image_shape"])
        return Facts((height, width, channels), tuple(map(str, facts["class_names"])))
    except (KeyError, TypeError, ValueError):
        return None


def load_data(name: str, place: Path | None, options: DataOptions) -> Dataset:
    """A data set by its name, from the folder ``place``, read as the run read it.

    Raises:
        DataError: if it cannot be had.
    """
    try:
        return load_dataset(name, data_dir=place, options=options)
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror or error}") from None


def model_of(config: TrainConfig, facts: Facts) -> Layer:
    """The network of a run, without weights."""
    return MODELS[config.model](len(facts.class_names))


@contextlib.contextmanager
def fits(config: TrainConfig, facts: Facts) -> Iterator[None]:
    """A network that cannot take its images is the user's error, in one sentence."""
    try:
        yield
    except UserError:
        raise
    except (ValueError, TypeError) as error:
        size = "×".join(map(str, facts.image_shape))
        raise UserError(f"{config.model} cannot take images of {size}: {error}") from None


def load_trained(record: Record, facts: Facts, *, best: bool = False) -> Trained:
    """The network of a run with the weights of its last checkpoint, or of its best one.

    Raises:
        UserError: if there is no checkpoint, or it is damaged or of another model.
    """
    config, folder = record.config, record.folder.checkpoints
    model = model_of(config, facts)
    with fits(config, facts):
        like = _shapes(model, config, facts)
    if not folder.is_dir():
        raise UserError("the run has no checkpoint yet")
    with Checkpoints(folder, best_by=config.best_by, read_only=True) as checkpoints:
        moment = checkpoints.restore(like, best=best)
    if moment is None:
        raise UserError("the run has no checkpoint yet")
    return Trained(model, moment.state.params, moment.state.model_state, moment.epoch - 1)


def _shapes(model: Layer, config: TrainConfig, facts: Facts) -> TrainState:
    """A state of the right shapes; to draw real parameters would take most of a report's time."""

    def fresh(key: jax.Array) -> TrainState:
        return init_state(model, make_optimizer(config, 1), key, (1, *facts.image_shape))

    here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=here),
        jax.eval_shape(fresh, jax.random.key(0)),
    )


def score(trained: Trained, split: Split) -> Scores:
    """What the network says of every image of ``split``."""

    @jax.jit
    def logits_of(params: Params, state: State, images: jax.Array) -> jax.Array:
        return trained.model.apply(params, state, images)[0]

    size = min(_BATCH, len(split))
    pieces = []
    for start in range(0, len(split), size):
        images = split.images[start : start + size]
        # One compiled program: the last batch is filled up, and the filling thrown away.
        filled = np.concatenate([images, np.zeros_like(split.images[: size - len(images)])])
        logits = logits_of(trained.params, trained.model_state, jnp.asarray(filled))
        pieces.append(np.asarray(logits, np.float32)[: len(images)])
    logits = np.concatenate(pieces)
    labels: Int32[np.ndarray, " n"] = np.asarray(split.labels)
    return Scores(
        labels,
        logits.argmax(-1),
        np.asarray(jax.nn.softmax(logits)),
        np.asarray(optax.softmax_cross_entropy_with_integer_labels(jnp.asarray(logits), labels)),
    )
