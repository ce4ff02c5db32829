"""Converts parameters to and from a ``state_dict`` of torch."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.interop.errors import InteropError
from jaxcnn.interop.export_graph import Graph
from jaxcnn.interop.layer_rules import graph_of
from jaxcnn.interop.safetensors_file import named
from jaxcnn.interop.weight_files import Weights, as_array
from jaxcnn.layers import Layer, Params, State
from jaxcnn.names import did_you_mean


def to_state_dict(
    model: Layer, params: Params, state: State, input_shape: Sequence[int]
) -> dict[str, np.ndarray]:
    """Convert parameters and running statistics to torch's names and order of axes.

    The path ``layer1/0/conv1/kernel`` becomes ``layer1.0.conv1.weight``. Kernels are ``(out, in,
    …window)``, and the rows of a dense kernel after a `Flatten` are in the order in which torch
    flattens images, channels first. Arrays that only torch stores (``num_batches_tracked``, the
    zeros of a normalization without a bias) are added.

    Args:
        model: the model.
        params: its parameters.
        state: its running statistics.
        input_shape: the shape of a batch.

    Returns:
        NumPy arrays, of which ``torch.from_numpy`` makes tensors.

    Raises:
        ValueError: if a layer with parameters is not of this package.

    >>> from jaxcnn.layers import Conv2d, Sequential
    >>> model = Sequential(conv=Conv2d(8, 3))
    >>> params, state = model.init(jax.random.key(0), (1, 8, 8, 4))
    >>> arrays = to_state_dict(model, params, state, (1, 8, 8, 4))
    >>> {name: array.shape for name, array in arrays.items()}
    {'conv.weight': (8, 4, 3, 3), 'conv.bias': (8,)}
    """
    graph = _known(graph_of(model, params, state, tuple(input_shape)))
    return {
        name: np.array(array, order="C")
        for step in graph.steps
        for name, array in step.named.items()
    }


def from_torch(
    model: Layer,
    state_dict: Mapping[str, Any],
    input_shape: Sequence[int],
    *,
    skip: Iterable[str] = (),
    start: tuple[Params, State] | None = None,
) -> tuple[Params, State]:
    """Convert a torch module's ``state_dict`` to parameters and running statistics.

    Args:
        model: the model, its layers named as the module's.
        state_dict: torch's tensors or NumPy arrays by name, or what `load_weights` has read; a
            file of this package has its own names (``conv1/kernel``), and suits layers of one's
            own, too.
        input_shape: the shape of a batch, which says how a `Flatten`'s images are.
        skip: patterns of names that are left out on both sides, ``"aux*"`` or ``"fc.*"``, for
            example. What the model has of them stays as it is in ``start``.
        start: parameters and running statistics that the skipped ones are taken from; left out,
            they are drawn with ``jax.random.key(0)``.

    Returns:
        ``(params, state)`` for ``model``, in float32.

    Raises:
        ValueError: if names are missing, are left over or have another shape; all of them are
            listed, with the nearest names. Also if a layer with parameters is not of this package
            and the names are torch's.

    >>> from jaxcnn.layers import Dense
    >>> weights = {"weight": np.ones((3, 2)), "bias": np.zeros(3)}
    >>> params, state = from_torch(Dense(3), weights, (1, 2))
    >>> params["kernel"].shape
    (2, 3)
    """
    shape = tuple(input_shape)
    shapes = jax.eval_shape(lambda key: model.init(key, shape), jax.random.key(0))
    leaves, tree = jax.tree.flatten(shapes)
    ends = np.cumsum([0, *(leaf.size for leaf in leaves)]).tolist()
    # Each parameter is traced with the positions of its numbers in place of the numbers.
    places = [
        np.arange(first, stop).reshape(leaf.shape)
        for first, stop, leaf in zip(ends, ends[1:], leaves, strict=False)
    ]
    params, state = jax.tree.unflatten(tree, places)
    skip = tuple(skip)
    paths = _has_paths(state_dict, skip)
    targets = _by_path(params, state) if paths else _by_name(model, params, state, shape)
    numbers, filled = _filled(targets, state_dict, skip, ends[-1])
    if not filled.all():
        if start is None:
            start = jax.jit(lambda key: model.init(key, shape))(jax.random.key(0))
        old = [np.ravel(leaf) for leaf in jax.tree.leaves(start)]
        numbers = np.where(filled, numbers, np.concatenate(old))
    params, state = jax.tree.unflatten(tree, [jnp.asarray(numbers[place]) for place in places])
    return params, state


def _has_paths(weights: Mapping[str, Any], skip: tuple[str, ...]) -> bool:
    """Whether names and axes are this package's: a tag says so or, without one, a slash."""
    if isinstance(weights, Weights) and weights.ours is not None:
        return weights.ours
    return any("/" in name and _wanted(name, skip) for name in weights)


