"""Folds batch normalizations into the layers before them, for inference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn.layers.convolution import Conv1d, Conv2d, Conv3d
from jaxcnn.layers.dense import Dense
from jaxcnn.layers.layer import Layer, Params, State
from jaxcnn.layers.normalization import BatchNorm
from jaxcnn.layers.pointwise import Identity
from jaxcnn.layers.separable import DepthwiseConv2d, SeparableConv2d
from jaxcnn.layers.transformation import is_a, map_paths, rebuild
from jaxcnn.layers.transposed import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from jaxcnn.layers.wiring import LayerNode, SplitSizes, walk

_TRANSPOSED = (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)
_LINEAR = (Conv1d, Conv2d, Conv3d, DepthwiseConv2d, SeparableConv2d, Dense, *_TRANSPOSED)


def fold_batch_norm(layer: Layer, params: Params, state: State) -> tuple[Layer, Params, State]:
    r"""Fold the batch normalizations of a model into the layers before them, for inference.

    After training, a batch normalization multiplies each channel by
    :math:`g = \gamma / \sqrt{\sigma^2 + \epsilon}` and adds :math:`\beta - \mu g`. If it
    follows a convolution or a dense layer whose output is not used elsewhere, the kernel of that
    layer is multiplied by the factor, and its bias takes the rest.

    Args:
        layer: the model.
        params: its parameters.
        state: its state, with the running statistics.

    Returns:
        ``(model, params, state)``: folded normalizations are an `Identity` of the same name,
        and the layers before them have a bias. Normalizations that follow anything else stay as
        they are. The new model is for evaluation: while training, it would not normalize.

    >>> from jaxcnn.layers import Conv2d, Sequential
    >>> model = Sequential(conv=Conv2d(8, 3, bias=False), norm=BatchNorm())
    >>> params, state = model.init(jax.random.key(0), (1, 8, 8, 3))
    >>> folded, params, state = fold_batch_norm(model, params, state)
    >>> folded
    Sequential(conv=Conv2d(out_channels=8, window=3), norm=Identity())
    >>> sorted(params["conv"]), state
    (['bias', 'kernel'], {})
    """
    finder = _Finder()
    walk(layer, params, state, _Value(None), finder).uses += 1
    pairs = {
        norm.path: (value.source, norm)
        for norm, value in finder.norms
        if value.source is not None and value.uses == 1
    }
    linear = {before.path for before, _ in pairs.values()}

    def change(path: tuple[str, ...], part: Layer) -> Layer:
        if path in pairs and is_a(part, BatchNorm):
            return Identity()
        return rebuild(part, bias=True) if path in linear and is_a(part, *_LINEAR) else part

    for before, norm in pairs.values():
        params = _replaced(params, before.path, _folded(before, norm))
        params, state = _replaced(params, norm.path, {}), _replaced(state, norm.path, {})
    return map_paths(layer, change), params, state


@dataclass
class _Value:
    """A value between two layers.

    Attributes:
        source: the layer that computes it, if a normalization can be folded into that layer.
        uses: how many layers read it.
    """

    source: LayerNode | None
    uses: int = 0


class _Finder:
    """Finds each batch normalization and where its input comes from."""

    def __init__(self) -> None:
        self.norms: list[tuple[LayerNode, _Value]] = []

    def layer(self, node: LayerNode, x: _Value) -> _Value:
        x.uses += 1
        if is_a(node.layer, BatchNorm) and x.source and _same_channels(x.source, node):
            self.norms.append((node, x))
        return _Value(node if is_a(node.layer, *_LINEAR) else None)

    def join(
        self, node: LayerNode, how: str, values: Sequence[_Value], layout: str | None
    ) -> _Value:
        for value in values:
            value.uses += 1
        return _Value(None)

    def split(
        self, node: LayerNode, x: _Value, sizes: SplitSizes, layout: str | None
    ) -> list[_Value]:
        x.uses += 1
        count = sizes if isinstance(sizes, int) else len(sizes)
        return [_Value(None) for _ in range(count)]


def _same_channels(before: LayerNode, norm: LayerNode) -> bool:
    """Whether both have their channels on the same axis."""
    layouts = (_options(node).get("layout") or "NC" for node in (before, norm))
    first, second = (layout.endswith("C") for layout in layouts)
    return first == second


def _options(node: LayerNode) -> Any:
    assert node.layer.description is not None
    return node.layer.description.options


def _folded(before: LayerNode, norm: LayerNode) -> Params:
    """The parameters of a layer with the normalization after it folded in."""
    mean, variance = norm.state["mean"], norm.state["var"]
    scale, offset, bias = (
        jnp.asarray(params.get(name, usual), variance.dtype)
        for params, name, usual in (
            (norm.params, "scale", 1),
            (norm.params, "bias", 0),
            (before.params, "bias", 0),
        )
    )
    factor = jax.lax.rsqrt(variance + _options(norm)["epsilon"]) * scale
    bias = (bias - mean) * factor + offset
    name = "pointwise_kernel" if is_a(before.layer, SeparableConv2d) else "kernel"
    kernel = before.params[name]
    if is_a(before.layer, *_TRANSPOSED):
        scaled = _transposed(kernel, factor, _options(before)["groups"])
    else:
        scaled = kernel.astype(factor.dtype) * factor.reshape((1,) * (kernel.ndim - 1) + (-1,))
    return {**before.params, name: scaled.astype(kernel.dtype), "bias": bias.astype(kernel.dtype)}


def _transposed(kernel: jax.Array, factor: jax.Array, groups: int) -> jax.Array:
    """The kernel of a transposed convolution, each output channel multiplied by its factor."""
    *window, into, out = kernel.shape
    grouped = kernel.astype(factor.dtype).reshape(*window, groups, into // groups, out)
    each = factor.reshape((1,) * len(window) + (groups, 1, out))
    return (grouped * each).reshape(kernel.shape)


def _replaced(tree: dict[str, Any], path: Sequence[str], its: dict[str, Any]) -> dict[str, Any]:
    """The tree with the entries at ``path`` replaced; empty dicts are left out."""
    if not path:
        return its
    first, *rest = path
    inner = _replaced(tree.get(first, {}), rest, its)
    kept = {name: value for name, value in tree.items() if name != first}
    return {**kept, first: inner} if inner else kept
