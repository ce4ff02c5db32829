"""`jaxcnn.resize` in torch."""

from typing import Any

import torch
from torch.nn import functional as F

from tests.ops.twins.axes import channels_first, in_layout, spread

MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def resize(
    x: torch.Tensor,
    size: Any,
    *,
    method: str = "bilinear",
    align_corners: bool = False,
    antialias: bool = False,
    layout: str | None = None,
) -> torch.Tensor:
    x = channels_first(x, layout)
    sizes = spread(size, x.ndim - 2)
    if method == "nearest":
        # Which element it is, torch finds for floats only.
        y = F.interpolate(x if x.is_floating_point() else x.double(), sizes, mode=method)
        return in_layout(y.to(x.dtype), layout)
    if method == "area":
        return in_layout(F.interpolate(x, sizes, mode=method), layout)
    options: dict[str, Any] = {"align_corners": align_corners, "antialias": antialias}
    if method == "bilinear" and not antialias:
        return in_layout(F.interpolate(x, sizes, mode=MODES[len(sizes)], **options), layout)
    # torch has the others for images only: one axis at a time, as the columns of an image.
    for axis, new in enumerate(sizes, start=2):
        columns = x.movedim(axis, -1)
        flat = columns.reshape(1, -1, 1, columns.shape[-1])
        if flat.numel():
            flat = F.interpolate(flat, (1, new), mode=method, **options)
        else:
            flat = flat.new_zeros((1, 0, 1, new))
        x = flat.reshape(*columns.shape[:-1], new).movedim(-1, axis)
    return in_layout(x, layout)
