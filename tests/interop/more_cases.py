"""Example models for the tests of exports: combinations of layers, and rare options."""

from jaxcnn.layers import (
    Activation,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    BatchNorm,
    ChannelDropout,
    ChannelShuffle,
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    Dense,
    DepthwiseConv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    GroupNorm,
    Identity,
    InstanceNorm,
    LayerNorm,
    LocalResponseNorm,
    LpPool2d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
    Normalize,
    Pad,
    Parallel,
    PixelShuffle,
    Residual,
    Resize,
    RMSNorm,
    Scale,
    SeparableConv2d,
    Sequential,
    Split,
    StochasticDepth,
    normalized,
)
from jaxcnn.models import resnet18
from tests.layers.cases import IMAGES, SIGNALS, VOLUMES, Case

PLANES, UNEVEN = (2, 4, 11, 12), ((1, 2), (0, 1))
FIRST = {"layout": "NCHW"}


def block(**options):
    """The block of a ConvNeXt, whose dense layers work on channels that come last."""
    body = Sequential(
        depthwise=DepthwiseConv2d(3, padding=1),
        norm=LayerNorm(epsilon=1e-6),
        wide=Dense(8),
        gelu=Activation("gelu"),
        narrow=Dense(4),
        layer_scale=Scale(0.3),
        depth=StochasticDepth(0.2),
    )
    return Residual(body, **options)


def planes():
    """A network whose images are channels first."""
    return Sequential(
        conv=Conv2d(6, 3, padding=1, bias=False, **FIRST),
        norm=BatchNorm(**FIRST),
        shuffle=ChannelShuffle(3, **FIRST),
        pool=MaxPool2d(2, ceil_mode=True, **FIRST),
        branches=Parallel(a=Conv2d(3, 1, **FIRST), b=Identity(), **FIRST),
        drop=ChannelDropout(0.3, **FIRST),
        halves=Split(a=Conv2d(2, 1, **FIRST), b=Identity(), c=Scale(0.5, **FIRST), **FIRST),
        flat=Flatten(),
        dense=Dense(5),
    )


def whole(layer, shape=IMAGES, layout=None):
    return layer, shape, layout


