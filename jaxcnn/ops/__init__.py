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
from jaxcnn.ops.geometry import (
    conv_output_shape,
    conv_transpose_output_shape,
    receptive_field,
)
from jaxcnn.ops.padding import pad
from jaxcnn.ops.patches import fold, unfold
from jaxcnn.ops.separable import depthwise_conv2d, separable_conv2d
from jaxcnn.ops.transposed import conv_transpose1d, conv_transpose2d, conv_transpose3d

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_output_shape",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "conv_transpose_output_shape",
    "convolve2d",
    "corr1d",
    "corr2d",
    "corr2d_multi_in",
    "corr2d_multi_in_out",
    "corr2d_multi_in_out_1x1",
    "depthwise_conv2d",
    "fold",
    "pad",
    "pool2d",
    "receptive_field",
    "separable_conv2d",
    "unfold",
]
