"""Names the parts and parameters of a model, and derives random keys from the names."""

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import jax

from jaxcnn.layers.layer import Layer


def named_key(key: jax.Array, name: str) -> jax.Array:
    """Derive the random key of a part or parameter from its name.

    A parameter's key is the model's key folded with each name on its path. So the first value of
    a parameter depends on the model's key, the parameter's path and its shape alone.

    >>> a, b = named_key(jax.random.key(0), "a"), named_key(jax.random.key(0), "b")
    >>> bool((jax.random.key_data(a) == jax.random.key_data(b)).all())
    False
    """
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def check_parts(op: str, parts: Mapping[str, Any]) -> None:
    """Refuse parts that are no layers, and names that no path can hold."""
    for name, part in parts.items():
        if not name or "/" in name:
            raise ValueError(f"{op}: a part's name must not be empty or hold a '/', got {name!r}")
        if not isinstance(part, Layer):
            raise TypeError(f"{op}: `{name}` must be a Layer, got {type(part).__name__}")


def names_of(layer: Layer) -> list[str] | None:
    """The names of a layer's parts in its parameters; ``None`` if the layer has no parts."""
    its = layer.description
    if its is None or its.wire is None:
        return None
    names: list[str] = []
    for part, scope in its.scopes.items():
        below = [scope] if scope else names_of(its.parts[part])
        if below is None:
            return None  # a layer around one layer without parts, whose parameters are its own
        names += below
    return names


def scopes_of(
    op: str, parts: Mapping[str, Layer], inline: Iterable[str], renamed: Mapping[str, str]
) -> dict[str, str]:
    """The name of each part in the parameters; ``""`` for an inlined part, which has none.

    Args:
        op: the layer's constructor, for messages.
        parts: its parts.
        inline: the parts whose own name is left out of the paths. A part that is not made of
            named parts keeps its name.
        renamed: the names of parts that differ from those of their arguments.

    Raises:
        ValueError: if two names would be the same.
    """
    scopes, owners = {}, dict[str, str]()
    for part, layer in parts.items():
        wanted = part in inline or (layer.description is not None and layer.description.inline)
        inner = names_of(layer) if wanted else None
        name = renamed.get(part, part)
        scopes[part] = name if inner is None else ""
        for taken in [name] if inner is None else inner:
            if taken in owners:
                raise ValueError(
                    f"{op}: two parts are named {taken!r}, one in `{owners[taken]}` and one in "
                    f"`{part}`"
                )
            owners[taken] = part
    return scopes


def scoped(tree: Mapping[str, Any], layer: Layer, scope: str) -> dict[str, Any]:
    """The entries of a part in a tree of parameters or of state."""
    if scope:
        found: dict[str, Any] = tree.get(scope, {})
        return found
    names = names_of(layer)
    return {name: tree[name] for name in (tree if names is None else names) if name in tree}
