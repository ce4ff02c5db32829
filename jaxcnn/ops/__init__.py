"""The pure functions that users import: correlation by hand, convolution, pooling, padding."""

from jaxcnn.ops.batch_statistics import batch_norm
from jaxcnn.ops.convolution import conv1d, conv2d, conv3d
from jaxcnn.ops.correlation import (
    convolve2d,
    corr1d,
    corr2d,
    corr2d_multi_in,
    corr2d_multi_in_out,
    corr2d_multi_in_out_1x1,
    pool2d,
)
from jaxcnn.ops.noise import channel_dropout, dropout
from jaxcnn.ops.normalization import (
    group_norm,
    instance_norm,
    layer_norm,
    local_response_norm,
    rms_norm,
)
from jaxcnn.ops.padding import pad
from jaxcnn.ops.rearrangement import channel_shuffle, pixel_shuffle, pixel_unshuffle

__all__ = [
    "batch_norm",
    "channel_dropout",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv3d",
    "convolve2d",
    "corr1d",
    "corr2d",
    "corr2d_multi_in",
    "corr2d_multi_in_out",
    "corr2d_multi_in_out_1x1",
    "dropout",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "pad",
    "pixel_shuffle",
    "pixel_unshuffle",
    "pool2d",
    "rms_norm",
]
