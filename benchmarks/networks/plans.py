"""The block sizes of the networks, which are the same in every framework."""

from typing import NamedTuple

RESNET20 = ((16, 1), (16, 1), (16, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1))
"""Features and stride of each block, as He et al. (2016) have them for CIFAR."""

RESNET50 = ((3, 1), (4, 2), (6, 2), (3, 2))
"""Blocks of each stage and the stride of its first: table 1 of He et al. (2016), 50 layers."""


class Inverted(NamedTuple):
    """An inverted residual of MobileNetV2."""

    expansion: int
    features: int
    stride: int


_STAGES = (  # expansion, features, blocks, stride of the first: table 2 of Sandler et al. (2018)
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

MOBILENET_V2 = tuple(
    Inverted(expansion, features, stride if i == 0 else 1)
    for expansion, features, blocks, stride in _STAGES
    for i in range(blocks)
)
