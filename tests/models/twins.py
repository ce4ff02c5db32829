"""The torch twins of the models that torchvision lacks, and torchvision itself.

torchvision's C++ library is built for one torch; its models need none of it. Two of its operators
are declared here, so that it can be imported beside any build of torch.
"""

import warnings

import torch
from torch import nn

from tests.models.zoo import CLASSES, ZooCase

LIBRARY = torch.library.Library("torchvision", "FRAGMENT")


def torchvision_models():
    """torchvision's models."""
    try:
        from torchvision import models
    except RuntimeError:
        for name in ("nms", "qnms"):
            LIBRARY.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        from torchvision import models
    return models


def twin(case: ZooCase) -> nn.Module:
    """The same model in torch, without the noise of training."""
    if case.name in TWINS:
        net = TWINS[case.name]()
    else:
        options = {}
        if case.name in ("googlenet", "inception_v3"):
            options = {"aux_logits": False, "init_weights": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            net = torchvision_models().get_model(case.name, num_classes=CLASSES, **options)
    for module in net.modules():
        if type(module).__name__ in ("Dropout", "StochasticDepth"):
            module.p = 0.0
    return net


def _lenet(activation, pool, norm=False):
    def normed(**parts):
        return {name: part for name, part in parts.items() if norm or not name.startswith("bn")}

    names = normed(
        conv1=nn.Conv2d(1, 6, 5, padding=2), bn1=nn.BatchNorm2d(6), act1=activation(), pool1=pool(2),
        conv2=nn.Conv2d(6, 16, 5), bn2=nn.BatchNorm2d(16), act2=activation(), pool2=pool(2),
        flatten=nn.Flatten(), dense1=nn.Linear(400, 120), bn3=nn.BatchNorm1d(120), act3=activation(),
        dense2=nn.Linear(120, 84), bn4=nn.BatchNorm1d(84), act4=activation(),
        dense3=nn.Linear(84, CLASSES),
    )  # fmt: skip
    return _named(names)


def _named(parts):
    net = nn.Sequential()
    for name, part in parts.items():
        net.add_module(name, part)
    return net


def _nin():
    def block(before, after, window, padding):
        parts = []
        for size, margin in ((window, padding), (1, 0), (1, 0)):
            conv = nn.Conv2d(before, after, size, padding=margin, bias=False)
            parts += [conv, nn.BatchNorm2d(after), nn.ReLU()]
            before = after
        return nn.Sequential(*parts)

    return _named({
        "block1": block(1, 96, 5, 2), "pool1": nn.MaxPool2d(3, 2),
        "block2": block(96, 256, 5, 2), "pool2": nn.MaxPool2d(3, 2),
        "block3": block(256, 384, 3, 1), "pool3": nn.MaxPool2d(3, 2),
        "block4": block(384, CLASSES, 3, 1), "avgpool": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
    })  # fmt: skip


class _Small(nn.Module):
    """ResNet for small images, of torchvision's basic blocks."""

    def __init__(self, count):
        super().__init__()
        block = torchvision_models().resnet.BasicBlock
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        before = 16
        for stage, channels in enumerate((16, 32, 64), 1):
            stride = min(stage, 2)
            down = None
            if stride == 2:
                conv = nn.Conv2d(before, channels, 1, stride, bias=False)
                down = nn.Sequential(conv, nn.BatchNorm2d(channels))
            first = block(before, channels, stride, down)
            rest = [block(channels, channels) for _ in range(count - 1)]
            setattr(self, f"layer{stage}", nn.Sequential(first, *rest))
            before = channels
        self.fc = nn.Linear(64, CLASSES)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


TWINS = {
    "lenet": lambda: _lenet(nn.Sigmoid, nn.AvgPool2d),
    "lenet_bn": lambda: _lenet(nn.Sigmoid, nn.AvgPool2d, norm=True),
    "lenet_modern": lambda: _lenet(nn.ReLU, nn.MaxPool2d),
    "nin": _nin,
    **{f"resnet{6 * n + 2}": (lambda n=n: _Small(n)) for n in (3, 5, 7, 9)},
}
