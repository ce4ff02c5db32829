"""The pure functions that users import: correlation by hand, convolution, pooling, padding."""

from jaxcnn.ops.adaptive_pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    global_avg_pool,
    global_max_pool,
)
from jaxcnn.ops.answering_packages import (
    answer_wrong_names,
)
from jaxcnn.ops.average_pooling import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
)
from jaxcnn.ops.batch_statistics import (
    batch_norm,
    batch_norm_activation,
)
from jaxcnn.ops.convolution import conv2d
from jaxcnn.ops.convolution_1d_3d import conv1d, conv3d
from jaxcnn.ops.correlation import (
    convolve2d,
    corr1d,
    corr2d,
    corr2d_multi_in,
    corr2d_multi_in_out,
    corr2d_multi_in_out_1x1,
    pool2d,
)
from jaxcnn.ops.fractional_pooling import (
    fractional_max_pool2d,
    fractional_max_pool3d,
)
from jaxcnn.ops.geometry import (
    conv_output_shape,
    conv_transpose_output_shape,
    receptive_field,
)
from jaxcnn.ops.max_pooling import (
    max_pool1d,
    max_pool2d,
    max_pool3d,
)
from jaxcnn.ops.min_pooling import (
    min_pool1d,
    min_pool2d,
    min_pool3d,
)
from jaxcnn.ops.noise import (
    channel_dropout,
    dropout,
)
from jaxcnn.ops.normalization import (
    group_norm,
    instance_norm,
    layer_norm,
    local_response_norm,
    rms_norm,
)
from jaxcnn.ops.padding import (
    pad,
)
from jaxcnn.ops.patches import (
    fold,
    unfold,
)
from jaxcnn.ops.power_pooling import (
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
)
from jaxcnn.ops.rearrangement import (
    channel_shuffle,
    pixel_shuffle,
    pixel_unshuffle,
)
from jaxcnn.ops.resampling import (
    resize,
)
from jaxcnn.ops.sampling_grid import (
    affine_grid,
    grid_sample,
)
from jaxcnn.ops.separable import (
    depthwise_conv2d,
    separable_conv2d,
)
from jaxcnn.ops.transposed import (
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from jaxcnn.ops.unpooling import (
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "affine_grid",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "batch_norm_activation",
    "channel_dropout",
    "channel_shuffle",
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
    "dropout",
    "fold",
    "fractional_max_pool2d",
    "fractional_max_pool3d",
    "global_avg_pool",
    "global_max_pool",
    "grid_sample",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "min_pool1d",
    "min_pool2d",
    "min_pool3d",
    "pad",
    "pixel_shuffle",
    "pixel_unshuffle",
    "pool2d",
    "receptive_field",
    "resize",
    "rms_norm",
    "separable_conv2d",
    "unfold",
]

answer_wrong_names(__name__, __all__)
