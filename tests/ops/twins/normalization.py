"""Normalizations in torch."""

from typing import Any

import torch
from torch.nn import functional as F

from tests.ops.twins.axes import channels_first, in_layout


def batch_norm(
    x: torch.Tensor,
    mean: torch.Tensor,
    variance: torch.Tensor,
    scale: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    *,
    train: bool,
    momentum: float = 0.1,
    epsilon: float = 1e-5,
    layout: str | None = None,
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """``batch_norm``; of what torch gives no gradient for, the gradient of the formula."""
    x = channels_first(x, layout)
    running = mean.detach().clone(), variance.detach().clone()
    y = F.batch_norm(x, *running, scale, bias, train, momentum, epsilon)
    if not train:
        formula = _evaluated(x, mean, variance, scale, bias, epsilon)
        return in_layout(_with_gradient(y, formula), layout), (mean * 1, variance * 1)
    axes = [axis for axis in range(x.ndim) if axis != 1]
    batch = (mean, variance)
    if x.numel():
        batch = x.mean(axes), x.var(axes, correction=1)
    updates = [
        _with_gradient(value, (1 - momentum) * old + momentum * new if x.numel() else old)
        for value, old, new in zip(running, (mean, variance), batch, strict=True)
    ]
    return in_layout(y, layout), (updates[0], updates[1])


def batch_norm_activation(
    x: torch.Tensor,
    mean: torch.Tensor,
    variance: torch.Tensor,
    scale: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
    *,
    activation: str = "relu",
    **options: Any,
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    y, statistics = batch_norm(x, mean, variance, scale, bias, **options)
    y = y if residual is None else y + residual
    return (F.relu6 if activation == "relu6" else F.relu)(y), statistics


def _evaluated(
    x: torch.Tensor, mean: Any, variance: Any, scale: Any, bias: Any, epsilon: float
) -> torch.Tensor:
    shape = (1, -1, *[1] * (x.ndim - 2))
    y = (x - mean.view(shape)) / (variance.view(shape) + epsilon).sqrt()
    return y if scale is None else y * scale.view(shape) + bias.view(shape)


def _with_gradient(value: torch.Tensor, formula: torch.Tensor) -> torch.Tensor:
    """``value``, differentiated as ``formula``."""
    torch.testing.assert_close(value, formula)
    return value.detach() + formula - formula.detach()


def layer_norm(
    x: torch.Tensor,
    scale: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    *,
    axes: Any,
    epsilon: float = 1e-5,
) -> torch.Tensor:
    last, there, back = _features_last(x, axes)
    return F.layer_norm(last, there, scale, bias, epsilon).permute(back)


def rms_norm(
    x: torch.Tensor, scale: torch.Tensor | None = None, *, axes: Any, epsilon: float | None = None
) -> torch.Tensor:
    last, there, back = _features_last(x, axes)
    return F.rms_norm(last, there, scale, epsilon).permute(back)


def _features_last(x: torch.Tensor, axes: Any) -> tuple[torch.Tensor, list[int], list[int]]:
    """``x`` with ``axes`` last, their sizes, and the permutation that brings them back."""
    wanted = sorted(axis % x.ndim for axis in ([axes] if isinstance(axes, int) else axes))
    order = [axis for axis in range(x.ndim) if axis not in wanted] + wanted
    return (
        x.permute(order),
        [x.shape[axis] for axis in wanted],
        [order.index(a) for a in range(x.ndim)],
    )


def group_norm(
    x: torch.Tensor,
    scale: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    *,
    groups: int,
    epsilon: float = 1e-5,
    layout: str | None = None,
) -> torch.Tensor:
    return in_layout(F.group_norm(channels_first(x, layout), groups, scale, bias, epsilon), layout)


def instance_norm(
    x: torch.Tensor,
    scale: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    *,
    epsilon: float = 1e-5,
    layout: str | None = None,
) -> torch.Tensor:
    y = F.instance_norm(channels_first(x, layout), weight=scale, bias=bias, eps=epsilon)
    return in_layout(y, layout)


def local_response_norm(
    x: torch.Tensor,
    *,
    size: int,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
    layout: str | None = None,
) -> torch.Tensor:
    y = F.local_response_norm(channels_first(x, layout), size, alpha, beta, k)
    return in_layout(y, layout)
