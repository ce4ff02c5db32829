"""Adaptive, global, fractional and inverse pools in torch."""

from typing import Any

import torch
from torch.nn import functional as F

from tests.ops.twins.axes import channels_first, in_layout


def adaptive_avg_pool1d(x: torch.Tensor, output_size: Any, **options: Any) -> torch.Tensor:
    return _adaptive(F.adaptive_avg_pool1d, x, output_size, **options)


def adaptive_avg_pool2d(x: torch.Tensor, output_size: Any, **options: Any) -> torch.Tensor:
    return _adaptive(F.adaptive_avg_pool2d, x, output_size, **options)


def adaptive_avg_pool3d(x: torch.Tensor, output_size: Any, **options: Any) -> torch.Tensor:
    return _adaptive(F.adaptive_avg_pool3d, x, output_size, **options)


def adaptive_max_pool1d(x: torch.Tensor, output_size: Any, **options: Any) -> Any:
    return _adaptive(F.adaptive_max_pool1d, x, output_size, **options)


def adaptive_max_pool2d(x: torch.Tensor, output_size: Any, **options: Any) -> Any:
    return _adaptive(F.adaptive_max_pool2d, x, output_size, **options)


def adaptive_max_pool3d(x: torch.Tensor, output_size: Any, **options: Any) -> Any:
    return _adaptive(F.adaptive_max_pool3d, x, output_size, **options)


def global_avg_pool(x: torch.Tensor, *, layout: str | None = None) -> torch.Tensor:
    return channels_first(x, layout).mean(tuple(range(2, x.ndim)))


def global_max_pool(x: torch.Tensor, *, layout: str | None = None) -> torch.Tensor:
    return F.adaptive_max_pool1d(channels_first(x, layout).flatten(2), 1)[..., 0]


def fractional_max_pool2d(key: None, x: torch.Tensor, **options: Any) -> Any:
    return _fractional(F.fractional_max_pool2d, x, **options)


def fractional_max_pool3d(key: None, x: torch.Tensor, **options: Any) -> Any:
    return _fractional(F.fractional_max_pool3d, x, **options)


def max_unpool1d(x: torch.Tensor, indices: torch.Tensor, **options: Any) -> torch.Tensor:
    return _unpool(F.max_unpool1d, x, indices, **options)


def max_unpool2d(x: torch.Tensor, indices: torch.Tensor, **options: Any) -> torch.Tensor:
    return _unpool(F.max_unpool2d, x, indices, **options)


def max_unpool3d(x: torch.Tensor, indices: torch.Tensor, **options: Any) -> torch.Tensor:
    return _unpool(F.max_unpool3d, x, indices, **options)


def _adaptive(
    function: Any,
    x: torch.Tensor,
    output_size: Any,
    *,
    return_indices: bool = False,
    layout: str | None = None,
) -> Any:
    if not x.is_floating_point():
        y, where = _adaptive(function, x.double(), output_size, return_indices=True, layout=layout)
        return (y.to(x.dtype), where) if return_indices else y.to(x.dtype)
    x = channels_first(x, layout)
    rank = x.ndim - 2
    size = (output_size,) * rank if output_size is None else output_size
    if return_indices:
        y, where = function(x, size, return_indices=True)
        return in_layout(y, layout), in_layout(where, layout)
    return in_layout(function(x, size), layout)


def _fractional(
    function: Any,
    x: torch.Tensor,
    *,
    window: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    samples: torch.Tensor,
    layout: str | None = None,
) -> Any:
    x = channels_first(x, layout).contiguous()
    ratio = (output_ratio,) * (x.ndim - 2) if isinstance(output_ratio, float) else output_ratio
    y, where = function(
        x,
        window,
        output_size=output_size,
        output_ratio=ratio,
        return_indices=True,
        _random_samples=samples,
    )
    y, where = in_layout(y, layout), in_layout(where, layout)
    return (y, where) if return_indices else y


def _unpool(
    function: Any,
    x: torch.Tensor,
    indices: torch.Tensor,
    *,
    window: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
    layout: str | None = None,
) -> torch.Tensor:
    x, where = channels_first(x, layout), channels_first(indices, layout).long()
    # torch takes no pairs here; the cases have none but zeros.
    padding = 0 if isinstance(padding, str) or not isinstance(padding, int) else padding
    size = (output_size,) if isinstance(output_size, int) else output_size
    y = function(x.contiguous(), where.contiguous(), window, stride, padding, size)
    return in_layout(y, layout)
