"""The pure functions that users import: correlation by hand, convolution, pooling, padding."""

from jaxcnn.ops.average_pooling import avg_pool1d, avg_pool2d, avg_pool3d
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
from jaxcnn.ops.max_pooling import max_pool1d, max_pool2d, max_pool3d
from jaxcnn.ops.padding import pad

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "conv1d",
    "conv2d",
    "conv3d",
    "convolve2d",
    "corr1d",
    "corr2d",
    "corr2d_multi_in",
    "corr2d_multi_in_out",
    "corr2d_multi_in_out_1x1",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "pad",
    "pool2d",
]
