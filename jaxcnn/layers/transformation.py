"""Makes new models from old ones, by rebuilding or replacing their layers."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from jaxcnn.layers.layer import Description, Layer
from jaxcnn.layers.normalization import BatchNorm
from jaxcnn.layers.wiring import combined


def rebuild(layer: Layer, parts: Mapping[str, Layer] | None = None, **options: Any) -> Layer:
    """Build a layer again from its description, with other options or other parts.

    Args:
        layer: the layer.
        parts: parts to put in place of its own, by name.
        **options: options to put in place of its own.

    Raises:
        ValueError: if the layer has no description to rebuild it from.
        TypeError: if its constructor does not take such an option.

    >>> from jaxcnn.layers import Conv2d
    >>> rebuild(Conv2d(8, 3), padding="same")
    Conv2d(out_channels=8, window=3, padding='same')
    """
    its = layer.description or Description()
    new = {**its.parts, **(parts or {})}
    if its.kind is not None:
        return its.kind(**{**its.options, **options}, **new)
    if its.wire is None or options:
        raise ValueError("rebuild: the layer has no description, so that it cannot be rebuilt")
    inline = [part for part, scope in its.scopes.items() if not scope]
    return combined(its.name, new, its.wire, inline=inline, renamed=its.scopes)


def map_layers(layer: Layer, change: Callable[[Layer], Layer]) -> Layer:
    """Apply a function to each layer of a model, the innermost layers first.

    Args:
        layer: the model.
        change: gives for each layer another, or the same. Layers whose parts were changed are
            rebuilt around them before they are changed themselves.

    Returns:
        The new model. It takes the old one's parameters where names and shapes stay the same.

    Raises:
        ValueError: if a layer with changed parts cannot be rebuilt.

    >>> from jaxcnn.layers import Activation, Dense, Sequential
    >>> model = Sequential(dense=Dense(3), relu=Activation("relu"))
    >>> map_layers(model, lambda layer: Activation("gelu") if is_a(layer, Activation) else layer)
    Sequential(dense=Dense(features=3), relu=Activation(name='gelu'))
    """
    return map_paths(layer, lambda path, part: change(part))


def map_paths(
    layer: Layer,
    change: Callable[[tuple[str, ...], Layer], Layer],
    path: tuple[str, ...] = (),
) -> Layer:
    """Apply a function to the path and the layer of each layer of a model, as `map_layers`.

    Args:
        layer: the model.
        change: ``(path, layer) -> layer``.
        path: the path of the model itself.
    """
    its = layer.description or Description()
    changed = {
        name: map_paths(part, change, (*path, its.scopes[name]) if its.scopes[name] else path)
        for name, part in its.parts.items()
    }
    if any(changed[name] is not part for name, part in its.parts.items()):
        layer = rebuild(layer, changed)
    return change(path, layer)


def is_a(layer: Layer, *kinds: Callable[..., Layer]) -> bool:
    """Whether a layer was built by one of these constructors.

    >>> from jaxcnn.layers import Conv2d, Dense
    >>> is_a(Conv2d(8, 3), Conv2d), is_a(Conv2d(8, 3), Dense)
    (True, False)
    """
    return layer.description is not None and layer.description.kind in kinds


def synchronized(layer: Layer, axis_name: Hashable) -> Layer:
    """Synchronize the batch normalizations of a model over a mapped axis.

    Args:
        layer: the model.
        axis_name: the axis over which the batch is spread, as in `jaxcnn.batch_norm`.

    >>> synchronized(BatchNorm(), "devices")
    BatchNorm(axis_name='devices')
    """

    def change(part: Layer) -> Layer:
        return rebuild(part, axis_name=axis_name) if is_a(part, BatchNorm) else part

    return map_layers(layer, change)
