"""Optimizers and learning-rate schedules, all from optax."""

from collections.abc import Callable
from typing import Any

import jax
import optax

RULES: dict[str, Callable[[float], optax.GradientTransformation]] = {
    "sgd": lambda momentum: optax.identity(),
    "momentum": lambda momentum: optax.trace(momentum),
    "adam": lambda momentum: optax.scale_by_adam(),
    "adamw": lambda momentum: optax.scale_by_adam(),
}
"""The optimizers by name, without learning rate and weight decay."""


FALLS: dict[str, Callable[[Any, int], optax.Schedule]] = {
    "constant": lambda rate, steps: optax.constant_schedule(rate),
    "cosine": lambda rate, steps: optax.cosine_decay_schedule(rate, steps),
    "linear": lambda rate, steps: optax.linear_schedule(rate, 0.0, steps),
    "step": lambda rate, steps: optax.piecewise_constant_schedule(
        rate, {steps // 2: 0.1, max(3 * steps // 4, steps // 2 + 1): 0.1}
    ),
}
"""How a learning rate falls over some steps, by the names of the schedules."""


def make_schedule(
    rate: Any, total_steps: int, *, schedule: str = "constant", warmup_steps: int = 0
) -> optax.Schedule:
    """The learning rate at each step: a warm-up, then the fall that is named.

    Args:
        rate: the learning rate, a number or a traced array.
        total_steps: the number of steps of the whole training.
        schedule: ``"constant"``, ``"cosine"`` or ``"linear"`` (both to zero), or ``"step"`` (a
            tenth after half of the steps, a hundredth after three quarters).
        warmup_steps: over which the rate rises linearly from zero.

    Returns:
        A function of the step.

    >>> float(make_schedule(0.1, 100, schedule="linear")(50))
    0.05...
    """
    fall = FALLS[schedule](rate, max(total_steps - warmup_steps, 1))
    if warmup_steps == 0:
        return fall
    rise = optax.linear_schedule(0.0, rate, warmup_steps)
    return optax.join_schedules([rise, fall], [warmup_steps])


def make_optimizer(
    name: str,
    schedule: optax.Schedule,
    *,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    decay_all: bool = False,
    clip_norm: float | None = None,
) -> optax.GradientTransformation:
    """The optimizer of a name: clip, then the rule, then decay, then the rate.

    Args:
        name: one of `RULES`.
        schedule: the learning rate at each step.
        momentum: of ``"momentum"``.
        weight_decay: decoupled for every rule (Loshchilov and Hutter, "Decoupled Weight Decay
            Regularization", 2019); for plain SGD that is L2.
        decay_all: whether it shrinks biases and the scales of normalizations, too.
        clip_norm: the largest norm of the whole gradient; left out, it is not clipped.

    Returns:
        An optax transformation, whose last part counts the updates.
    """
    parts = [RULES[name](momentum)]
    if clip_norm is not None:
        parts.insert(0, optax.clip_by_global_norm(clip_norm))
    if weight_decay:
        parts.append(add_decay(weight_decay, everywhere=decay_all))
    parts.append(optax.scale_by_learning_rate(schedule))
    return optax.chain(*parts)


def add_decay(rate: float, *, everywhere: bool = False) -> optax.GradientTransformation:
    """Add ``rate`` times each parameter to its update.

    Args:
        rate: the weight decay.
        everywhere: whether biases and scales shrink, too. They are few, so that there is little
            to regularize, and a scale of zero turns its channel off.

    Returns:
        An optax transformation without state.
    """

    def decayed(path: tuple[Any, ...], update: jax.Array, parameter: jax.Array) -> jax.Array:
        return update + rate * parameter if everywhere or decays(path, parameter) else update

    def update(updates: Any, params: Any) -> Any:
        return jax.tree_util.tree_map_with_path(decayed, updates, params)

    return optax.stateless(update)


def decays(path: tuple[Any, ...], parameter: jax.Array) -> bool:
    """Whether a parameter is one that weight decay is meant for: a kernel.

    Args:
        path: the keys that lead to it.
        parameter: its array; of one axis are biases, scales and the like.
    """
    name = getattr(path[-1], "key", None) if path else None
    return parameter.ndim > 1 and name not in ("bias", "scale")


def learning_rate(schedule: optax.Schedule, opt_state: Any) -> float:
    """The rate of the last update.

    Args:
        schedule: the run's, from `make_schedule`.
        opt_state: of `make_optimizer`, whose last part counts the updates; where parameters are
            frozen, it is the masked one.
    """
    state = opt_state.inner_state if isinstance(opt_state, optax.MaskedState) else opt_state
    return float(schedule(max(int(state[-1].count) - 1, 0)))
