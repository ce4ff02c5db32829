"""Optimizers and learning-rate schedules, all from optax."""

from typing import Any

import jax
import optax

from jaxcnn.runs.config import TrainConfig


def make_schedule(config: TrainConfig, total_steps: int) -> optax.Schedule:
    """The learning rate at each step: a warm-up, then the fall that ``config`` names.

    Args:
        config: the training config.
        total_steps: the number of steps of the whole run.

    Returns:
        A function of the step.
    """
    rate, warmup = config.recipe.lr, config.warmup_steps
    steps = max(total_steps - warmup, 1)
    half, three_quarters = steps // 2, max(3 * steps // 4, steps // 2 + 1)
    if config.schedule == "cosine":
        fall = optax.cosine_decay_schedule(rate, steps)
    elif config.schedule == "linear":
        fall = optax.linear_schedule(rate, 0.0, steps)
    elif config.schedule == "step":
        fall = optax.piecewise_constant_schedule(rate, {half: 0.1, three_quarters: 0.1})
    else:
        fall = optax.constant_schedule(rate)
    if warmup == 0:
        return fall
    return optax.join_schedules([optax.linear_schedule(0.0, rate, warmup), fall], [warmup])


def make_optimizer(config: TrainConfig, total_steps: int) -> optax.GradientTransformation:
    """The optimizer that ``config`` names: clip, then the rule, then decay, then the rate.

    Args:
        config: the training config.
        total_steps: the number of steps of the whole run, which schedules depend on.

    Returns:
        An optax transformation. Weight decay is decoupled for every rule (Loshchilov and
        Hutter, "Decoupled Weight Decay Regularization", 2019); for plain SGD that is L2. It
        leaves biases and the scales of normalizations alone, unless ``decay_all`` is set.
    """
    rules = {
        "sgd": optax.identity,
        "momentum": lambda: optax.trace(config.momentum),
        "adam": optax.scale_by_adam,
        "adamw": optax.scale_by_adam,
    }
    parts = [rules[config.recipe.optimizer]()]
    if config.clip_norm is not None:
        parts.insert(0, optax.clip_by_global_norm(config.clip_norm))
    if config.decay:
        parts.append(add_decay(config.decay, everywhere=config.decay_all))
    parts.append(optax.scale_by_learning_rate(make_schedule(config, total_steps)))
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
        opt_state: of `make_optimizer`, whose last part counts the updates.
    """
    return float(schedule(max(int(opt_state[-1].count) - 1, 0)))
