"""Convolutional networks, one file per paper, each a function that returns a layer."""

from collections.abc import Callable

from jaxcnn.layers import Layer
from jaxcnn.models.alexnet import alexnet
from jaxcnn.models.convnext import convnext_tiny
from jaxcnn.models.densenet import densenet121
from jaxcnn.models.efficientnet import efficientnet_b0, efficientnet_v2_s
from jaxcnn.models.googlenet import googlenet
from jaxcnn.models.inception import inception_v3
from jaxcnn.models.lenet import lenet, lenet_bn, lenet_modern
from jaxcnn.models.mnasnet import mnasnet1_0
from jaxcnn.models.mobilenet_v2 import mobilenet_v2
from jaxcnn.models.mobilenet_v3 import mobilenet_v3_large, mobilenet_v3_small
from jaxcnn.models.nin import nin
from jaxcnn.models.regnet import regnet_y_400mf
from jaxcnn.models.resnet import (
    resnet18,
    resnet20,
    resnet32,
    resnet34,
    resnet44,
    resnet50,
    resnet56,
    resnet101,
    resnet152,
    resnext50_32x4d,
    wide_resnet50_2,
)
from jaxcnn.models.shufflenet import shufflenet_v2_x1_0
from jaxcnn.models.squeezenet import squeezenet1_1
from jaxcnn.models.vgg import (
    vgg11,
    vgg11_bn,
    vgg13,
    vgg13_bn,
    vgg16,
    vgg16_bn,
    vgg19,
    vgg19_bn,
)

MODELS: dict[str, Callable[..., Layer]] = {
    model.__name__: model
    for model in (
        lenet,
        lenet_modern,
        lenet_bn,
        alexnet,
        vgg11,
        vgg11_bn,
        vgg13,
        vgg13_bn,
        vgg16,
        vgg16_bn,
        vgg19,
        vgg19_bn,
        nin,
        googlenet,
        inception_v3,
        squeezenet1_1,
        resnet18,
        resnet34,
        resnet50,
        resnet101,
        resnet152,
        resnet20,
        resnet32,
        resnet44,
        resnet56,
        wide_resnet50_2,
        resnext50_32x4d,
        densenet121,
        mobilenet_v2,
        mobilenet_v3_small,
        mobilenet_v3_large,
        shufflenet_v2_x1_0,
        mnasnet1_0,
        efficientnet_b0,
        efficientnet_v2_s,
        regnet_y_400mf,
        convnext_tiny,
    )
}
"""The models by name, each a function of the number of classes and of options by keyword."""

__all__ = [
    "MODELS",
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "efficientnet_v2_s",
    "googlenet",
    "inception_v3",
    "lenet",
    "lenet_bn",
    "lenet_modern",
    "mnasnet1_0",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "nin",
    "regnet_y_400mf",
    "resnet18",
    "resnet20",
    "resnet32",
    "resnet34",
    "resnet44",
    "resnet50",
    "resnet56",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "wide_resnet50_2",
]
