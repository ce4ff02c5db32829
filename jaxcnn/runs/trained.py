"""A model that a run has trained, ready to be used."""

import dataclasses
import math
import os
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float32

from jaxcnn.data import Dataset, Transform
from jaxcnn.errors import UserError
from jaxcnn.layers import Layer, Params, State, fold_batch_norm
from jaxcnn.runs.checkpoints import Checkpoints
from jaxcnn.runs.config import TrainConfig, check_settings
from jaxcnn.runs.config_file import read_config
from jaxcnn.runs.devices import use_platform
from jaxcnn.runs.digests import tree_sha256
from jaxcnn.runs.folder import RunFolder
from jaxcnn.runs.formats import DESCRIBED, LARGEST_IMAGE, read_saved
from jaxcnn.runs.job import announce, as_trained, load_data, optimizer_of
from jaxcnn.runs.log import say
from jaxcnn.runs.metrics_file import read_metrics
from jaxcnn.runs.model import (
    ModelMaker,
    check_same_model,
    check_shapes,
    find_model,
    is_own,
    maker_of,
)
from jaxcnn.runs.normalization import Normalization, saved_normalization
from jaxcnn.runs.result import Result
from jaxcnn.training import Moment, Totals, init_state
from jaxcnn.training.evaluation import logits_of, score_of
from jaxcnn.training.totals import means
from jaxcnn.version import __version__


