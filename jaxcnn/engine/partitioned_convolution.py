"""Splits a convolution over several devices: by images, by output channels or by groups."""

from collections.abc import Callable
from typing import Any

import jax

from jaxcnn.engine import partitioned


def axes_of(x: Any, kernel: Any, params: Any) -> partitioned.Axes:
    """Name the axes of a convolution that may be sharded: the batch, the groups or the features.

    The channels that are summed over may be sharded too, if there are no groups.
    """
    left, right, out = params["dimension_numbers"]
    many = max(params["feature_group_count"], params["batch_group_count"])
    x_names, kernel_names, names = (
        [f"{side}{i}" for i in range(len(left))] for side in ("x", "k", "y")
    )
    x_names[left[0]] = names[out[0]] = "n"
    x_names[left[1]] = kernel_names[right[1]] = "c"
    kernel_names[right[0]] = names[out[1]] = "f"
    features = kernel.shape[right[0]] // many
    if many > 1:
        grouped = left[1] if params["feature_group_count"] > 1 else left[0]
        alone = x.shape[grouped] == many
        x_names[grouped] = "g" if alone else f"(g {x_names[grouped]})"
        kernel_names[right[0]] = names[out[1]] = "g" if features == 1 else "(g f)"
    return partitioned.Axes(
        (tuple(x_names), tuple(kernel_names)),
        tuple(names),
        free=frozenset("nf" if many == 1 else "ng" if params["feature_group_count"] > 1 else "g"),
        summed=frozenset("c" if params["feature_group_count"] == 1 else ""),
        sizes=(("g", many), ("f", features)) if many > 1 else (),
    )


def placed(x: jax.Array, kernel: jax.Array, params: Any) -> list[Any]:
    """The operands with explicit sharding, resharded so that only axes that may be sharded are."""
    return partitioned.placed(axes_of(x, kernel, params), x, kernel)


def sharded_type(made: Any, x: Any, kernel: Any, params: Any) -> Any:
    """The type ``made`` of a result, sharded as the types of the operands are."""
    return partitioned.sharded_type(made, axes_of(x, kernel, params), (x, kernel))


def on_parts(
    ctx: Any, convolve: Callable[..., jax.Array], x: Any, kernel: Any, **params: Any
) -> Any:
    """Lower a convolution so that each device convolves its part by ``convolve``."""
    left, right, out = params["dimension_numbers"]
    images, kernels = ctx.avals_in
    channels, batch = kernels.shape[right[1]], ctx.avals_out[0].shape[out[0]]

    def part(x: Any, kernel: Any) -> Any:
        own = {}
        if params["feature_group_count"] > 1:
            own["feature_group_count"] = x.shape[left[1]] // channels
        if params["batch_group_count"] > 1:
            own["batch_group_count"] = x.shape[left[0]] // batch
        return convolve(x, kernel, **{**params, **own})

    return partitioned.lower_on_parts(ctx, axes_of(images, kernels, params), part, x, kernel)
