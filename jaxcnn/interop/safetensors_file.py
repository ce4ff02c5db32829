"""Exports the parameters of a model to a safetensors file, which holds arrays and text only."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxcnn.interop.model_to_export import ModelToExport

LAYOUT = "NHWC, kernels (height, width, in, out)"
"""Says in a file's tag that it has the names and the order of axes of this package."""


def named(tree: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """List the arrays of nested dicts by their paths.

    >>> sorted(named({"conv1": {"kernel": np.ones(2), "bias": np.zeros(1)}}))
    ['conv1/bias', 'conv1/kernel']
    """
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {prefix + "/".join(key.key for key in path): np.asarray(leaf) for path, leaf in leaves}


def safetensors(trained: ModelToExport) -> bytes:
    """Export parameters by their paths (``conv1/kernel``), and the state's with ``state/`` before.

    Args:
        trained: the model; any layers will do.

    Returns:
        A safetensors file with the card as its metadata.
    """
    arrays = {**named(trained.params), **named(trained.state, "state/")}
    return saved(arrays, trained.card_with(layout=LAYOUT))


def saved(arrays: Mapping[str, np.ndarray], card: str) -> bytes:
    """Write arrays as the bytes of a safetensors file."""
    from safetensors.numpy import save

    # safetensors would write an array that is not contiguous in the order of its memory.
    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    return save(whole, metadata={"jaxcnn": card})