class Facts(NamedTuple):
    """What a run's model takes and gives.

    Attributes:
        image_shape: ``(h, w, c)`` of the training images.
        class_names: one name per class, in the order of the model's outputs.
        transform: what was done to the raw pixels of the training data.
        normalization: what the model normalizes images by; ``None`` for nothing.
    """

    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    transform: Transform
    normalization: Normalization | None = None


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
        step: how many steps it was trained for.
    """

    model: Layer
    params: Params
    model_state: State
    config: TrainConfig
    facts: Facts
    epochs: int
    batches: int = 0
    step: int = 0

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
            **_normalizing(self.facts.normalization),
            "epochs": self.epochs,
            "parameters_sha256": tree_sha256(self.params),
        }

    def probabilities(self, images: Float32[np.ndarray, "n h w c"]) -> Float32[np.ndarray, "n k"]:
        """The probability of each class for each image in [0, 1]; each row sums to 1."""
        folded = fold_batch_norm(self.model, self.params, self.model_state)
        return np.asarray(jax.nn.softmax(logits_of(*folded, images)))


def load_trained(
    folder: RunFolder,
    *,
    best: bool = False,
    facts: Facts | None = None,
    maker: ModelMaker | None = None,
) -> Trained:
    """The model of a run, with the parameters of a checkpoint; its data are not needed.

    Args:
        folder: the run.
        best: whether to take the best checkpoint by the run's ``best_by``, and not the last.
        facts: what is known of its data; left out, what the run has written down.
        maker: makes a model of the user's own.

    Raises:
        UserError: if the folder holds no run, or its config or checkpoint cannot be read, or no
            checkpoint was scored and the best is asked for.
    """
    config = read_config(folder)
    facts = facts or read_facts(folder)
    model, moment = _restored(folder, config, facts, best=best, maker=maker)
    params, state, epochs = moment.state.params, moment.state.model_state, moment.epoch - 1
    return Trained(model, params, state, config, facts, epochs, moment.batch, moment.step)


def load(
    folder: str | os.PathLike[str] | RunFolder,
    *,
    best: bool = False,
    model: Layer | str | None = None,
) -> tuple[Layer, Params, State]:
    """The model of a run with its trained parameters and running statistics.

    Args:
        folder: the run folder.
        best: whether to take the best checkpoint on validation images, and not the last one.
        model: a model of the user's own, or ``"FILE.py:function"`` that makes it; left out, the
            run's, which must be one that jaxcnn has by name.

    Raises:
        UserError: as `load_trained`.

    >>> import tempfile
    >>> from jaxcnn.layers import Dense, Flatten, Sequential
    >>> from jaxcnn.runs.log import quiet
    >>> model = Sequential(Flatten(), Dense(10))
    >>> with tempfile.TemporaryDirectory() as folder, quiet():
    ...     result = jc.runs.train(model, epochs=1, run_dir=f"{folder}/run")
    ...     model, params, state = jc.runs.load(f"{folder}/run", model=model)
    >>> sorted(params)
    ['1']
    """
    run = folder if isinstance(folder, RunFolder) else RunFolder(Path(folder))
    trained = load_trained(run, best=best, maker=maker_of(model))
    return trained.model, trained.params, trained.model_state


def evaluate(
    folder: RunFolder,
    config: TrainConfig,
    *,
    best: bool = False,
    maker: ModelMaker | None = None,
) -> Result:
    """Score the last checkpoint of a run, or its best one, on every test image.

    Args:
        folder: the run.
        config: its config, from `read_config`; another ``data_dir`` or ``platform`` is fine.
        best: whether to take the best checkpoint by the run's ``best_by``.
        maker: makes a model of the user's own.

    Returns:
        The scores; the speed is that of the scoring, without the compilation.

    Raises:
        UserError: if the run has no checkpoint, or no best one, or none can be read.
        jaxcnn.data.DataError: if the data cannot be had.
    """
    check_settings(config)
    use_platform(config.platform)
    # Says at once if it is not there.
    find_model(config.model, 2, maker, options=config.model_options)
    data = load_data(config)
    announce(data)
    facts = facts_of_data(data, folder)
    trained = load_trained(folder, best=best, facts=facts, maker=maker)
    which = f"the best by {config.best_by}" if best else "the last one"
    say(f"checkpoint: step {trained.step:,}, {which}")
    scores: dict[str, float] = {}
    images, seconds = 0, 0.0
    for name, split in data.scored.items():
        score, its = score_of(trained.model, trained.params, trained.model_state, split.load())
        scores |= means(name, score.totals, data.num_classes)
        images, seconds = images + len(split), seconds + its
    return Result(
        trained.params,
        trained.model_state,
        list(read_metrics(folder)),
        scores,
        images / max(seconds, 1e-9),
        tree_sha256(trained.params),
        folder,
    )


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
        transform = Transform(**content["transform"])
        if transform.size not in (None, tuple(shape[:2])):
            raise ValueError(f"transform.size must be that of the images, {shape[:2]}")
        normalization = saved_normalization(content, shape[2])
        return Facts(tuple(shape), tuple(names), transform, normalization)
    except (ValueError, TypeError) as error:
        raise UserError(f"{folder.config} is damaged: {error}") from None


def facts_of_data(data: Dataset, folder: RunFolder) -> Facts:
    """What the model of a run takes and gives, where its data are at hand.

    Args:
        data: the data.
        folder: the run, which has written down what images are normalized by.

    Raises:
        UserError: if ``config.json`` cannot be read, or says what cannot be.
    """
    try:
        normalization = saved_normalization(read_saved(folder.config), data.image_shape[2])
    except ValueError as error:
        raise UserError(f"{folder.config} is damaged: {error}") from None
    return Facts(data.image_shape, data.class_names, data.transform, normalization)


def _normalizing(normalization: Normalization | None) -> dict[str, Any]:
    """What is said of a normalization; nothing, where there is none."""
    return {} if normalization is None else {"normalization": normalization.facts}


def _restored(
    folder: RunFolder,
    config: TrainConfig,
    facts: Facts,
    *,
    best: bool,
    maker: ModelMaker | None,
) -> tuple[Layer, Moment]:
    """The network of a run, and one of its checkpoints."""
    classes = len(facts.class_names)
    model = find_model(config.model, classes, maker, options=config.model_options)
    if is_own(config.model):
        saved = read_saved(folder.config)
        check_same_model(model, "the --model that was given", saved, folder.path)
    model = as_trained(model, config, facts.normalization)
    check_shapes(model, config.model, facts.image_shape, classes, 1)
    moment = None
    if folder.checkpoints.is_dir():
        with Checkpoints(folder.checkpoints, best_by=config.best_by, read_only=True) as checkpoints:
            like = jax.eval_shape(lambda: model.init(jax.random.key(0), (1, *facts.image_shape)))
            moment = checkpoints.restore_model(
                dict(zip(("params", "model_state"), like, strict=True)),
                lambda: _like(model, config, facts),
                best=best,
            )
    if moment is None:
        raise UserError(f"{folder.path} has no checkpoint yet")
    return model, moment


def _like(model: Layer, config: TrainConfig, facts: Facts) -> Any:
    """The shapes of a state and of totals, as an older jaxcnn saved them."""
    optimizer = optimizer_of(config, 1)(1.0)
    shape = (1, *facts.image_shape)
    return jax.eval_shape(
        lambda: (init_state(model, optimizer, jax.random.key(0), shape), Totals.zero())
    )
