"""The layout of ops for 1, 2 or 3 spatial axes, which learn how many from the images."""

from jaxcnn.ops.arguments import Layout, parse_layout


def parse_any_layout(op: str, layout: str | None, ndim: int) -> Layout:
    """`parse_layout` for an op that takes 1, 2 or 3 spatial axes and learns which from ``x``."""
    if not 3 <= ndim <= 5:
        raise ValueError(
            f"{op}: `x` must have a batch axis, 1 to 3 spatial axes and a channel axis, "
            f"got {ndim} axes"
        )
    return parse_layout(op, layout, ndim - 2)
