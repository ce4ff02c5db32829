"""Freezes a part of a model: its parameters do not change, and its statistics stay."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import jax
import optax

from jaxcnn.errors import UserError
from jaxcnn.layers import BatchNorm, Layer, Params, is_a
from jaxcnn.layers.transformation import map_paths
from jaxcnn.names import unknown


def parameter_paths(tree: Params, prefix: str = "") -> list[str]:
    """The paths of the parameters of a model, in the order in which they are drawn.

    >>> parameter_paths({"conv": {"kernel": 1, "bias": 2}, "scale": 3})
    ['conv/kernel', 'conv/bias', 'scale']
    """
    paths: list[str] = []
    for name, part in tree.items():
        nested = isinstance(part, dict)
        paths += parameter_paths(part, f"{prefix}{name}/") if nested else [f"{prefix}{name}"]
    return paths


def is_frozen(path: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns matches a path; ``*`` stands for slashes, too.

    >>> is_frozen("layer1/0/conv1/kernel", ["layer1/*"])
    True
    """
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def check_patterns(patterns: Sequence[str], paths: Sequence[str]) -> None:
    """Refuse patterns that freeze nothing, and patterns that leave nothing to train.

    Raises:
        UserError: naming the pattern, with the nearest names.
    """
    groups = {path.rpartition("/")[0] for path in paths}
    known = {*paths, *(f"{group}/*" for group in groups if group)}
    for pattern in patterns:
        if not any(fnmatchcase(path, pattern) for path in paths):
            raise UserError(f"--freeze: {unknown('pattern of parameters', pattern, known)}")
    if patterns and all(is_frozen(path, patterns) for path in paths):
        raise UserError(f"--freeze {' '.join(patterns)} leaves no parameter to train")


def freeze_model(model: Layer, patterns: Sequence[str]) -> Layer:
    """The model with frozen parameters, which have no gradient.

    Args:
        model: the model.
        patterns: of the paths of parameters. A batch normalization whose running mean's path one
            of them matches, as ``"layer1/*"`` does all in ``layer1``, keeps its statistics and
            normalizes by them. In modules of other libraries it does not.

    Returns:
        A model with the same parameters and state.
    """

    def change(path: tuple[str, ...], part: Layer) -> Layer:
        if not (is_a(part, BatchNorm) and is_frozen("/".join((*path, "mean")), patterns)):
            return part

        def apply(params: Any, state: Any, x: Any, *, train: bool = False, key: Any = None) -> Any:
            return part.apply(params, state, x, train=False, key=key)

        return part._replace(apply=apply)  # still known as a normalization

    still = map_paths(model, change)

    def apply(params: Params, state: Any, x: Any, *, train: bool = False, key: Any = None) -> Any:
        stopped = jax.tree.map(
            lambda leaf, learned: leaf if learned else jax.lax.stop_gradient(leaf),
            params,
            _learned(params, patterns),
        )
        return still.apply(stopped, state, x, train=train, key=key)

    return Layer(model.init, apply)


def freeze_optimizer(
    optimizer: optax.GradientTransformation, patterns: Sequence[str]
) -> optax.GradientTransformation:
    """The optimizer of the other parameters; for frozen ones it keeps no state.

    Args:
        optimizer: an optax transformation.
        patterns: of the paths of frozen parameters.

    Returns:
        A transformation of all parameters, whose state is that of ``optimizer``.
    """
    # A frozen parameter has no gradient; what is masked is passed on, and changes nothing.
    return optax.masked(optimizer, lambda tree: _learned(tree, patterns))


def _learned(tree: Any, patterns: Sequence[str]) -> Any:
    """For each parameter, whether it is trained."""

    def learned(path: Any, leaf: Any) -> bool:
        return not is_frozen("/".join(step.key for step in path), patterns)

    return jax.tree_util.tree_map_with_path(learned, tree)
