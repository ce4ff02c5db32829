"""RegNetY-400MF: stages of equal blocks whose widths follow a line.

Reference: Radosavovic, Kosaraju, Girshick, He and Dollár, *Designing Network Design Spaces* (2020).
"""

from jaxcnn.layers import Dense, GlobalAvgPool, Layer, Residual, Sequential
from jaxcnn.models.blocks import Stem, conv_bn, is_small, squeeze_excitation

STAGES = ((48, 1), (104, 3), (208, 6), (440, 6))
"""Table 16 of the paper, RegNetY-400MF: channels and number of blocks."""

GROUP = 8
"""The channels of a group of the 3×3 convolutions."""


def regnet_y_400mf(num_classes: int = 10, *, stem: Stem = "imagenet") -> Layer:
    """RegNetY-400MF; 4,344,144 parameters and 0.40 billion multiply-adds.

    These are for 1000 classes of 224×224×3 images.

    Args:
        num_classes: the number of outputs.
        stem: ``"small"`` leaves out the strides of the first convolution and of the first stage,
            for images of 28 to 64 pixels.

    Returns:
        A model over ``(n, height, width, channels)`` images that gives ``(n, num_classes)`` logits.

    >>> from jaxcnn.layers import summary
    >>> sum(row.parameters for row in summary(regnet_y_400mf(1000), (1, 224, 224, 3)))
    4344144
    """
    small = is_small("regnet_y_400mf", stem)
    before, stages = 32, {}
    for stage, (channels, count) in enumerate(STAGES, 1):
        blocks = {}
        for block in range(count):
            stride = 2 if block == 0 and not (small and stage == 1) else 1
            blocks[f"block{stage}-{block}"] = _block(before, channels, stride)
            before = channels
        stages[f"block{stage}"] = Sequential(**blocks)
    return Sequential(
        stem=conv_bn(32, stride=1 if small else 2),
        trunk_output=Sequential(**stages),
        avgpool=GlobalAvgPool(),
        fc=Dense(num_classes),
    )


def _block(before: int, channels: int, stride: int) -> Layer:
    """A bottleneck with squeeze-and-excitation, whose 3×3 convolution is in groups."""
    body = Sequential(
        a=conv_bn(channels, 1),
        b=conv_bn(channels, 3, stride=stride, groups=channels // GROUP),
        se=squeeze_excitation(channels, round(before / 4)),
        c=conv_bn(channels, 1, activation=None),
    )
    widens = before != channels or stride > 1
    shortcut = conv_bn(channels, 1, stride=stride, activation=None) if widens else None
    return Residual(
        Sequential(f=body), shortcut, activation="relu", inline=True, shortcut_name="proj"
    )
