"""Linen modules of the tests."""

import flax.linen as nn
import jax
import jax.numpy as jnp


class Net(nn.Module):
    """A convolution, batch normalization, dropout and a second random stream."""

    classes: int = 10
    rate: float = 0.5

    @nn.compact
    def __call__(self, x, train: bool = False):
        x = nn.Conv(4, (3, 3), strides=2)(x)
        x = nn.BatchNorm(use_running_average=not train, momentum=0.8)(x)
        x = nn.Dropout(self.rate, deterministic=not train)(nn.relu(x))
        return nn.Dense(self.classes)(x.mean((1, 2)))


class Deterministic(nn.Module):
    """Batch normalization and dropout, each with a switch of its own."""

    @nn.compact
    def __call__(self, x, *, deterministic, use_running_average):
        x = nn.BatchNorm(use_running_average=use_running_average)(x)
        return nn.Dropout(0.5, deterministic=deterministic)(x)


class Noise(nn.Module):
    """Two random streams that would be equal if they had one key."""

    @nn.compact
    def __call__(self, x, *, is_training):
        if not is_training:
            return x
        draws = [jax.random.bits(self.make_rng(name), x.shape) for name in ("dropout", "noise")]
        return (draws[0] != draws[1]).astype(jnp.float32)


class Cached(nn.Module):
    @nn.compact
    def __call__(self, x):
        self.variable("cache", "last", lambda: x)
        return nn.Dense(3)(x)


class TwoInputs(nn.Module):
    def __call__(self, x, mask):
        return x * mask


class Tuple(nn.Module):
    def __call__(self, x):
        return x, x
