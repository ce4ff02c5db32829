"""Depthwise and separable convolutions in NumPy, written with `conv2d`."""

from typing import Any

import numpy as np

from jaxcnn.reference.convolution import conv2d


def depthwise_conv2d(
    x: Any, kernel: Any, bias: Any = None, *, layout: str = "NHWC", **options: Any
) -> np.ndarray:
    """Compute `jaxcnn.depthwise_conv2d` with NumPy loops."""
    channels = np.shape(x)[layout.index("C")]
    return conv2d(x, kernel, bias, groups=channels, layout=layout, **options)


def separable_conv2d(
    x: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    bias: Any = None,
    *,
    layout: str = "NHWC",
    **options: Any,
) -> np.ndarray:
    """Compute `jaxcnn.separable_conv2d` with NumPy loops."""
    between = depthwise_conv2d(x, depthwise_kernel, layout=layout, **options)
    return conv2d(between, pointwise_kernel, bias, layout=layout)
