"""`conv2d` for signals and for volumes: with 1 and with 3 spatial axes.

They mean what ``torch.nn.functional`` means. The order of the axes is JAX's: channels last by
default, kernels spatial-first. Options are given by keyword only.
"""

from typing import Any, TypedDict, Unpack

from jax.typing import DTypeLike
from jaxtyping import Array, Num

from jaxcnn.ops.argument_types import AnyArray, Padding, PaddingMode, Window
from jaxcnn.ops.convolution import checked_conv, conv2d
from jaxcnn.ops.shared_options import options_of


class ConvOptions(TypedDict, total=False):
    """The options of `conv2d`, which documents them, and of the functions of its family."""

    stride: Window
    padding: Padding
    dilation: Window
    groups: int
    padding_mode: PaddingMode
    layout: str
    algorithm: str
    precision: Any
    preferred_element_type: DTypeLike | None


@options_of(conv2d, layout="NWC")
def conv1d(
    x: Num[AnyArray, "n w ci"],
    kernel: Num[AnyArray, "kw cig co"],
    bias: Num[AnyArray, " co"] | None = None,
    **options: Unpack[ConvOptions],
) -> Num[Array, "n wo co"]:
    """1-D convolution (cross-correlation) of a batch of signals; the options are `conv2d`'s.

    Args:
        x: signals in ``layout``, ``"NWC"`` or ``"NCW"``.
        kernel: ``(width, in_channels // groups, out_channels)``.
        bias: one number per output channel.

    Returns:
        The result in ``layout``, with ``(w + padding - span) // stride + 1`` positions.

    >>> conv1d(jnp.arange(4.0).reshape(1, 4, 1), jnp.ones((2, 1, 1))).ravel()
    Array([1., 3., 5.], dtype=float32)
    """
    return checked_conv("conv1d", 1, x, kernel, bias, **options)


@options_of(conv2d, layout="NDHWC")
def conv3d(
    x: Num[AnyArray, "n d h w ci"],
    kernel: Num[AnyArray, "kd kh kw cig co"],
    bias: Num[AnyArray, " co"] | None = None,
    **options: Unpack[ConvOptions],
) -> Num[Array, "n do ho wo co"]:
    """3-D convolution (cross-correlation) of a batch of volumes; the options are `conv2d`'s.

    Args:
        x: volumes in ``layout``, ``"NDHWC"`` or ``"NCDHW"``.
        kernel: ``(depth, height, width, in_channels // groups, out_channels)``.
        bias: one number per output channel.

    Returns:
        The result in ``layout``.

    >>> conv3d(jnp.ones((1, 3, 3, 3, 1)), jnp.ones((2, 2, 2, 1, 1))).shape
    (1, 2, 2, 2, 1)
    """
    return checked_conv("conv3d", 3, x, kernel, bias, **options)
