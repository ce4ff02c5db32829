"""What is to be learned and by whom: a task, and the members that learn it."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxcnn.data import Split, StreamedSplit
from jaxcnn.layers import Layer
from jaxcnn.training.augmentation import Augment
from jaxcnn.training.losses import Loss, cross_entropy
from jaxcnn.training.state import Keys, TrainState, init_state, keys_of
from jaxcnn.training.step import Step, make_train_step
from jaxcnn.training.totals import Metrics


class Task(NamedTuple):
    """What is to be learned, from what and how.

    Attributes:
        model: the network; it gives logits.
        optimizer: ``rate -> optax transformation``, so that one program serves several learning
            rates. One that has its own rate ignores the argument.
        train_set: the examples to learn from, in memory or streamed.
        scored: the splits that are scored, by name, in memory or streamed.
        batch_size: examples per step; at most the size of the training set is used.
        loss: one number for each example.
        metrics: further ones, summed in training and in scores.
        augment: changes the images of a step.
        at_most: how many examples of a batch are computed at once; left out, all of them.
        scales_loss: whether the loss is scaled, as a model that computes in float16 needs it.
        skip_nonfinite: whether steps that are not finite are left out.
        average: the decay of a moving average of the parameters, which is scored in their place.
        given: parameters and statistics to begin with in place of drawn ones, by their paths.
    """

    model: Layer
    optimizer: Callable[[Any], optax.GradientTransformation]
    train_set: Split | StreamedSplit
    scored: Mapping[str, Split | StreamedSplit]
    batch_size: int
    loss: Loss = cross_entropy
    metrics: Metrics | None = None
    augment: Augment | None = None
    at_most: int | None = None
    scales_loss: bool = False
    skip_nonfinite: bool = False
    average: float | None = None
    given: Mapping[str, Any] | None = None

    @property
    def full_batches(self) -> int:
        """How many batches of a pass are full."""
        return len(self.train_set) // min(self.batch_size, len(self.train_set))

    @property
    def steps(self) -> int:
        """How many batches a pass has, a smaller last one among them."""
        return -(-len(self.train_set) // min(self.batch_size, len(self.train_set)))

    def start(self, member: "Members", given: Mapping[str, Any] | None = None) -> TrainState:
        """What a member begins with, ``given`` being the values of the task's ``given``."""
        shape = (1, *self.train_set.image_shape)
        optimizer = self.optimizer(member.rates)
        return init_state(
            self.model,
            optimizer,
            member.keys.init,
            shape,
            given,
            average=self.average is not None,
            scales_loss=self.scales_loss,
        )

    def step(self, member: "Members") -> Step:
        """The training step of a member."""
        return make_train_step(
            self.model,
            self.optimizer(member.rates),
            member.keys.noise,
            loss=self.loss,
            metrics=self.metrics,
            augment=self.augment,
            at_most=self.at_most,
            skip_nonfinite=self.skip_nonfinite,
            average=self.average,
        )


class Members(NamedTuple):
    """What tells the members of a training apart.

    Attributes:
        keys: their random streams.
        rates: their learning rates, float32. Of a single run it is one number; else it, and each
            array of ``keys``, has an axis of members in front.
    """

    keys: Keys
    rates: jax.Array

    @property
    def size(self) -> int | None:
        """How many there are; ``None`` for a single run, whose arrays have no such axis."""
        return self.rates.shape[0] if self.rates.ndim else None


def members_of(pairs: Sequence[tuple[int, float]]) -> Members:
    """Members from seeds and learning rates; the random streams are those of single runs."""
    members = [single(seed, rate) for seed, rate in pairs]
    return jax.tree.map(lambda *each: jnp.stack(each), *members)


def single(seed: int, rate: float = math.nan) -> Members:
    """The one member of a single run."""
    return Members(keys_of(seed), jnp.float32(rate))
