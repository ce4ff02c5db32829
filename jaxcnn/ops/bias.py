"""The bias of a convolution: one number per output channel."""

from typing import Any

from jaxcnn.ops.arguments import Layout, as_array, same_dtype


def as_bias(op: str, bias: Any, x: Any, out_channels: int) -> Any:
    """``bias`` as an array of one number per output channel, in the dtype of ``x``."""
    bias = as_array(op, "bias", bias, ndim=1, axes="out_channels")
    same_dtype(op, "bias", bias, x)
    if bias.shape[0] != out_channels:
        raise ValueError(
            f"{op}: `bias` has {bias.shape[0]} elements, but there are {out_channels} "
            f"output channels"
        )
    return bias


def add_bias(y: Any, bias: Any, axes: Layout) -> Any:
    """``y + bias`` in the dtype of ``y``: the accumulator's, which is rounded only afterwards."""
    return y + axes.per_channel(bias).astype(y.dtype)
