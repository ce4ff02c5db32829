"""The twin of a network in Flax, built of the layers of `flax.linen` from jaxcnn's description."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax.linen as nn
import flax.traverse_util as trees
import jax

from jaxcnn import layers
from jaxcnn.layers import Layer, LayerNode, Params, State, walk
from jaxcnn.layers.wiring import SplitSizes, divided, joined

promoting = functools.partial(jax.numpy_dtype_promotion, "standard")
"""The settings for Flax: its averages divide by an int, its norms mix float types."""

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "gelu": functools.partial(nn.gelu, approximate=False),
    "hard_sigmoid": nn.hard_sigmoid,
    "hard_swish": nn.hard_swish,
    "relu": nn.relu,
    "relu6": nn.relu6,
    "sigmoid": nn.sigmoid,
    "silu": nn.silu,
    "tanh": nn.tanh,
}
"""The activations of Flax by jaxcnn's names."""

Rule = Callable[[str, Mapping[str, Any], jax.Array, bool], jax.Array]
"""Computes a layer: ``(name, options, x, train) -> y``, with its parameters under ``name``."""


class Twin(nn.Module):
    """A network in Flax.

    Its parameters are jaxcnn's, each under the whole path of its layer (`by_path`).
    """

    layer: Layer

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """The logits of images, channels last."""
        return walk(self.layer, {}, {}, x, _Building(train))


def forward(layer: Layer, *, train: bool) -> Callable[[Params, State, jax.Array], Any]:
    """The function ``(params, state, x) -> (logits, next state)`` of a network in Flax.

    Args:
        layer: the network; parameters and state are jaxcnn's own.
        train: whether batch norms take the statistics of the batch.
    """
    module = Twin(layer)

    def compute(params: Params, state: State, x: jax.Array) -> tuple[jax.Array, State]:
        variables = {"params": by_path(params), "batch_stats": by_path(state)}
        with promoting():
            y, new = module.apply(
                variables, x, train=train, mutable=["batch_stats"] if train else []
            )
        return y, nested(new.get("batch_stats", {})) if train else state

    return compute


def by_path(tree: Params) -> Params:
    """Parameters under the whole paths of their layers.

    >>> by_path({"layer1": {"conv": {"kernel": 0}}})
    {'layer1/conv': {'kernel': 0}}
    """
    found: Params = {}
    for (*path, name), leaf in trees.flatten_dict(tree).items():
        found.setdefault("/".join(path), {})[name] = leaf
    return found


def nested(tree: Params) -> Params:
    """The inverse of `by_path`."""
    return trees.unflatten_dict(
        {(*path.split("/"), name): leaf for path, its in tree.items() for name, leaf in its.items()}
    )


class _Building:
    """A visitor that computes each layer by its counterpart in Flax."""

    def __init__(self, train: bool) -> None:
        self._train = train

    def layer(self, node: LayerNode, x: jax.Array) -> jax.Array:
        its = node.layer.description
        if its is None or its.kind not in RULES:
            raise NotImplementedError(f"{node.name}: no rule builds {node.layer!r} in Flax")
        if its.options.get("layout") not in (None, "NHWC"):
            raise NotImplementedError(f"{node.name}: only channels last has a twin in Flax")
        return RULES[its.kind](node.name, its.options, x, self._train)

    def join(
        self, node: LayerNode, how: str, values: Sequence[jax.Array], layout: str | None
    ) -> jax.Array:
        return joined("Twin", how, values, layout)

    def split(
        self, node: LayerNode, x: jax.Array, sizes: SplitSizes, layout: str | None
    ) -> list[jax.Array]:
        return divided("Twin", x, sizes, layout)


def _conv(name: str, its: Mapping[str, Any], x: jax.Array, train: bool) -> jax.Array:
    _only(name, its, padding_mode="zeros")
    return nn.Conv(
        its["out_channels"],
        _two(its["window"]),
        its["stride"],
        _padding(its["padding"]),
        kernel_dilation=its["dilation"],
        feature_group_count=its["groups"],
        use_bias=its["bias"],
        name=name,
    )(x)


