"""How the forms reach JAX programs: the rules by which convolutions are lowered for CPUs.

For other platforms nothing is registered: their convolutions are XLA's own.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.interpreters import mlir

from jaxcnn.engine import forms
from jaxcnn.engine.choice import choose, refuses
from jaxcnn.engine.partitioned import lower, place_of, sharded
from jaxcnn.engine.primitive import conv_p, on_parts
from jaxcnn.engine.problem import Problem
from jaxcnn.engine.reading import Reading, read

# JAX has no public way to ask for a registered rule; it is needed as what to fall back on.
_XLA = mlir._platform_specific_lowerings["cpu"][lax.conv_general_dilated_p].rule


def form_of(reading: Reading, algorithm: str, *, portable: bool) -> Callable[..., Any] | None:
    """What computes a task on a CPU, from its operands; None where that is XLA itself."""
    # The derivatives of a convolution that an algorithm can do may be ones that it cannot.
    wanted = algorithm
    if algorithm == "auto" or refuses(reading.problem, algorithm, portable=portable):
        wanted = choose(reading.problem, reading.gradient, portable=portable).algorithm
    if wanted == "lax":
        return None
    return functools.partial(
        forms.carry_out, reading, functools.partial(part_by, wanted, portable=portable)
    )


def part_by(wanted: str, part: Problem, gradient: bool, *, portable: bool = False) -> str:
    """What computes a part of a problem that is computed by ``wanted``."""
    if not refuses(part, wanted, portable=portable):
        return wanted
    return choose(part, gradient, portable=portable).algorithm


def on_cpu(
    ctx: Any, x: Any, kernel: Any, *, algorithm: str, written_out: bool, **params: Any
) -> Any:
    """The lowering of `conv_p`."""
    (left, right), (result,) = ctx.avals_in, ctx.avals_out
    numbers = jnp.issubdtype(result.dtype, jnp.floating)
    shapes = (*left.shape, *right.shape, *result.shape)
    # Sizes that are not known yet are those of an export with a symbolic shape.
    known = all(isinstance(n, int) and n > 0 for n in shapes)
    place = place_of(ctx)
    beyond = place == "elsewhere" and sharded(result)
    if algorithm != "lax" and numbers and known and not beyond:
        portable = place == "elsewhere"
        form = form_of(read(left, right, params), algorithm, portable=portable)
        params["out_sharding"] = None
        if form is not None and place == "apart":
            own = {"algorithm": algorithm, "written_out": written_out}
            return on_parts(ctx, x, kernel, **own, **params)
        if form is not None:
            return lower(ctx, functools.partial(form, dtype=result.dtype), x, kernel)
        if not _ordered(params["dimension_numbers"]):
            rule = functools.partial(_in_order, written_out=written_out, **params)
            return lower(ctx, rule, x, kernel)
    return _XLA(ctx, x, kernel, **params)


def _ordered(axes: lax.ConvDimensionNumbers) -> bool:
    """Whether the axes are as XLA's fast convolution wants them: channels last, window first."""
    last = len(axes.lhs_spec) - 1
    image = (0, last, *range(1, last))
    return axes == (image, (last, last - 1, *range(last - 1)), image)


def _in_order(x: Any, kernel: Any, *, dimension_numbers: Any, **params: Any) -> Any:
    """XLA's convolution with its operands' axes put in order.

    XLA does that by itself, but not within loops: a kernel gradient is seven times slower there.
    """
    left, right, result = dimension_numbers
    last = x.ndim - 1
    image = (0, last, *range(1, last))
    y = conv_p.bind(
        jnp.transpose(x, (left[0], *left[2:], left[1])),
        jnp.transpose(kernel, (*right[2:], right[1], right[0])),
        algorithm="lax",
        dimension_numbers=lax.ConvDimensionNumbers(
            image, (last, last - 1, *range(last - 1)), image
        ),
        **params,
    )
    order = (result[0], *result[2:], result[1])
    return jnp.transpose(y, tuple(order.index(i) for i in range(len(order))))


mlir.register_lowering(conv_p, on_cpu, platform="cpu")