def _wanted(name: str, skip: tuple[str, ...]) -> bool:
    return not any(fnmatchcase(name, pattern) for pattern in skip)


class _Target(NamedTuple):
    """Where the numbers of a name go: positions; or the constant that they must be."""

    place: np.ndarray
    learned: bool


def _by_path(params: Params, state: State) -> dict[str, _Target]:
    places = {**named(params), **named(state, "state/")}
    return {name: _Target(place, learned=True) for name, place in places.items()}


def _by_name(
    model: Layer, params: Params, state: State, shape: tuple[int, ...]
) -> dict[str, _Target]:
    targets = {}
    for step in _known(graph_of(model, params, state, shape)).steps:
        own = {id(array) for array in step.weights.values()}
        for name, place in step.named.items():
            targets[name] = _Target(place, id(place) in own)
    return targets


def _filled(
    targets: Mapping[str, _Target], weights: Mapping[str, Any], skip: tuple[str, ...], size: int
) -> tuple[np.ndarray, np.ndarray]:
    """All numbers of a model in one array, and which of them the weights have given.

    Raises:
        ValueError: naming everything that does not fit.
    """
    wanted = functools.partial(_wanted, skip=skip)
    given = {name: value for name, value in weights.items() if wanted(name)}
    surplus = sorted(given.keys() - targets.keys())
    missing = [name for name, to in targets.items() if to.learned and name not in weights]
    near = _nearest_of(list(filter(wanted, missing)), surplus)
    numbers, filled, wrong = np.zeros(size, np.float32), np.zeros(size, bool), []
    for name, (place, learned) in targets.items():
        if name not in given:
            wrong += [f"{name} is missing{near(name)}"] if learned and wanted(name) else []
            continue
        array = as_array(given[name])
        if array.shape != place.shape:
            wrong.append(f"{name} must have shape {place.shape}, got {array.shape}")
        elif learned:
            numbers[place], filled[place] = array, True
        elif place.dtype.kind == "f" and (array != place).any():
            wrong.append(f"{name} must be {place.flat[0]:g}, because the model has none")
    wrong += [f"{name} is not of the model{near(name)}" for name in given if name in surplus]
    if wrong:
        raise InteropError(f"from_torch: {'; '.join(wrong)}")
    return numbers, filled


def _nearest_of(missing: list[str], surplus: list[str]) -> Callable[[str], str]:
    """The end of a sentence about a missing or a surplus name: the nearest of the others."""
    if len(missing) * len(surplus) > _MANY_PAIRS:
        return lambda name: ""
    others = {**dict.fromkeys(missing, surplus), **dict.fromkeys(surplus, missing)}
    return lambda name: did_you_mean(name, others[name])


_MANY_PAIRS = 20_000
"""With more pairs of names the weights are of another model, and the search would take long."""


def _known(graph: Graph) -> Graph:
    for step in graph.steps:
        if step.kind == "unknown" and step.options["learns"]:
            where = "/".join(step.path) or "the model"
            raise InteropError(f"{where}: {step.name} has no names of weights in torch")
        if step.arrays and any("." in name for name in step.path):
            raise InteropError(f"{'/'.join(step.path)}: a name in torch has no dot")
    return graph
