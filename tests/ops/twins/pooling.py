"""Pools over windows in torch."""

from typing import Any

import torch
from torch.nn import functional as F

from tests.ops.twins.axes import channels_first, in_layout, spread
from tests.ops.twins.padding import padded, pairs


def max_pool1d(x: torch.Tensor, window: Any, **options: Any) -> Any:
    return _max_pool(F.max_pool1d, x, window, **options)


def max_pool2d(x: torch.Tensor, window: Any, **options: Any) -> Any:
    return _max_pool(F.max_pool2d, x, window, **options)


def max_pool3d(x: torch.Tensor, window: Any, **options: Any) -> Any:
    return _max_pool(F.max_pool3d, x, window, **options)


def min_pool1d(x: torch.Tensor, window: Any, **options: Any) -> Any:
    return -max_pool1d(-x, window, **options)


def min_pool2d(x: torch.Tensor, window: Any, **options: Any) -> Any:
    return -max_pool2d(-x, window, **options)


def min_pool3d(x: torch.Tensor, window: Any, **options: Any) -> Any:
    return -max_pool3d(-x, window, **options)


def avg_pool1d(x: torch.Tensor, window: Any, **options: Any) -> torch.Tensor:
    # torch's 1-D form has no divisor: one row of an image.
    layout = options.pop("layout", None)
    image = channels_first(x, layout)[:, :, None]
    options = {
        name: (1, *spread(value, 1)) if name == "stride" and value is not None else value
        for name, value in options.items()
    }
    if "padding" in options and not isinstance(options["padding"], str):
        options["padding"] = ((0, 0), *pairs(options["padding"], (1,), (1,), (1,)))
    y = _avg_pool(F.avg_pool2d, image, (1, *spread(window, 1)), layout="NCHW", **options)
    return in_layout(y[:, :, 0], layout)


def avg_pool2d(x: torch.Tensor, window: Any, **options: Any) -> torch.Tensor:
    return _avg_pool(F.avg_pool2d, x, window, **options)


def avg_pool3d(x: torch.Tensor, window: Any, **options: Any) -> torch.Tensor:
    return _avg_pool(F.avg_pool3d, x, window, **options)


def lp_pool1d(x: torch.Tensor, window: Any, **options: Any) -> torch.Tensor:
    return _lp_pool(F.lp_pool1d, x, window, **options)


def lp_pool2d(x: torch.Tensor, window: Any, **options: Any) -> torch.Tensor:
    return _lp_pool(F.lp_pool2d, x, window, **options)


def lp_pool3d(x: torch.Tensor, window: Any, **options: Any) -> torch.Tensor:
    return _lp_pool(F.lp_pool3d, x, window, **options)


def _max_pool(
    function: Any,
    x: torch.Tensor,
    window: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    padding_mode: str = "zeros",
    layout: str | None = None,
) -> Any:
    if not x.is_floating_point():
        # torch pools integers in some of its functions only.
        y = _max_pool(
            function,
            x.double(),
            window,
            stride=stride,
            padding=padding,
            dilation=dilation,
            ceil_mode=ceil_mode,
            return_indices=return_indices,
            layout=layout,
        )
        return (y[0].to(x.dtype), y[1]) if return_indices else y.to(x.dtype)
    # On strided volumes torch's own index of a window of -inf alone is wrong.
    x = channels_first(x, layout).contiguous()
    sizes, rank = x.shape[2:], x.ndim - 2
    window, gap = spread(window, rank), spread(dilation, rank)
    step = window if stride is None else spread(stride, rank)
    span = [(k - 1) * d + 1 for k, d in zip(window, gap, strict=True)]
    sides = pairs(padding, sizes, span, step)
    plane = torch.arange(sizes.numel(), dtype=torch.float64).reshape(1, 1, *sizes)
    inside = 0
    if padding_mode == "zeros" and all(low == high for low, high in sides):
        inside = [low for low, _ in sides]
    else:
        mode = padding_mode
        x = padded(x, sides, mode, *((-torch.inf,) if mode == "zeros" else ()))
        plane = padded(plane, sides, mode, *((-1,) if mode == "zeros" else ()))
    y, where = function(x, window, step, inside, gap, ceil_mode, return_indices=True)
    origin = plane.flatten().long()
    y, where = in_layout(y, layout), in_layout(origin[where], layout)
    return (y, where) if return_indices else y


def _avg_pool(
    function: Any,
    x: torch.Tensor,
    window: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    padding_mode: str = "zeros",
    layout: str | None = None,
) -> torch.Tensor:
    x = channels_first(x, layout)
    rank = x.ndim - 2
    window = spread(window, rank)
    step = window if stride is None else spread(stride, rank)
    sides = pairs(padding, x.shape[2:], window, step)
    if padding_mode == "zeros" and all(low == high for low, high in sides):
        sizes = [low for low, _ in sides]
        y = function(x, window, step, sizes, ceil_mode, count_include_pad, divisor_override)
        return in_layout(y, layout)
    held = torch.ones_like(x)
    if count_include_pad or padding_mode != "zeros":
        held = padded(held, sides, "replicate")
    else:
        held = padded(held, sides, "zeros")
    x = padded(x, sides, padding_mode)
    sums, counts = (
        function(a, window, step, 0, ceil_mode, False, divisor_override) for a in (x, held)
    )
    return in_layout(sums if divisor_override else sums / counts, layout)


def _lp_pool(
    function: Any,
    x: torch.Tensor,
    window: Any,
    *,
    p: float,
    stride: Any = None,
    ceil_mode: bool = False,
    layout: str | None = None,
) -> torch.Tensor:
    x = channels_first(x, layout)
    return in_layout(function(x, p, window, stride, ceil_mode), layout)
