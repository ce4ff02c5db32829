"""The networks in jaxcnn; `in_flax` and `in_torch` give every part the same name."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

import jaxcnn as jc
from benchmarks.networks.plans import MOBILENET_V2, RESNET20, Inverted
from jaxcnn.layers import Conv2d, Dense, Function, Layer, Params, Sequential, State


def BatchNorm() -> Layer:  # noqa: N802 - constructors are CapWords
    """`jaxcnn.batch_norm` with its parameters and running statistics."""

    def init(key: jax.Array, input_shape: Sequence[int]) -> tuple[Params, State]:
        # Four arrays, not two: a step cannot take over one that it is given twice.
        size = (input_shape[-1],)
        params = {"scale": jnp.ones(size, jnp.float32), "bias": jnp.zeros(size, jnp.float32)}
        return params, {"mean": jnp.zeros(size, jnp.float32), "var": jnp.ones(size, jnp.float32)}

    def apply(
        params: Params, state: State, x: Any, *, train: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        y, (mean, var) = jc.batch_norm(
            x, state["mean"], state["var"], params["scale"], params["bias"], train=train
        )
        return y, {"mean": mean, "var": var}

    return Layer(init, apply)


def ConvNorm(features: int, window: int, stride: int = 1, groups: int = 1) -> Layer:  # noqa: N802
    """A convolution without bias, and batch normalization."""
    return Sequential(
        conv=Conv2d(
            features, window, stride=stride, padding=window // 2, groups=groups, bias=False
        ),
        norm=BatchNorm(),
    )


def Added(body: Layer, shortcut: Callable[[Any, Any], Any]) -> Layer:  # noqa: N802
    """``body(x) + shortcut(x, body(x))``."""

    def apply(
        params: Params, state: State, x: Any, *, train: bool = False, key: Any = None
    ) -> tuple[Any, State]:
        y, state = body.apply(params, state, x, train=train, key=key)
        return y + shortcut(x, y), state

    return Layer(body.init, apply)


def widened(x: Any, y: Any) -> Any:
    """``x`` in the shape of ``y``: every stride-th pixel, and zeros for the new channels.

    It is plain JAX, the same in Flax.
    """
    stride = x.shape[1] // y.shape[1]
    return jnp.pad(x[:, ::stride, ::stride], [(0, 0)] * 3 + [(0, y.shape[-1] - x.shape[-1])])


def resnet20() -> Layer:
    """ResNet-20 for CIFAR, whose shortcuts have no parameters."""
    relu = Function(jax.nn.relu)
    layers = {"stem": ConvNorm(16, 3), "relu": relu}
    for i, (features, stride) in enumerate(RESNET20):
        body = Sequential(
            first=ConvNorm(features, 3, stride), relu=relu, last=ConvNorm(features, 3)
        )
        layers |= {f"block{i}": Added(body, widened), f"relu{i}": relu}
    return Sequential(**layers, mean=Function(jc.global_avg_pool), dense=Dense(10))


def inverted(block: Inverted, channels: int) -> Layer:
    """A 1×1 convolution to many channels, a depthwise one, and a 1×1 back to few."""
    wide, relu6 = block.expansion * channels, Function(jax.nn.relu6)
    first = {"expand": ConvNorm(wide, 1), "relu1": relu6} if block.expansion > 1 else {}
    body = Sequential(
        **first,
        depthwise=ConvNorm(wide, 3, block.stride, groups=wide),
        relu2=relu6,
        project=ConvNorm(block.features, 1),
    )
    same = block.stride == 1 and block.features == channels
    return Added(body, lambda x, y: x) if same else body


def mobilenet_v2() -> Layer:
    """MobileNetV2 at width 1, without dropout."""
    relu6 = Function(jax.nn.relu6)
    layers, channels = {"stem": ConvNorm(32, 3, 2), "relu1": relu6}, 32
    for i, block in enumerate(MOBILENET_V2):
        layers[f"block{i}"] = inverted(block, channels)
        channels = block.features
    layers |= {"head": ConvNorm(1280, 1), "relu2": relu6}
    return Sequential(**layers, mean=Function(jc.global_avg_pool), dense=Dense(10))
