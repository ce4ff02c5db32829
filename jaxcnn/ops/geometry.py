"""The sizes of results and the receptive fields of layers, computed from options alone."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jaxcnn.ops.argument_types import Padding, Window
from jaxcnn.ops.arguments import as_int, per_axis
from jaxcnn.ops.padding_arguments import check_padding_fits
from jaxcnn.ops.pool_arguments import count_windows
from jaxcnn.ops.transposed import parse_crops, transposed_sizes
from jaxcnn.ops.window_arguments import dilated, parse_padding


def conv_output_shape(
    input_shape: int | Sequence[int],
    window: Window,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    dilation: Window = 1,
    ceil_mode: bool = False,
) -> tuple[int, ...]:
    """The spatial sizes that a convolution or a pool gives.

    Args:
        input_shape: the spatial sizes of the input.
        window: the window's sizes: an int, or one per spatial axis.
        stride: distance between neighbouring windows.
        padding: as in `conv2d`.
        dilation: distance between neighbouring elements of a window.
        ceil_mode: count the window that reaches over the high edge as well, if it starts
            inside of the input or of its low padding, as pools do.

    Returns:
        One size per spatial axis.

    Raises:
        TypeError: if an argument is not made of ints.
        ValueError: if an argument does not fit, or the window is larger than the padded input.

    >>> conv_output_shape((28, 28), 5, padding=2)
    (28, 28)
    >>> conv_output_shape((7, 8), 3, stride=2, ceil_mode=True)
    (3, 4)
    """
    op = "conv_output_shape"
    sizes = _sizes(op, input_shape)
    rank = len(sizes)
    stride = per_axis(op, "stride", stride, rank, minimum=1)
    dilation = per_axis(op, "dilation", dilation, rank, minimum=1)
    span = dilated(per_axis(op, "window", window, rank, minimum=1), dilation)
    pairs = parse_padding(op, padding, sizes, span, stride, crops=True)
    check_padding_fits(op, sizes, pairs, "zeros")
    return count_windows(op, sizes, span, stride, pairs, ceil_mode)


def conv_transpose_output_shape(
    input_shape: int | Sequence[int],
    window: Window,
    *,
    stride: Window = 1,
    padding: Padding = 0,
    output_padding: Window = 0,
    dilation: Window = 1,
) -> tuple[int, ...]:
    """The spatial sizes that a transposed convolution gives.

    Args:
        input_shape: the spatial sizes of the input.
        window: the window's sizes: an int, or one per spatial axis.
        stride: distance between neighbouring input pixels in the result.
        padding: as in `conv_transpose2d`.
        output_padding: as in `conv_transpose2d`.
        dilation: distance between neighbouring elements of a window.

    Returns:
        One size per spatial axis.

    Raises:
        TypeError: if an argument is not made of ints.
        ValueError: if an argument does not fit, or nothing is left of the result.

    >>> conv_transpose_output_shape((7, 7), 4, stride=2, padding=1)
    (14, 14)
    """
    op = "conv_transpose_output_shape"
    sizes = _sizes(op, input_shape)
    rank = len(sizes)
    stride = per_axis(op, "stride", stride, rank, minimum=1)
    dilation = per_axis(op, "dilation", dilation, rank, minimum=1)
    span = dilated(per_axis(op, "window", window, rank, minimum=1), dilation)
    crops = parse_crops(op, padding, output_padding, sizes, span, stride, dilation)
    return transposed_sizes(sizes, span, stride, crops)


class ReceptiveField(NamedTuple):
    """The receptive field of a stack of layers: the input pixels that one output depends on.

    Attributes:
        size: the extent of what one output sees.
        stride: how far apart neighbouring outputs look; a fraction after what enlarges, such as
            a transposed convolution.
        offset: where the first output's field begins; negative in the padding. Its centre is
            at ``offset + (size - 1) / 2``.
    """

    size: tuple[int, ...]
    stride: tuple[float, ...]
    offset: tuple[int, ...]


def receptive_field(layers: Sequence[Mapping[str, Any]]) -> tuple[ReceptiveField, ...]:
    r"""The receptive field after each of several layers.

    .. math:: r_l = r_{l-1} + (e_l - 1)\, j_{l-1}, \qquad j_l = j_{l-1} s_l, \qquad
        o_l = o_{l-1} - p_l\, j_{l-1}

    with size r, stride j ("jump") and offset o, and the layer's span
    :math:`e_l = (k_l - 1) d_l + 1`, stride s and low padding p.

    Args:
        layers: one dict per convolution or pool, first layer first, with the keys ``window``
            and, where they are not the defaults, ``stride`` (1), ``padding`` (0) and
            ``dilation`` (1), each an int or one per spatial axis; the padding also as
            ``(low, high)`` pairs, ``"valid"``, ``"full"`` or, for stride 1, ``"same"``.

    Returns:
        A `ReceptiveField` after each layer, its numbers one per spatial axis. There are as many
        axes as the layers name, one where all options are ints.

    Raises:
        TypeError: if ``layers`` is not a sequence, a layer is not a dict, or an option is not
            made of ints.
        ValueError: if a key is not known or ``window`` is missing, an option does not fit, the
            layers differ in their number of axes, or ``"same"`` meets a stride (how much it
            pads then depends on the size of the input).

    >>> layers = [{"window": 5, "padding": 2}, {"window": 2, "stride": 2}, {"window": 5}]
    >>> receptive_field(layers)[-1]
    ReceptiveField(size=(14,), stride=(2,), offset=(-2,))

    Reference: Araujo, Norris and Sim, *Computing Receptive Fields of Convolutional Neural
    Networks*, Distill (2019).
    """
    if not isinstance(layers, Sequence):
        raise TypeError(f"receptive_field: `layers` must be a sequence, got {layers!r}")
    for layer in layers:
        _check_layer(layer)
    rank = _rank(layers)
    size, jump, offset = [1] * rank, [1] * rank, [0] * rank
    fields = []
    for layer in layers:
        span, stride, low = _axes_of(layer, rank)
        for i in range(rank):
            offset[i] -= low[i] * jump[i]
            size[i] += (span[i] - 1) * jump[i]
            jump[i] *= stride[i]
        fields.append(ReceptiveField(tuple(size), tuple(jump), tuple(offset)))
    return tuple(fields)


_KEYS = ("window", "stride", "padding", "dilation")


def _check_layer(layer: Any) -> None:
    op = "receptive_field"
    if not isinstance(layer, Mapping):
        raise TypeError(f"{op}: each of `layers` must be a dict, got {type(layer).__name__}")
    unknown = [key for key in layer if key not in _KEYS]
    if unknown:
        raise ValueError(f"{op}: a layer's keys must be among {_KEYS}, got {unknown[0]!r}")
    if "window" not in layer:
        raise ValueError(f"{op}: a layer must have a `window`, got {dict(layer)}")


def _rank(layers: Sequence[Mapping[str, Any]]) -> int:
    """How many spatial axes the options name."""
    options = [value for layer in layers for value in layer.values()]
    ranks = {len(v) for v in options if isinstance(v, Sequence) and not isinstance(v, str)}
    if len(ranks) > 1:
        raise ValueError(
            f"receptive_field: `layers` must agree in their spatial axes, got {sorted(ranks)}"
        )
    return ranks.pop() if ranks else 1


def _axes_of(
    layer: Mapping[str, Any], rank: int
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """The span, the stride and the low padding of a layer, one per axis."""
    op = "receptive_field"
    stride = per_axis(op, "stride", layer.get("stride", 1), rank, minimum=1)
    dilation = per_axis(op, "dilation", layer.get("dilation", 1), rank, minimum=1)
    span = dilated(per_axis(op, "window", layer["window"], rank, minimum=1), dilation)
    padding = layer.get("padding", 0)
    if isinstance(padding, str) and padding == "same" and math.prod(stride) != 1:
        raise ValueError(
            f"{op}: `padding` 'same' with stride {stride} depends on the size of the input; "
            f"give it in pixels"
        )
    low = tuple(pair[0] for pair in parse_padding(op, padding, span, span, stride, crops=True))
    return span, stride, low


def _sizes(op: str, input_shape: Any) -> tuple[int, ...]:
    """The spatial sizes as a tuple; one int is one axis."""
    shape = input_shape if isinstance(input_shape, Sequence) else (input_shape,)
    if isinstance(shape, str) or not 1 <= len(shape) <= 3:
        raise ValueError(f"{op}: `input_shape` must be 1 to 3 spatial sizes, got {input_shape!r}")
    return tuple(as_int(op, "input_shape", size, minimum=1) for size in shape)
