"""A run from Python: a model, data and an optimizer as names or as objects."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import optax

from jaxcnn.data import Dataset
from jaxcnn.data.given import Pairs, dataset_of
from jaxcnn.errors import UserError
from jaxcnn.layers import Layer
from jaxcnn.runs.config import OWN, TrainConfig
from jaxcnn.runs.job import Own
from jaxcnn.runs.model import maker_of
from jaxcnn.runs.result import Result
from jaxcnn.runs.settings import FLAGS_ONLY, with_values
from jaxcnn.runs.single import run
from jaxcnn.training import cross_entropy
from jaxcnn.training.losses import Loss


def train(
    model: Layer | str = "lenet",
    data: Dataset | str | Pairs = "digits",
    *,
    optimizer: optax.GradientTransformation | str | None = None,
    loss: Loss | None = None,
    metrics: Sequence[Callable[[jax.Array, jax.Array], jax.Array]] = (),
    **settings: Any,
) -> Result:
    """Train a model, and give back what it has learned.

    Args:
        model: a layer that gives logits, the name of one that jaxcnn has, or
            ``"FILE.py:function"``, a function from the number of classes to a layer.
        data: a data set, the name of one, or pairs of arrays: images ``(n, h, w, c)`` and labels
            ``(n,)`` to learn from, and a second pair to test on.
        optimizer: an optax transformation, or a name (``"sgd"``, ``"momentum"``, ``"adam"``,
            ``"adamw"``); left out, what suits the data.
        loss: ``(logits, labels) -> (n,)``, one number for each example; left out, the softmax
            cross-entropy. With mixup, labels are distributions over the classes.
        metrics: further numbers for each example, ``(logits, labels) -> (n,)``, which the
            history has as means under the functions' names.
        settings: any of `TrainConfig`'s, such as ``epochs=10``, ``batch_size=64``, ``lr=0.01``,
            ``seed=1``, ``validation=0.1``, ``run_dir="runs/mine"``, ``resume=True``. Without
            ``run_dir`` nothing is written.

    Returns:
        The parameters, the metrics of each epoch and the scores after the last one.

    Raises:
        UserError: in one sentence, if something cannot be meant or does not fit together.
        jaxcnn.data.DataError: if the data cannot be had.

    >>> import optax
    >>> from jaxcnn.layers import Dense, Flatten, Sequential
    >>> from jaxcnn.runs.log import quiet
    >>> with quiet():
    ...     model = Sequential(Flatten(), Dense(10))
    ...     result = jc.runs.train(model, "digits", optimizer=optax.adam(1e-3), epochs=1)
    >>> result.history[0]["epoch"], sorted(result.params)
    (1, ['1'])
    """
    flags = {name: settings.pop(name) for name in FLAGS_ONLY & settings.keys()}
    named: dict[str, Any] = {
        "model": OWN if isinstance(model, Layer) else model,
        "dataset": data if isinstance(data, str) else OWN,
    }
    if isinstance(optimizer, str):
        named["optimizer"] = optimizer
    config = with_values(TrainConfig(), {**named, **settings}, "train")
    config = dataclasses.replace(config, **flags)
    own = Own(
        maker_of(model),
        None if isinstance(data, str) else dataset_of(data, config.data),
        None if optimizer is None or isinstance(optimizer, str) else optimizer,
        loss or cross_entropy,
        _named(metrics),
    )
    return run(config, own, written=config.run_dir is not None)


def _named(metrics: Sequence[Any]) -> dict[str, Any] | None:
    """Metrics by the names of their functions."""
    found: dict[str, Any] = {}
    for metric in metrics:
        name = getattr(metric, "__name__", "")
        if not name.isidentifier() or name in found:
            raise UserError(f"train: each of `metrics` needs a name of its own, got {name!r}")
        found[name] = metric
    return found or None
