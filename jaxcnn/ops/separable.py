"""Depthwise and depthwise separable convolutions."""

from typing import Any

from jax.typing import DTypeLike
from jaxtyping import Array, Num

from jaxcnn.ops.argument_types import AnyArray, Padding, PaddingMode, Window
from jaxcnn.ops.arguments import as_array, images, parse_layout, same_dtype
from jaxcnn.ops.bias import as_bias
from jaxcnn.ops.convolution import checked_conv


def depthwise_conv2d(
    x: Num[AnyArray, "n h w c"],
    kernel: Num[AnyArray, "kh kw 1 cm"],
    bias: Num[AnyArray, " cm"] | None = None,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    dilation: Window = 1,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NHWC",
    algorithm: str = "auto",
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Num[Array, "n ho wo cm"]:
    r"""2-D convolution of every channel with kernels of its own: `conv2d` with a group each.

    .. math:: y_{nij,\,cm+q} = b_{cm+q} + \sum_{a,b} x_{n,\,i s + a d,\,j s + b d,\,c}\;
        k_{ab,0,\,cm+q}

    with multiplier :math:`m`, the number of kernels per channel.

    Args:
        x: images in ``layout``, ``"NHWC"`` or ``"NCHW"``.
        kernel: ``(height, width, 1, channels * multiplier)``; the ``multiplier`` kernels of one
            channel lie side by side.
        bias: one number per output channel.
        stride: as in `conv2d`.
        padding: as in `conv2d`.
        dilation: as in `conv2d`.
        padding_mode: as in `conv2d`.
        layout: the axes of ``x`` and of the result.
        algorithm: as in `conv2d`.
        precision: as in `conv2d`.
        preferred_element_type: as in `conv2d`.

    Returns:
        ``channels * multiplier`` channels in ``layout``.

    Raises:
        TypeError: as `conv2d`.
        ValueError: as `conv2d`; also if the kernel is not one of single channels, or has not a
            multiple of the channels of ``x``.

    TensorFlow's kernel is ``(height, width, channels, multiplier)``: a reshape of this one.

    >>> x = jnp.ones((1, 3, 3, 2))
    >>> depthwise_conv2d(x, jnp.ones((3, 3, 1, 4)))[0, 0, 0]
    Array([9., 9., 9., 9.], dtype=float32)
    """
    axes = parse_layout("depthwise_conv2d", layout, 2)
    x, kernel = _depthwise_operands("depthwise_conv2d", "kernel", x, kernel, axes)
    return checked_conv(
        "depthwise_conv2d",
        2,
        x,
        kernel,
        bias,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=max(x.shape[axes.channel], 1),
        padding_mode=padding_mode,
        layout=layout,
        algorithm=algorithm,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def separable_conv2d(
    x: Num[AnyArray, "n h w c"],
    depthwise_kernel: Num[AnyArray, "kh kw 1 cm"],
    pointwise_kernel: Num[AnyArray, "1 1 cm co"],
    bias: Num[AnyArray, " co"] | None = None,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    dilation: Window = 1,
    padding_mode: PaddingMode = "zeros",
    layout: str = "NHWC",
    algorithm: str = "auto",
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Num[Array, "n ho wo co"]:
    """Depthwise separable convolution: `depthwise_conv2d`, then a 1×1 `conv2d`.

    Args:
        x: images in ``layout``, ``"NHWC"`` or ``"NCHW"``.
        depthwise_kernel: ``(height, width, 1, channels * multiplier)``.
        pointwise_kernel: ``(1, 1, channels * multiplier, out_channels)``.
        bias: one number per output channel, added at the end.
        stride: of the depthwise convolution, as in `conv2d`.
        padding: of the depthwise convolution, as in `conv2d`.
        dilation: of the depthwise convolution, as in `conv2d`.
        padding_mode: of the depthwise convolution, as in `conv2d`.
        layout: the axes of ``x`` and of the result.
        algorithm: of both, as in `conv2d`.
        precision: of both, as in `conv2d`.
        preferred_element_type: the dtype of the result; what passes between the two
            convolutions has the dtype of ``x``, as between two layers.

    Returns:
        ``out_channels`` channels in ``layout``.

    Raises:
        TypeError: as `conv2d`.
        ValueError: as `depthwise_conv2d`; also if the second kernel has not a 1×1 window, or
            not the first one's output channels as input channels.

    >>> x = jnp.ones((1, 3, 3, 2))
    >>> separable_conv2d(x, jnp.ones((3, 3, 1, 4)), jnp.ones((1, 1, 4, 3))).ravel()
    Array([36., 36., 36.], dtype=float32)

    Reference: Chollet, *Xception: Deep Learning with Depthwise Separable Convolutions* (2017).
    """
    op = "separable_conv2d"
    axes = parse_layout(op, layout, 2)
    x, depthwise = _depthwise_operands(op, "depthwise_kernel", x, depthwise_kernel, axes)
    pointwise = as_array(op, "pointwise_kernel", pointwise_kernel, ndim=4, axes="1, 1, in, out")
    same_dtype(op, "pointwise_kernel", pointwise, x)
    if pointwise.shape[:3] != (1, 1, depthwise.shape[3]):
        raise ValueError(
            f"{op}: `pointwise_kernel` must have shape (1, 1, {depthwise.shape[3]}, "
            f"out_channels), got {pointwise.shape}"
        )
    if bias is not None:
        bias = as_bias(op, bias, x, pointwise.shape[3])
    between = checked_conv(
        op,
        2,
        x,
        depthwise,
        None,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=max(x.shape[axes.channel], 1),
        padding_mode=padding_mode,
        layout=layout,
        algorithm=algorithm,
        precision=precision,
    )
    return checked_conv(
        op,
        2,
        between,
        pointwise,
        bias,
        layout=layout,
        algorithm=algorithm,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def _depthwise_operands(op: str, name: str, x: Any, kernel: Any, axes: Any) -> tuple[Any, Any]:
    x = images(op, x, axes)
    kernel = as_array(op, name, kernel, ndim=4, axes="height, width, 1, channels * multiplier")
    same_dtype(op, name, kernel, x)
    channels = x.shape[axes.channel]
    if kernel.shape[2] != 1 or kernel.shape[3] % max(channels, 1):
        raise ValueError(
            f"{op}: `{name}` must have 1 input channel and a multiple of {channels} output "
            f"channels (layout {axes.name}), got shape {kernel.shape}"
        )
    return x, kernel