def _batch_norm(name: str, its: Mapping[str, Any], x: jax.Array, train: bool) -> jax.Array:
    return nn.BatchNorm(
        use_running_average=not train,
        momentum=1 - its["momentum"],
        epsilon=its["epsilon"],
        use_scale=its["scale"],
        use_bias=its["bias"],
        name=name,
    )(x)


def _layer_norm(name: str, its: Mapping[str, Any], x: jax.Array, train: bool) -> jax.Array:
    return nn.LayerNorm(
        epsilon=its["epsilon"],
        reduction_axes=its["axes"],
        feature_axes=its["axes"],
        use_scale=its["scale"],
        use_bias=its["bias"],
        name=name,
    )(x)


def _dense(name: str, its: Mapping[str, Any], x: jax.Array, train: bool) -> jax.Array:
    return nn.Dense(its["features"], use_bias=its["bias"], name=name)(x)


class _Scale(nn.Module):
    """A learned number per channel, which Flax has no layer for."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        scale = self.param("scale", nn.initializers.ones, x.shape[-1:])
        return x * scale.reshape((1,) * (x.ndim - 1) + (-1,))


def _scale(name: str, its: Mapping[str, Any], x: jax.Array, train: bool) -> jax.Array:
    return _Scale(name=name)(x)


def _max_pool(name: str, its: Mapping[str, Any], x: jax.Array, train: bool) -> jax.Array:
    _only(name, its, padding_mode="zeros", ceil_mode=False, dilation=1)
    window = _two(its["window"])
    stride = window if its["stride"] is None else _two(its["stride"])
    return nn.max_pool(x, window, stride, _padding(its["padding"]))


def _avg_pool(name: str, its: Mapping[str, Any], x: jax.Array, train: bool) -> jax.Array:
    _only(name, its, padding_mode="zeros", ceil_mode=False, divisor_override=None)
    window = _two(its["window"])
    stride = window if its["stride"] is None else _two(its["stride"])
    counted = its["count_include_pad"]
    return nn.avg_pool(x, window, stride, _padding(its["padding"]), count_include_pad=counted)


def _adaptive(name: str, its: Mapping[str, Any], x: jax.Array, train: bool) -> jax.Array:
    _only(name, its, output_size=1)
    return x.mean((1, 2), keepdims=True)


def _dropout(name: str, its: Mapping[str, Any], x: jax.Array, train: bool) -> jax.Array:
    _only(name, its, rate=0)
    return x


def _only(name: str, its: Mapping[str, Any], **taken: Any) -> None:
    """Refuse a layer whose options have no twin."""
    for option, value in taken.items():
        if its[option] != value:
            raise NotImplementedError(
                f"{name}: a twin in Flax needs {option}={value!r}, got {its[option]!r}"
            )


def _two(size: Any) -> Any:
    return (size, size) if isinstance(size, int) else size


def _padding(padding: Any) -> Any:
    """Padding as Flax takes it: a string, or a pair for each axis."""
    if isinstance(padding, str):
        return padding.upper()
    return [(size, size) if isinstance(size, int) else size for size in _two(padding)]


RULES: dict[Callable[..., Layer], Rule] = {
    layers.Conv2d: _conv,
    layers.Dense: _dense,
    layers.BatchNorm: _batch_norm,
    layers.LayerNorm: _layer_norm,
    layers.Scale: _scale,
    layers.MaxPool2d: _max_pool,
    layers.AvgPool2d: _avg_pool,
    layers.AdaptiveAvgPool2d: _adaptive,
    layers.GlobalAvgPool: lambda name, its, x, train: x.mean((1, 2)),
    layers.Flatten: lambda name, its, x, train: x.reshape(x.shape[0], -1),
    layers.Activation: lambda name, its, x, train: ACTIVATIONS[its["name"]](x),
    layers.Identity: lambda name, its, x, train: x,
    layers.Dropout: _dropout,
    layers.StochasticDepth: _dropout,
}
"""How each kind of layer is computed in Flax."""
