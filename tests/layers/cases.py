"""Example layers of each kind, for the tests that run on every layer."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn import layers
from jaxcnn.layers import (
    Activation,
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    Function,
    GlobalAvgPool,
    Identity,
    Layer,
    Parallel,
    Sequential,
)

SIGNALS, IMAGES, VOLUMES = (2, 14, 4), (2, 11, 12, 4), (2, 6, 7, 6, 4)


class Case(NamedTuple):
    """A layer and the shape of its input.

    Attributes:
        kind: the name of its constructor.
        make: builds it.
        shape: of the input, the batch axis included.
        layout: the axes of the input; channels last where it is left out.
    """

    kind: str
    make: Callable[[], Layer]
    shape: tuple[int, ...]
    layout: str | None = None


def of(kind: str, shape: tuple[int, ...], *args: object, **options: object) -> Case:
    layout = options.get("layout")
    return Case(kind, lambda: getattr(layers, kind)(*args, **options), shape, layout)


def branches(kind: str, **options: object) -> Case:
    """Two branches with different receptive fields."""
    make = getattr(layers, kind)
    return Case(
        kind,
        lambda: make(
            wide=Sequential(conv=Conv2d(3, (1, 5), padding=(0, 2)), norm=BatchNorm()),
            tall=Sequential(convolution=Conv2d(3, (3, 1), padding=(1, 0)), act=Activation("tanh")),
            **options,
        ),
        IMAGES,
    )


def body(channels: int = 4, stride: int = 1) -> Layer:
    return Sequential(
        conv1=Conv2d(channels, 3, stride=stride, padding=1, bias=False),
        norm1=BatchNorm(),
        tanh=Activation("tanh"),
        conv2=Conv2d(channels, 3, padding=1),
    )


KERNEL = np.random.default_rng(0).normal(size=(3, 3, 4, 2)).astype(np.float32)

CASES = [
    of("Conv1d", SIGNALS, 3, 5, stride=2, padding=2),
    of("Conv1d", (2, 4, 14), 6, 3, dilation=2, groups=2, layout="NCW"),
    of("Conv2d", IMAGES, 3, (3, 2), stride=(2, 1), padding="same"),
    of("Conv2d", (2, 4, 11, 12), 4, 3, groups=2, dilation=2, padding=((1, 2), (0, 1)), layout="NCHW"),
    of("Conv2d", IMAGES, 3, 3, padding=1, padding_mode="reflect", kernel_init="he_normal"),
    of("Conv2d", IMAGES, 2, 3, kernel_init=KERNEL, bias_init="torch"),
    of("Conv3d", VOLUMES, 3, (3, 2, 3), stride=(1, 2, 1), padding=1, kernel_init="lecun_normal"),
    of("ConvTranspose1d", SIGNALS, 3, 4, stride=2, padding=1),
    of("ConvTranspose2d", IMAGES, 6, (4, 3), stride=2, groups=2, kernel_init="torch"),
    of("ConvTranspose2d", IMAGES, 2, 3, stride=3, padding=1, output_padding=1, dilation=2),
    of("ConvTranspose3d", (2, 3, 4, 3, 4), 2, 2, stride=2),
    of("DepthwiseConv2d", IMAGES, 3, multiplier=2, stride=2, padding=1),
    of("SeparableConv2d", IMAGES, 5, (3, 5), padding=1),
    of("Dense", (3, 5), 4),
    of("Dense", IMAGES, 3, bias=False),
    of("Scale", IMAGES, 0.5),
    of("Normalize", IMAGES, (0.1, 0.2, 0.3, 0.4), (0.5, 1.0, 2.0, 4.0)),
    of("Scale", (2, 4, 11, 12), np.arange(1, 5.0), layout="NCHW"),
    of("BatchNorm", IMAGES),
    of("BatchNorm", (2, 4, 11, 12), momentum=0.3, epsilon=1e-3, bias=False, layout="NCHW"),
    of("LayerNorm", IMAGES),
    of("LayerNorm", IMAGES, axes=(1, 3)),
    of("GroupNorm", IMAGES, 2),
    of("InstanceNorm", IMAGES),
    of("RMSNorm", IMAGES),
    of("LocalResponseNorm", IMAGES, 3),
    of("MaxPool1d", SIGNALS, 3, stride=2),
    of("MaxPool2d", IMAGES, (2, 3), padding=1, dilation=(1, 2), stride=2),
    of("MaxPool3d", VOLUMES, 2),
    of("AvgPool1d", SIGNALS, 3, padding=1, count_include_pad=False),
    of("AvgPool2d", IMAGES, 3, stride=2, ceil_mode=True),
    of("AvgPool3d", VOLUMES, (2, 3, 2)),
    of("LpPool2d", IMAGES, 2, p=4),
    of("AdaptiveAvgPool2d", IMAGES, (4, 5)),
    of("AdaptiveAvgPool2d", IMAGES, (1, None)),
    of("AdaptiveMaxPool2d", IMAGES, (3, 7)),
    of("GlobalAvgPool", VOLUMES),
    of("GlobalMaxPool", (2, 4, 11, 12), layout="NCHW"),
    of("Pad", IMAGES, ((1, 0), (2, 3)), mode="replicate"),
    of("Resize", IMAGES, (22, 24), method="nearest"),
    of("Resize", IMAGES, (22, 6)),
    of("Resize", IMAGES, (22, 8), method="bicubic", align_corners=True),
    of("Resize", IMAGES, (5, 5), method="area"),
    of("Resize", (2, 12, 12, 1), 6, antialias=True),
    of("PixelShuffle", IMAGES, 2),
    of("ChannelShuffle", IMAGES, 2),
    of("Flatten", IMAGES),
    of("Identity", IMAGES),
    *(of("Activation", IMAGES, name) for name in layers.ACTIVATIONS),
    of("Function", IMAGES, jnp.sin, elementwise=True),
    of("Dropout", IMAGES, 0.4),
    of("ChannelDropout", IMAGES, 0.4),
    of("StochasticDepth", IMAGES, 0.4),
    Case("Sequential", lambda: Sequential(body(), Dropout(0.3), pool=GlobalAvgPool(), out=Dense(3)), IMAGES),
    Case("Residual", lambda: layers.Residual(body(), activation="softplus"), IMAGES),
    Case("Residual", lambda: layers.Residual(body(6, 2), Conv2d(6, 1, stride=2), inline=True), IMAGES),
    branches("Parallel"),
    branches("Parallel", join="add", inline=True),
    Case(
        "Parallel",
        lambda: Parallel(x=Identity(), gate=Sequential(mean=layers.AdaptiveAvgPool2d(1), fc=Conv2d(4, 1)), join="multiply"),
        IMAGES,
    ),
    branches("Split"),
    Case(
        "Split",
        lambda: layers.Split(sizes=(1, 3), kept=Function(jnp.cos, elementwise=True), seen=Conv2d(2, 3, padding=1), inline=True),
        IMAGES,
    ),
    Case("Inline", lambda: layers.Inline(body()), IMAGES),
    Case("Remat", lambda: layers.Remat(body()), IMAGES),
    Case("Remat", lambda: layers.Remat(Conv2d(2, 3)), IMAGES),
]  # fmt: skip


def case_id(case: Case) -> str:
    """The name of a case: the kind of its layer and a number."""
    return f"{case.kind}-{[other for other in CASES if other.kind == case.kind].index(case)}"


def started(case: Case, dtype: object = jnp.float32) -> tuple[Layer, dict, dict, jax.Array]:
    """Build a layer, an input, and random parameters and state that are not all ones or zeros."""
    layer = case.make()
    params, state = layer.init(jax.random.key(1), case.shape)
    leaves, tree = jax.tree.flatten((params, state))
    rng = np.random.default_rng(2)
    leaves = [
        jnp.asarray(np.asarray(leaf, np.float64) + 0.1 * rng.uniform(size=leaf.shape), dtype)
        for leaf in leaves
    ]
    x = jnp.asarray(rng.normal(size=case.shape), dtype)
    return layer, *jax.tree.unflatten(tree, leaves), x
