"""Digests: of arrays, of JSON, of a model's structure, of a sample of a data set."""

import hashlib
import inspect
import json
import re
import sys
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
    """A function's source, and those of the functions and classes of its file that it uses."""
    found: dict[str, str] = {}
    _collect(function, found)
    return "\n".join(found.values())


def _collect(thing: Any, found: dict[str, str]) -> None:
    """Add the source of a function or class; its name, where there is none."""
    name = str(getattr(thing, "__qualname__", type(thing).__qualname__))
    if name in found:
        return
    try:
        found[name] = inspect.getsource(thing)
    except (OSError, TypeError):
        found[name] = name
        return
    module = sys.modules.get(getattr(thing, "__module__", None) or "")
    if getattr(module, "__package__", ""):
        return  # of an installed package, whose versions the run has written down
    for used in sorted(set(re.findall(r"\w+", found[name]))):
        other = getattr(module, used, None)
        own = getattr(other, "__module__", None) == getattr(module, "__name__", "")
        if own and (inspect.isclass(other) or inspect.isfunction(other)):
            _collect(other, found)
