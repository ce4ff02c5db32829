"""A model that a run has trained, ready to be used."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32

from jaxcnn.data import Transform
from jaxcnn.layers import Layer, Params, State, fold_batch_norm
from jaxcnn.models import MODELS
from jaxcnn.runs.checkpoints import Checkpoints, Moment
from jaxcnn.runs.config import TrainConfig, UserError
from jaxcnn.runs.folder import RunFolder, read_config
from jaxcnn.runs.formats import DESCRIBED, LARGEST_IMAGE, read_saved
from jaxcnn.runs.job import fresh_state
from jaxcnn.training.optimizers import make_optimizer
from jaxcnn.training.state import tree_sha256
from jaxcnn.version import __version__

_AT_ONCE = 256
"""Images that are put through a model at once, so that many need no more memory."""


class Facts(NamedTuple):
    """What a run's model takes and gives.

    Attributes:
        image_shape: ``(h, w, c)`` of the training images.
        class_names: one name per class, in the order of the model's outputs.
        transform: what was done to the raw pixels of the training data.
    """

    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    transform: Transform


class Trained(NamedTuple):
    """What a run has come to.

    Attributes:
        model: the network.
        params: its trained parameters.
        model_state: its running statistics.
        config: what the run was told.
        facts: what goes in and comes out.
        epochs: how many epochs it was trained for, a part of one left out.
        batches: how many batches of the next epoch it was trained for besides.
    """

    model: Layer
    params: Params
    model_state: State
    config: TrainConfig
    facts: Facts
    epochs: int
    batches: int = 0

    @property
    def card(self) -> dict[str, Any]:
        """What someone without the run must know to use the model, as JSON can hold it."""
        return {
            "jaxcnn": __version__,
            "model": self.config.model,
            "dataset": self.config.dataset,
            "class_names": list(self.facts.class_names),
            "image_shape": list(self.facts.image_shape),
            "transform": dataclasses.asdict(self.facts.transform),
            "epochs": self.epochs,
            "parameters_sha256": tree_sha256(self.params),
        }

    def probabilities(self, images: Float32[np.ndarray, "n h w c"]) -> Float32[np.ndarray, "n k"]:
        """The probability of each class for each image in [0, 1]; each row sums to 1."""
        model, params, state = fold_batch_norm(self.model, self.params, self.model_state)

        @jax.jit
        def softmax(params: Params, state: State, images: jax.Array) -> jax.Array:
            logits, _ = model.apply(params, state, images)
            return jax.nn.softmax(logits)

        pieces = [
            softmax(params, state, jnp.asarray(images[start : start + _AT_ONCE]))
            for start in range(0, max(len(images), 1), _AT_ONCE)
        ]
        return np.concatenate(pieces)


def load_trained(folder: RunFolder, *, best: bool = False, facts: Facts | None = None) -> Trained:
    """The model of a run, with the parameters of a checkpoint; its data are not needed.

    Args:
        folder: the run.
        best: whether to take the best checkpoint by the run's ``best_by``, and not the last.
        facts: what is known of its data; left out, what the run has written down.

    Raises:
        UserError: if the folder holds no run, or its config or checkpoint cannot be read, or no
            checkpoint was scored and the best is asked for.
    """
    config = read_config(folder)
    facts = facts or read_facts(folder)
    model, moment = _restored(folder, config, facts, best=best)
    params, state, epochs = moment.state.params, moment.state.model_state, moment.epoch - 1
    return Trained(model, params, state, config, facts, epochs, moment.batch)


def read_facts(folder: RunFolder) -> Facts:
    """What ``config.json`` says of the data, which may come from anywhere.

    Raises:
        UserError: if it cannot be read, or says what cannot be.
    """
    content = read_saved(folder.config)
    try:
        DESCRIBED.check(content, "")
        shape, names = content["data"]["image_shape"], content["data"]["class_names"]
        if math.prod(shape) > LARGEST_IMAGE:
            raise ValueError(
                f"data.image_shape must be of at most {LARGEST_IMAGE:,} numbers, got {shape}"
            )
        return Facts(tuple(shape), tuple(names), Transform(**content["transform"]))
    except (ValueError, TypeError) as error:
        raise UserError(f"{folder.config} is damaged: {error}") from None


def _restored(
    folder: RunFolder, config: TrainConfig, facts: Facts, *, best: bool
) -> tuple[Layer, Moment]:
    """The network of a run, and one of its checkpoints."""
    shape, classes = facts.image_shape, len(facts.class_names)
    # Nothing is computed or allocated to learn what a checkpoint must hold.
    like = jax.eval_shape(lambda: fresh_state(config, make_optimizer(config, 1), shape, classes)[1])
    moment = None
    if folder.checkpoints.is_dir():
        with Checkpoints(folder.checkpoints, best_by=config.best_by, read_only=True) as checkpoints:
            moment = checkpoints.restore(like, best=best)
    if moment is None:
        raise UserError(f"{folder.path} has no checkpoint yet")
    return MODELS[config.model](classes), moment
