"""Converts parameters to and from a ``state_dict`` of torch."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.interop.errors import InteropError
from jaxcnn.interop.export_graph import Graph
from jaxcnn.interop.layer_rules import graph_of
from jaxcnn.layers import Layer, Params, State


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
) -> tuple[Params, State]:
    """Convert a torch module's ``state_dict`` to parameters and running statistics.

    Args:
        model: the model, its layers named as the module's.
        state_dict: torch's tensors or NumPy arrays by name.
        input_shape: the shape of a batch, which says how a `Flatten`'s images are.
        skip: patterns of names that are left out, ``"aux*"`` for example.

    Returns:
        ``(params, state)`` for ``model``, in float32.

    Raises:
        ValueError: if names are missing, are left over or have another shape; all of them are
            listed. Also if a layer with parameters is not of this package.

    >>> from jaxcnn.layers import Dense
    >>> weights = {"weight": np.ones((3, 2)), "bias": np.zeros(3)}
    >>> params, state = from_torch(Dense(3), weights, (1, 2))
    >>> params["kernel"].shape
    (2, 3)
    """
    shape = tuple(input_shape)
    start = jax.eval_shape(lambda key: model.init(key, shape), jax.random.key(0))
    leaves, tree = jax.tree.flatten(start)
    ends = np.cumsum([0, *(leaf.size for leaf in leaves)]).tolist()
    # Each parameter is traced with the positions of its numbers in place of the numbers.
    places = [
        np.arange(first, stop).reshape(leaf.shape)
        for first, stop, leaf in zip(ends, ends[1:], leaves, strict=False)
    ]
    params, state = jax.tree.unflatten(tree, places)
    graph = _known(graph_of(model, params, state, shape))
    skipped = tuple(skip)
    given = {
        name: value
        for name, value in state_dict.items()
        if not any(fnmatchcase(name, pattern) for pattern in skipped)
    }
    numbers = np.zeros(ends[-1], np.float32)
    wrong = []
    for step in graph.steps:
        own = {id(array) for array in step.weights.values()}
        for name, place in step.named.items():
            if name not in given:
                wrong += [f"{name} is missing"] if id(place) in own else []
                continue
            array = _array(given.pop(name))
            if array.shape != place.shape:
                wrong.append(f"{name} must have shape {place.shape}, got {array.shape}")
            elif id(place) in own:
                numbers[place] = array
            elif place.dtype.kind == "f" and (array != place).any():
                wrong.append(f"{name} must be {place.flat[0]:g}, because the model has none")
    wrong += [f"{name} is not of the model" for name in given]
    if wrong:
        raise ValueError(f"from_torch: {'; '.join(wrong)}")
    params, state = jax.tree.unflatten(tree, [jnp.asarray(numbers[place]) for place in places])
    return params, state


def _known(graph: Graph) -> Graph:
    for step in graph.steps:
        if step.kind == "unknown" and step.options["learns"]:
            where = "/".join(step.path) or "the model"
            raise InteropError(f"{where}: {step.name} has no names of weights in torch")
        if step.arrays and any("." in name for name in step.path):
            raise InteropError(f"{'/'.join(step.path)}: a name in torch has no dot")
    return graph


def _array(value: Any) -> np.ndarray:
    """A NumPy array, from one of torch too, which may be on a device or in bfloat16."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if value.is_floating_point() else value
    return np.asarray(value)
