"""`jaxcnn.resize` in torch."""

from typing import Any

import torch
from torch.nn import functional as F

from tests.ops.twins.axes import channels_first, in_layout, spread

MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def resize(
    x: torch.Tensor,
    size: Any = None,
    *,
    scale: Any = None,
    method: str = "bilinear",
    align_corners: bool = False,
    antialias: bool = False,
    layout: str | None = None,
) -> torch.Tensor:
    x = channels_first(x, layout)
    name = "size" if scale is None else "scale_factor"
    amounts = spread(size if scale is None else scale, x.ndim - 2)
    every = {name: amounts}
    if method in ("nearest", "nearest_exact"):
        # Which element it is, torch finds for floats only.
        floats = x if x.is_floating_point() else x.double()
        y = F.interpolate(floats, **every, mode=method.replace("_", "-"))
        return in_layout(y.to(x.dtype), layout)
    if method == "area":
        return in_layout(F.interpolate(x, **every, mode=method), layout)
    options: dict[str, Any] = {"align_corners": align_corners, "antialias": antialias}
    if method == "bilinear" and not antialias:
        return in_layout(F.interpolate(x, **every, mode=MODES[len(amounts)], **options), layout)
    # torch has the others for images only: one axis at a time, as the columns of an image.
    for axis, amount in enumerate(amounts, start=2):
        columns = x.movedim(axis, -1)
        flat = columns.reshape(1, -1, 1, columns.shape[-1])
        if flat.numel():
            one: Any = 1 if scale is None else 1.0
            flat = F.interpolate(flat, **{name: (one, amount)}, mode=method, **options)
        else:
            new = amount if scale is None else int(flat.shape[-1] * amount)
            flat = flat.new_zeros((1, 0, 1, new))
        x = flat.reshape(*columns.shape[:-1], flat.shape[-1]).movedim(-1, axis)
    return in_layout(x, layout)
