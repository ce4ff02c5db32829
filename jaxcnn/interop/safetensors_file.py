"""Parameters as a safetensors file, which holds numbers and text and can hold nothing else."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxcnn.interop.exported_model import ModelToExport


def named(tree: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of nested dicts by their paths.

    >>> sorted(named({"conv1": {"kernel": np.ones(2), "bias": np.zeros(1)}}))
    ['conv1/bias', 'conv1/kernel']
    """
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {prefix + "/".join(key.key for key in path): np.asarray(leaf) for path, leaf in leaves}


def safetensors(subject: ModelToExport) -> bytes:
    """The parameters by their readable names (``conv1/kernel``), the state's after ``state/``.

    Args:
        subject: the model; any layers will do.

    Returns:
        A safetensors file with the card as its metadata.
    """
    arrays = {**named(subject.params), **named(subject.state, "state/")}
    return saved(arrays, subject.card_with(layout="NHWC, kernels (height, width, in, out)"))


def saved(arrays: Mapping[str, np.ndarray], card: str) -> bytes:
    """A safetensors file of these arrays."""
    from safetensors.numpy import save

    # What is not contiguous would be written in the order of its memory.
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return save(whole, metadata={"jaxcnn": card})
