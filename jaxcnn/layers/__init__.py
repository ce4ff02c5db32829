"""Layers as pairs of pure functions, and the functions that combine, change and describe them."""

from jaxcnn.layers.arrangement import ChannelShuffle, Flatten, Pad, PixelShuffle, Resize
from jaxcnn.layers.composition import Inline, Parallel, Remat, Residual, Sequential, Split
from jaxcnn.layers.convolution import Conv1d, Conv2d, Conv3d
from jaxcnn.layers.dense import Dense, Scale
from jaxcnn.layers.folding import fold_batch_norm
from jaxcnn.layers.global_pooling import (
    AdaptiveAvgPool2d,
    AdaptiveMaxPool2d,
    GlobalAvgPool,
    GlobalMaxPool,
)
from jaxcnn.layers.input_normalization import Normalize, normalized
from jaxcnn.layers.layer import (
    Apply,
    Description,
    Init,
    Layer,
    Params,
    State,
    described,
    output_shape,
    stateless,
)
from jaxcnn.layers.mixed_precision import mixed_precision
from jaxcnn.layers.naming import named_key
from jaxcnn.layers.noise import ChannelDropout, Dropout, StochasticDepth
from jaxcnn.layers.normalization import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LocalResponseNorm,
    RMSNorm,
)
from jaxcnn.layers.pointwise import ACTIVATIONS, Activation, Function, Identity
from jaxcnn.layers.pooling import (
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    LpPool2d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from jaxcnn.layers.separable import DepthwiseConv2d, SeparableConv2d
from jaxcnn.layers.summary_table import Summary, SummaryRow, count_parameters, outputs, summary
from jaxcnn.layers.transformation import is_a, map_layers, rebuild, synchronized
from jaxcnn.layers.transposed import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from jaxcnn.layers.wiring import Flow, LayerNode, Visitor, combined, walk
from jaxcnn.ops.answering_packages import answer_wrong_names

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool2d",
    "Apply",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BatchNorm",
    "ChannelDropout",
    "ChannelShuffle",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Dense",
    "DepthwiseConv2d",
    "Description",
    "Dropout",
    "Flatten",
    "Flow",
    "Function",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GroupNorm",
    "Identity",
    "Init",
    "Inline",
    "InstanceNorm",
    "Layer",
    "LayerNode",
    "LayerNorm",
    "LocalResponseNorm",
    "LpPool2d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "Normalize",
    "Pad",
    "Parallel",
    "Params",
    "PixelShuffle",
    "RMSNorm",
    "Remat",
    "Residual",
    "Resize",
    "Scale",
    "SeparableConv2d",
    "Sequential",
    "Split",
    "State",
    "StochasticDepth",
    "Summary",
    "SummaryRow",
    "Visitor",
    "combined",
    "count_parameters",
    "described",
    "fold_batch_norm",
    "is_a",
    "map_layers",
    "mixed_precision",
    "named_key",
    "normalized",
    "output_shape",
    "outputs",
    "rebuild",
    "stateless",
    "summary",
    "synchronized",
    "walk",
]

answer_wrong_names(__name__, filter(str.islower, __all__))  # constructors do it themselves
