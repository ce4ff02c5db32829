"""The pure functions that users import: correlation by hand, convolution, pooling, padding."""

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
from jaxcnn.ops.padding import pad
from jaxcnn.ops.resampling import resize
from jaxcnn.ops.sampling_grid import affine_grid, grid_sample

__all__ = [
    "affine_grid",
    "conv1d",
    "conv2d",
    "conv3d",
    "convolve2d",
    "corr1d",
    "corr2d",
    "corr2d_multi_in",
    "corr2d_multi_in_out",
    "corr2d_multi_in_out_1x1",
    "grid_sample",
    "pad",
    "pool2d",
    "resize",
]
