"""Nested dicts with readable names, for the arrays that another library finds by paths."""

from collections.abc import Iterable, Mapping
from typing import Any

ArrayPath = tuple[Any, ...]
"""The names and numbers that lead to an array in a module."""


def nested(arrays: Mapping[ArrayPath, Any]) -> dict[str, Any]:
    """Arrays by their paths as nested dicts; numbers become names.

    >>> nested({("layers", 0, "bias"): 1, ("layers", 0, "kernel"): 2})
    {'layers': {'0': {'bias': 1, 'kernel': 2}}}
    """
    tree: dict[str, Any] = {}
    for path, array in arrays.items():
        inner = tree
        for step in path[:-1]:
            inner = inner.setdefault(str(step), {})
        inner[str(path[-1])] = array
    return tree


def picked(paths: Iterable[ArrayPath], tree: Mapping[str, Any]) -> dict[ArrayPath, Any]:
    """The arrays of nested dicts by their paths, as `nested` was given them.

    >>> picked([("layers", 0)], {"layers": {"0": 3}})
    {('layers', 0): 3}
    """
    found: dict[ArrayPath, Any] = {}
    for path in paths:
        inner: Any = tree
        for step in path:
            inner = inner[str(step)]
        found[path] = inner
    return found