MORE = {
    "convolution_uneven": whole(Conv2d(3, 3, stride=(2, 1), padding=UNEVEN)),
    "convolution_uneven_reflect": whole(Conv2d(3, (3, 2), padding=UNEVEN, padding_mode="reflect")),
    "convolution_circular": whole(Conv1d(3, 3, padding=2, padding_mode="circular"), SIGNALS),
    "convolution_replicate": whole(Conv3d(3, 3, padding=((1, 1), (0, 2), (1, 0)), padding_mode="replicate"), VOLUMES),
    "convolution_full": whole(Conv2d(3, (2, 3), padding="full", dilation=2, **FIRST), PLANES, "NCHW"),
    "convolution_cropped": whole(Conv2d(3, 2, padding=((-1, 2), (-2, -1)))),
    "convolution_cropped_reflect": whole(Conv2d(3, 2, padding=((-1, 2), (1, -1)), padding_mode="reflect")),
    "convolution_cropped_circular": whole(Conv2d(3, 2, padding=((-1, 2), (1, -1)), padding_mode="circular")),
    "transposed_added": whole(ConvTranspose2d(3, 3, stride=(2, 1), padding=((-3, -5), (2, -1)))),
    "transposed_uneven": whole(ConvTranspose2d(3, 4, stride=2, padding=UNEVEN)),
    "transposed_uneven_more": whole(ConvTranspose2d(3, 4, stride=3, padding=((2, 0), (0, 3)), output_padding=1)),
    "transposed_same": whole(ConvTranspose1d(3, 2, stride=3, padding="same"), SIGNALS),
    "transposed_circular": whole(ConvTranspose2d(3, 3, padding="same", padding_mode="circular")),
    "transposed_planes": whole(ConvTranspose2d(4, 3, stride=2, groups=2, bias=False, **FIRST), PLANES, "NCHW"),
    "separable_planes": whole(SeparableConv2d(3, 3, multiplier=2, stride=2, padding="same", **FIRST), PLANES, "NCHW"),
    "max_pool_ceil": whole(MaxPool2d(3, stride=2, padding=1, ceil_mode=True)),
    "max_pool_same": whole(MaxPool2d((2, 3), stride=1, padding="same")),
    "max_pool_reflect": whole(MaxPool2d(3, stride=2, padding=((1, 0), (1, 1)), padding_mode="reflect", ceil_mode=True)),
    "max_pool_signals": whole(MaxPool1d(2, padding=1, dilation=3, stride=7, ceil_mode=True, layout="NCW"), (2, 4, 14), "NCW"),
    "max_pool_volumes": whole(MaxPool3d(3, stride=2, padding=1), VOLUMES),
    "avg_pool_ceil": whole(AvgPool2d(3, stride=2, padding=1, ceil_mode=True)),
    "avg_pool_ceil_without_border": whole(AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False)),
    "avg_pool_uneven": whole(AvgPool2d(3, padding=((1, 0), (0, 1)))),
    "avg_pool_divisor": whole(AvgPool2d(3, stride=2, padding=1, ceil_mode=True, divisor_override=5)),
    "avg_pool_divisor_signals": whole(AvgPool1d(3, stride=2, ceil_mode=True, divisor_override=5), SIGNALS),
    "avg_pool_circular": whole(AvgPool2d(3, padding=1, padding_mode="circular", count_include_pad=False, **FIRST), PLANES, "NCHW"),
    "lp_pool_ceil": whole(LpPool2d(3, stride=2, ceil_mode=True, **FIRST), PLANES, "NCHW"),
    "lp_pool_sums": whole(LpPool2d((2, 3), p=1.0)),
    "lp_pool_largest": whole(LpPool2d((2, 3), p=float("inf"), ceil_mode=True)),
    "adaptive_planes": whole(AdaptiveAvgPool2d((None, 5), **FIRST), PLANES, "NCHW"),
    "adaptive_max_larger": whole(AdaptiveMaxPool2d((15, 4))),
    "pad_value": whole(Pad(((0, 1), (2, 0)), value=2.5)),
    "pad_cropped": whole(Pad(((-2, 1), (3, -1)), mode="replicate")),
    "pad_circular": whole(Pad((2, 1), mode="circular", **FIRST), PLANES, "NCHW"),
    "resize_scale": whole(Resize(scale=(1.5, 0.6))),
    "resize_scale_exact": whole(Resize(scale=1.3, method="nearest_exact")),
    "resize_scale_bicubic": whole(Resize(scale=1.05, method="bicubic")),
    "resize_nearest_exact": whole(Resize((5, 17), method="nearest_exact")),
    "resize_signals": whole(Resize(9), SIGNALS),
    "resize_volumes": whole(Resize((3, 9, 6), align_corners=True), VOLUMES),
    "resize_one": whole(Resize((1, 7), method="bicubic")),
    "resize_nearest": whole(Resize((5, 17), method="nearest", **FIRST), PLANES, "NCHW"),
    "resize_antialias": whole(Resize((5, 20), method="bicubic", antialias=True)),
    "pixel_shuffle_planes": whole(PixelShuffle(2, **FIRST), PLANES, "NCHW"),
    "scale_of_vectors": whole(Sequential(flat=Flatten(), scale=Scale(0.5), out=Dense(3))),
    "normalize_planes": whole(Normalize([0.1, 0.2, 0.3, 0.4], [0.5, 1.0, 2.0, 4.0], **FIRST), PLANES, "NCHW"),
    "normalize_before": whole(normalized(Sequential(conv=Conv2d(3, 3), norm=BatchNorm()), [0.1, 0.2, 0.3, 0.4], [0.5, 1.0, 2.0, 4.0])),
    "batch_norm_of_vectors": whole(Sequential(flat=Flatten(), norm=BatchNorm(scale=False), drop=Dropout(0.5), out=Dense(3))),
    "batch_norm_folded_into_dense": whole(Sequential(flat=Flatten(), out=Dense(3, bias=False), norm=BatchNorm())),
    "batch_norm_plain": whole(BatchNorm(scale=False, bias=False), VOLUMES),
    "layer_norm_of_vectors": whole(Sequential(flat=Flatten(), norm=LayerNorm(bias=False), out=Dense(3))),
    "layer_norm_bias": whole(LayerNorm(axes=(1, 2), scale=False)),
    "layer_norm_plain": whole(Sequential(conv=Conv2d(3, 1, **FIRST), norm=LayerNorm(axes=1, scale=False, bias=False)), PLANES, "NCHW"),
    "rms_norm_all": whole(RMSNorm(axes=(1, 2, 3), epsilon=1e-3, scale=False)),
    "group_norm_of_vectors": whole(Sequential(flat=Flatten(), norm=GroupNorm(4), out=Dense(3))),
    "group_norm_bias": whole(GroupNorm(2, scale=False, **FIRST), PLANES, "NCHW"),
    "instance_norm_scale": whole(InstanceNorm(bias=False), SIGNALS),
    "local_response_norm_even": whole(LocalResponseNorm(2, alpha=0.5, beta=0.6, k=2.0)),
    "flatten_last": whole(Sequential(conv=Conv2d(3, 3), flat=Flatten())),
    "flatten_channels_first": whole(Sequential(conv=Conv2d(3, 3, **FIRST), flat=Flatten(), out=Dense(3)), PLANES, "NCHW"),
    "flatten_joined": whole(
        Sequential(
            join=Parallel(a=Flatten(), b=Sequential(conv=Conv2d(2, 3, stride=2), flat=Flatten())),
            out=Dense(3),
        )
    ),
    "flatten_added": whole(Sequential(join=Parallel(a=Flatten(), b=Sequential(Flatten(), Flatten()), join="add"), out=Dense(3))),
    "dense_of_planes": whole(Sequential(conv=Conv2d(3, 1, **FIRST), dense=Dense(5), again=Conv2d(2, 1, **FIRST)), PLANES, "NCHW"),
    "layouts_mixed": whole(Sequential(conv=Conv2d(5, 3, **FIRST), norm=BatchNorm(), other=Conv2d(3, 3), flat=Flatten(), out=Dense(2)), PLANES, "NCHW"),
    "branches_mixed": whole(Parallel(a=Sequential(dense=Dense(4)), b=Conv2d(4, 1), c=Dropout(0.1), join="add")),
    "shared": whole(Residual(Parallel(a=Conv2d(2, 1), b=Sequential(Activation("relu"), Conv2d(2, 1))), activation="relu")),
    "block": whole(block()),
    "block_inline": whole(Sequential(block(inline=True), pool=GlobalAvgPool(), out=Dense(3))),
    "planes": whole(planes(), PLANES, "NCHW"),
    "resnet18": whole(resnet18(10, width=8), (2, 64, 64, 3)),
}  # fmt: skip

MORE_CASES = [
    Case(name, lambda layer=layer: layer, shape, layout)
    for name, (layer, shape, layout) in MORE.items()
]
