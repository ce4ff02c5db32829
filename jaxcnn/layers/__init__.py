"""``(init, apply)`` pairs made from ops, and what composes them."""

from jaxcnn.layers.composition import Sequential
from jaxcnn.layers.fixed import AvgPool2d, Flatten, Function, MaxPool2d
from jaxcnn.layers.layer import Apply, Blueprint, Init, Layer, Params, State, output_shape
from jaxcnn.layers.learned import Conv2d, Dense
from jaxcnn.layers.table import Row, count_parameters, outputs, summary
from jaxcnn.ops.habits import answer_wrong_names

__all__ = [
    "Apply",
    "AvgPool2d",
    "Blueprint",
    "Conv2d",
    "Dense",
    "Flatten",
    "Function",
    "Init",
    "Layer",
    "MaxPool2d",
    "Params",
    "Row",
    "Sequential",
    "State",
    "count_parameters",
    "output_shape",
    "outputs",
    "summary",
]

answer_wrong_names(__name__, __all__)
