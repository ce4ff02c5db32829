"""Digests: of arrays, of JSON, of a model's structure, of a sample of a data set."""

import hashlib
import inspect
import json
from typing import Any

import jax
import numpy as np

from jaxcnn.data import Split, StreamedSplit
from jaxcnn.layers import Layer

SAMPLE = 64
"""How many images of a split its digest reads."""


def tree_sha256(tree: Any) -> str:
    """A digest of every array in ``tree``: its path, dtype, shape and bytes."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.asarray(leaf)
        digest.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def json_sha256(content: Any) -> str:
    """A digest of what JSON can hold; the order of names in an object does not matter."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sample_sha256(split: Split | StreamedSplit) -> str:
    """A digest of images all over a split and of their labels, streamed or not."""
    rows = np.linspace(0, len(split) - 1, min(len(split), SAMPLE)).round().astype(np.int64)
    part = split.read(rows)
    digest = hashlib.sha256(np.ascontiguousarray(part.images).tobytes())
    digest.update(part.labels.tobytes())
    return digest.hexdigest()


def model_sha256(model: Layer) -> str:
    """A digest of a model's structure: the kinds, options and parts of its layers.

    Functions in it count by their source, arrays by their values.
    """
    return json_sha256(_told(model))


def _told(value: Any) -> Any:
    """A layer, or an option of one, as JSON can hold it."""
    if isinstance(value, Layer):
        its = value.description
        if its is None:
            return [_told(value.init), _told(value.apply)]
        options = {name: _told(option) for name, option in its.options.items()}
        return [its.name, options, {name: _told(part) for name, part in its.parts.items()}]
    if isinstance(value, jax.Array | np.ndarray):
        return tree_sha256(value)
    if isinstance(value, tuple | list):
        return [_told(part) for part in value]
    if callable(value):
        return _source(value)
    return repr(value)


def _source(function: Any) -> str:
    """A function's source; its name, where there is none."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return str(getattr(function, "__qualname__", type(function).__qualname__))
